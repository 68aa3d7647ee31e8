package identity

import "strings"

// place is where a device hangs: its device node, then those above it up to the root. It is
// empty where the system does not tell; then only what the device says of itself decides.
type place []node

// node is one device node of Plug and Play.
type node struct {
	id           string // instance id: enumerator\device\instance
	service      string // its driver's
	capabilities uint32 // CM_DEVCAP_*
}

const (
	capRemovable = 0x4
	capDock      = 0x8
)

// enumerator is the bus driver that found a device.
func (n node) enumerator() string {
	bus, _, _ := strings.Cut(n.id, `\`)
	return strings.ToUpper(bus)
}

// software says that no bus found the device: a driver made it up (VPN, bridge, virtual
// switch, Wi-Fi Direct, whose enumerator is a bare GUID).
func (p place) software() bool {
	if len(p) == 0 {
		return false
	}
	bus := p[0].enumerator()
	return bus == "ROOT" || bus == "SWD" || strings.HasPrefix(bus, "{")
}

// external says why a device does not belong to the machine itself, or is empty. A dock's
// bridge can be taken away, with all behind it; a disk or an adapter that can be taken out
// by itself is as good as built in: so is every one that a hypervisor shows, and each
// internal disk on a port whose firmware allows to exchange it.
func (p place) external() string {
	for _, n := range p {
		switch bus := n.enumerator(); {
		case bus == "USB" || bus == "USBSTOR":
			return onUSB
		case bus == "1394" || bus == "SBP2":
			return foreign[4]
		case strings.HasPrefix(bus, "BTH"):
			return "Bluetooth"
		case n.capabilities&capDock != 0, n.capabilities&capRemovable != 0 && strings.EqualFold(n.service, "pci"):
			return inDock
		}
	}
	return ""
}
