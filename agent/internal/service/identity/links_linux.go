package identity

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"syscall"

	psnet "github.com/shirou/gopsutil/v3/net"
)

// links lists the network links of the running system.
func links(ctx context.Context) ([]link, error) {
	all, err := psnet.InterfacesWithContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("list network links: %w", err)
	}
	permanent := permanentAddrs()
	out := make([]link, 0, len(all))
	for _, l := range all {
		out = append(out, link{Name: l.Name, Addr: l.HardwareAddr, Permanent: permanent[l.Name]})
	}
	return out, nil
}

// iflaPermAddress is the kernel's IFLA_PERM_ADDRESS: the address before anyone
// changed it (Wi-Fi privacy, a bond). Kernels before 5.6 do not tell.
const iflaPermAddress = 54

// permanentAddrs asks the kernel once for all links. Without an answer the
// addresses in use count.
func permanentAddrs() map[string]string {
	table, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return nil
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return nil
	}
	found := map[string]string{}
	for _, m := range messages {
		if m.Header.Type != syscall.RTM_NEWLINK {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&m)
		if err != nil {
			continue
		}
		var name, addr string
		for _, a := range attrs {
			switch a.Attr.Type {
			case syscall.IFLA_IFNAME:
				name = string(bytes.TrimRight(a.Value, "\x00"))
			case iflaPermAddress:
				addr = net.HardwareAddr(a.Value).String()
			}
		}
		if name != "" && addr != "" {
			found[name] = addr
		}
	}
	return found
}
