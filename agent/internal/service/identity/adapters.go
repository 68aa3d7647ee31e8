package identity

import (
	"encoding/binary"
	"fmt"
	"net"
	"unicode/utf16"
)

// A MIB_IF_ROW2, whose members have the same offsets in 32-bit and 64-bit programs. Go's own
// form of it has not: there a 64-bit member of a 32-bit program may stand at any fourth byte.
const (
	rowsAt         = 8    // NumEntries, and room that aligns the rows
	rowSize        = 1352 // of one row
	rowGUID        = 12   // InterfaceGuid
	rowDescription = 542  // 257 UTF-16 units
	rowAddrLength  = 1056
	rowAddr        = 1060 // PhysicalAddress, 32 bytes
	rowPermanent   = 1092 // PermanentPhysicalAddress, 32 bytes
	rowMedium      = 1140 // PhysicalMediumType
	rowFlags       = 1152 // InterfaceAndOperStatusFlags

	flagHardware, flagConnector = 1, 4
	mediumBluetooth             = 10
)

// guid is an interface's id as it lies in memory.
type guid [16]byte

// adapter is what we read of a row.
type adapter struct {
	id        guid
	name      string
	hardware  bool // a device behind it, with a connector (or an antenna)
	bluetooth bool
	addr      net.HardwareAddr // the one that it was made with, where the driver tells
}

// parseAdapters reads a MIB_IF_TABLE2.
func parseAdapters(table []byte) ([]adapter, error) {
	if len(table) < rowsAt {
		return nil, fmt.Errorf("a table of %d bytes is too short", len(table))
	}
	n := binary.LittleEndian.Uint32(table)
	if rows := (len(table) - rowsAt) / rowSize; uint64(n) > uint64(rows) {
		return nil, fmt.Errorf("a table of %d bytes says %d rows", len(table), n)
	}
	var all []adapter
	for i := range int(n) {
		all = append(all, parseAdapter(table[rowsAt+i*rowSize:][:rowSize]))
	}
	return all, nil
}

func parseAdapter(row []byte) adapter {
	a := adapter{
		id:        guid(row[rowGUID:]),
		hardware:  row[rowFlags]&flagHardware != 0 && row[rowFlags]&flagConnector != 0,
		bluetooth: binary.LittleEndian.Uint32(row[rowMedium:]) == mediumBluetooth,
	}
	var name []uint16
	for b := row[rowDescription:rowAddrLength]; len(b) > 1; b = b[2:] {
		unit := binary.LittleEndian.Uint16(b)
		if unit == 0 {
			break
		}
		name = append(name, unit)
	}
	a.name = string(utf16.Decode(name))
	n := int(min(binary.LittleEndian.Uint32(row[rowAddrLength:]), 32))
	a.addr = row[rowPermanent:][:n:n]
	if zero(a.addr) {
		a.addr = row[rowAddr:][:n:n]
	}
	return a
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// adapter takes the address of a built-in adapter. What has no hardware (loopback, tunnels,
// bridges, filters) is not worth a line each.
func (s *slot) adapter(a adapter, p place) {
	if !a.hardware || p.software() {
		return
	}
	switch where := p.external(); {
	case a.bluetooth:
		s.miss("%s is Bluetooth", a.name)
	case where != "":
		s.miss("%s is %s", a.name, where)
	default:
		s.takeMAC(a.name, a.addr)
	}
}
