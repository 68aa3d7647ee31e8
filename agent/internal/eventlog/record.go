package eventlog

import (
	"encoding/binary"
	"unicode/utf16"
)

// Layout of EVENTLOGRECORD (winnt.h), little-endian.
const (
	recordHead     = 56 // where the source's name begins
	recordMagic    = 0x654c664c
	atMagic        = 4
	atKind         = 24
	atStrings      = 26
	atStringOffset = 36
)

// kindError is EVENTLOG_ERROR_TYPE.
const kindError = 1

// lastError finds in records, newest first, the first error of a source and its text.
// What is cut short or is no record ends the search.
func lastError(records []byte, source string) (text string, found bool) {
	for len(records) >= recordHead {
		size := binary.LittleEndian.Uint32(records)
		if size < recordHead || uint64(size) > uint64(len(records)) || binary.LittleEndian.Uint32(records[atMagic:]) != recordMagic {
			return "", false
		}
		r := records[:size]
		records = records[size:]
		if binary.LittleEndian.Uint16(r[atKind:]) != kindError || terminated(r[recordHead:]) != source {
			continue
		}
		at := binary.LittleEndian.Uint32(r[atStringOffset:])
		if binary.LittleEndian.Uint16(r[atStrings:]) == 0 || uint64(at) >= uint64(len(r)) {
			continue
		}
		return terminated(r[at:]), true
	}
	return "", false
}

// terminated reads UTF-16 up to its NUL, or to the end.
func terminated(b []byte) string {
	var text []uint16
	for ; len(b) >= 2; b = b[2:] {
		c := binary.LittleEndian.Uint16(b)
		if c == 0 {
			break
		}
		text = append(text, c)
	}
	return string(utf16.Decode(text))
}
