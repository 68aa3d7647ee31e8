package identity

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// firmware is what we read of the firmware's table (DMTF DSP0134, the System Management
// BIOS reference). It is empty where the table has none.
type firmware struct {
	board   string // serial number of the first baseboard
	product string // UUID of the first system, in lower case
}

// Structure types, and where their fields lie in the formatted area.
const (
	typeSystem, systemUUID     = 1, 8
	typeBaseboard, boardSerial = 2, 7
	typeEnd                    = 127
)

// parseFirmware reads what GetSystemFirmwareTable gives for 'RSMB': a head of 8 bytes
// (calling method, major and minor version, revision, length) and the structures. The
// first of each type counts, as in Linux's files: servers list a board for each blade. A
// structure that does not lie whole in the table is an error; what came before it is given.
func parseFirmware(raw []byte) (firmware, error) {
	var f firmware
	if len(raw) < 8 {
		return f, fmt.Errorf("the firmware's table has %d bytes, less than its head", len(raw))
	}
	version := int(raw[1])<<8 | int(raw[2])
	table := raw[8:]
	if n := binary.LittleEndian.Uint32(raw[4:]); uint64(n) <= uint64(len(table)) {
		table = table[:n]
	} else {
		return f, fmt.Errorf("the firmware's table has %d bytes and says %d", len(table), n)
	}
	var seen [typeEnd + 1]bool
	for len(table) > 0 {
		kind, area, texts, rest, err := structure(table)
		if err != nil {
			return f, err
		}
		if kind == typeEnd {
			break
		}
		if table = rest; kind > typeEnd || seen[kind] {
			continue
		}
		switch {
		case kind == typeSystem && len(area) >= systemUUID+16:
			f.product = uuid(area[systemUUID:systemUUID+16], version)
		case kind == typeBaseboard && len(area) > boardSerial:
			f.board = text(texts, area[boardSerial])
		default:
			continue // too short: from before the field was there
		}
		seen[kind] = true
	}
	return f, nil
}

// structure splits the first structure off a table: its formatted area with the head of 4
// bytes (type, length, handle), and its texts, each with a zero behind it. Two zeros end them.
func structure(table []byte) (kind byte, area, texts, rest []byte, err error) {
	if len(table) < 4 {
		return 0, nil, nil, nil, fmt.Errorf("%d bytes at the end of the firmware's table are no structure", len(table))
	}
	n := int(table[1])
	if n < 4 || n > len(table) {
		return 0, nil, nil, nil, fmt.Errorf("a structure of the firmware's table says %d bytes of %d", n, len(table))
	}
	end := bytes.Index(table[n:], []byte{0, 0})
	if end < 0 {
		return 0, nil, nil, nil, errors.New("a structure of the firmware's table has no end")
	}
	return table[0], table[:n], table[n : n+end+1], table[n+end+2:], nil
}

// text is a structure's text by its number, which counts from 1; 0 and a number past the
// last are none.
func text(texts []byte, number byte) string {
	for i := byte(1); number > 0 && len(texts) > 0; i++ {
		one, rest, _ := bytes.Cut(texts, []byte{0})
		if i == number {
			return string(one)
		}
		texts = rest
	}
	return ""
}

// uuid writes 16 bytes as Linux does: since version 2.6 of the standard the first three
// fields are little-endian.
func uuid(b []byte, version int) string {
	a, c, d := binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	if version >= 0x0206 {
		a, c, d = binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint16(b[4:]), binary.LittleEndian.Uint16(b[6:])
	}
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", a, c, d, b[8:10], b[10:16])
}
