package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"strings"
)

// link is a network link as the kernel lists it.
type link struct {
	Name      string
	Addr      string // with colons
	Permanent string // the address it was made with, when the kernel tells
}

// reserved is why an ordinary user's agent lacks something.
const reserved = "only root may read it"

// files is the hardware as Linux shows it below a root folder, "/" but in tests, so that
// recorded trees of real machines are test vectors.
type files struct {
	tree
	links func(context.Context) ([]link, error) // of the running kernel; a tree holds no permanent address
}

// here is the running system.
func here() source { return files{tree{"/"}, links} }

// macs takes the permanent addresses of built-in network hardware. A link need
// not be up, and docks, VPNs, bridges and USB adapters never count: with them the
// string would differ between desk and home.
func (t files) macs(ctx context.Context) slot {
	var s slot
	all, err := t.links(ctx)
	if err != nil {
		s.miss("network links: %v", err)
		return s
	}
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
		mac, _ := net.ParseMAC(addr)
		s.takeMAC(l.Name, mac)
	}
	s.settle("no built-in network hardware")
	return s
}

// boardSerial and productUUID are files that only root may read.
func (t files) boardSerial() (string, error) {
	b, err := t.read("sys", "class", "dmi", "id", "board_serial")
	return string(b), err
}

func (t files) productUUID() (string, error) {
	b, err := t.read("sys", "class", "dmi", "id", "product_uuid")
	return strings.ToLower(string(b)), err
}

// osID is machineid's, and /etc/machine-id where that says something else.
func (t files) osID() string {
	if t.root != "/" {
		return t.text("etc", "machine-id")
	}
	id, raw := protectedID()
	if id == "" || raw == "uninitialized" {
		return ""
	}
	return withSystemID(id, raw, t.text("etc", "machine-id"))
}

// withSystemID adds /etc/machine-id where it differs from the id that machineid
// found: machineid asks the bus's file first, which a cloned image may have kept.
func withSystemID(id, raw, system string) string {
	if system == "" || system == raw || placeholder(system) || system == "uninitialized" {
		return id
	}
	mac := hmac.New(sha256.New, []byte(system))
	mac.Write([]byte(appID)) // as machineid protects an id
	return id + "+" + hex.EncodeToString(mac.Sum(nil))
}
