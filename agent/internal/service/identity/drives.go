package identity

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
)

// descriptor is what we read of a STORAGE_DEVICE_DESCRIPTOR.
type descriptor struct {
	serial    string // as the driver gives it, but for the form that oldSerial knows
	bus       uint32 // STORAGE_BUS_TYPE
	removable bool   // its medium
}

// Values of STORAGE_BUS_TYPE that we know.
const (
	busATA  = 3
	busSATA = 11
)

// foreign are buses whose disks are not the machine's own hardware. A RAID's volume, an
// eMMC chip and what a hypervisor shows as SCSI or NVMe count, as on Linux.
var foreign = map[uint32]string{
	4: "on FireWire", 6: onNetwork, 7: onUSB, 9: onNetwork, 12: "a memory card",
	14: "virtual", 15: "a file", 16: "made of other disks", 20: onNetwork,
}

// parseDescriptor reads the answer to IOCTL_STORAGE_QUERY_PROPERTY: version, size, type,
// modifier, removable medium, queueing, four offsets of texts (the last the serial
// number's), bus type, and texts that end with a zero. An offset of 0 or past the end is none.
func parseDescriptor(b []byte) (descriptor, error) {
	if len(b) < 36 {
		return descriptor{}, fmt.Errorf("a description of %d bytes is too short", len(b))
	}
	if size := binary.LittleEndian.Uint32(b[4:]); size >= 36 && uint64(size) < uint64(len(b)) {
		b = b[:size]
	}
	d := descriptor{removable: b[10] != 0, bus: binary.LittleEndian.Uint32(b[28:])}
	if at := binary.LittleEndian.Uint32(b[24:]); at >= 36 && uint64(at) < uint64(len(b)) {
		serial, _, _ := bytes.Cut(b[at:], []byte{0})
		d.serial = strings.TrimSpace(string(serial))
	}
	if d.bus == busATA || d.bus == busSATA {
		d.serial = oldSerial(d.serial)
	}
	return d, nil
}

// oldSerial undoes what older ATA drivers do: the 20 characters of the drive's identity as
// 40 hex digits, with the two characters of each word exchanged as they lie in the word.
func oldSerial(s string) string {
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != 20 {
		return s
	}
	for i := 0; i < len(b); i += 2 {
		b[i], b[i+1] = b[i+1], b[i]
	}
	if bytes.ContainsFunc(b, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s
	}
	return strings.TrimSpace(string(b))
}

// disk takes one drive's serial number when the drive is built in.
func (s *slot) disk(d drive) {
	if d.err != nil {
		s.miss("%s: %s", d.name, why(d.err))
		return
	}
	about, err := parseDescriptor(d.answer)
	if err != nil {
		s.miss("%s: %v", d.name, err)
		return
	}
	switch where := d.place.external(); {
	case foreign[about.bus] != "":
		s.miss("%s is %s", d.name, foreign[about.bus])
	case about.removable:
		s.miss("%s is removable", d.name)
	case where != "":
		s.miss("%s is %s", d.name, where)
	default:
		s.take(d.name, about.serial)
	}
}
