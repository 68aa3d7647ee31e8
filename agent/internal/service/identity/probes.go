package identity

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Link is a network link as the kernel lists it.
type Link struct {
	Name      string
	Addr      string // with colons
	Permanent string // the address it was made with, when the kernel tells
}

// macs takes the permanent addresses of built-in network hardware. A link need
// not be up, and docks, VPNs, bridges and USB adapters never count: with them the
// string would differ between desk and home.
func (r *Room) macs(ctx context.Context) slot {
	var s slot
	all, err := r.cfg.Links(ctx)
	if err != nil {
		s.miss("network links: %v", err)
		return s
	}
	t := tree{r.cfg.Root}
	for _, l := range all {
		if strings.ContainsAny(l.Name, "/\x00") || l.Name == ".." {
			continue
		}
		place, real := t.device("sys", "class", "net", l.Name)
		if !real {
			continue // loopback, bridges, tunnels: not worth a line each
		}
		if where := t.external(place); where != "" {
			s.miss("%s is %s", l.Name, where)
			continue
		}
		addr := l.Permanent
		if addr == "" {
			addr = l.Addr
		}
		mac, err := net.ParseMAC(addr)
		if err != nil || len(mac) != 6 || mac[0]&1 != 0 {
			s.miss("%s has no Ethernet address", l.Name)
			continue
		}
		s.take(l.Name, mac.String())
	}
	s.seldom("no built-in network hardware")
	slices.Sort(s.values)
	s.values = slices.Compact(s.values)
	return s
}

// board is the mainboard's serial number of the firmware's tables.
func (r *Room) board(context.Context) slot {
	var s slot
	b, err := tree{r.cfg.Root}.read("sys", "class", "dmi", "id", "board_serial")
	if err != nil {
		s.miss("board_serial: %s", why(err))
		return s
	}
	s.take("board_serial", string(b))
	return s
}

// cpu is the documented ProcessorId form: CPUID leaf 1, EDX then EAX.
func (r *Room) cpu(context.Context) slot {
	var s slot
	edx, eax, ok := r.cfg.CPU()
	if !ok {
		s.miss("this processor has no CPUID")
		return s
	}
	s.values = []string{fmt.Sprintf("%08X%08X", edx, eax)}
	return s
}
