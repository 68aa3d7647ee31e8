package eventlog

import (
	"encoding/binary"
	"testing"
	"unicode/utf16"
)

func wide(text string) []byte {
	var b []byte
	for _, c := range append(utf16.Encode([]rune(text)), 0) {
		b = binary.LittleEndian.AppendUint16(b, c)
	}
	return b
}

// record is an EVENTLOGRECORD as Windows lays it out.
func record(kind uint16, source string, strings ...string) []byte {
	b := append(make([]byte, recordHead), wide(source)...)
	b = append(b, wide("COMPUTER")...)
	at := len(b)
	for _, s := range strings {
		b = append(b, wide(s)...)
	}
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	b = binary.LittleEndian.AppendUint32(b, uint32(len(b)+4))
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	binary.LittleEndian.PutUint32(b[atMagic:], recordMagic)
	binary.LittleEndian.PutUint16(b[atKind:], kind)
	binary.LittleEndian.PutUint16(b[atStrings:], uint16(len(strings)))
	binary.LittleEndian.PutUint32(b[atStringOffset:], uint32(at))
	return b
}

func join(parts ...[]byte) []byte {
	var all []byte
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func TestLastError(t *testing.T) {
	ours := record(kindError, "iscdesk-agent", "the pipe is taken 界")
	for _, c := range []struct {
		name    string
		records []byte
		want    string
		found   bool
	}{
		{"nothing", nil, "", false},
		{"ours", ours, "the pipe is taken 界", true},
		{"behind others", join(record(kindError, "Other", "x"), record(4, "iscdesk-agent", "started"), record(2, "iscdesk-agent", "warned"), ours), "the pipe is taken 界", true},
		{"the newest of two", join(record(kindError, "iscdesk-agent", "new"), ours), "new", true},
		{"a source that begins so", record(kindError, "iscdesk-agent2", "x"), "", false},
		{"without a text", join(record(kindError, "iscdesk-agent"), ours), "the pipe is taken 界", true},
		{"cut short", ours[:len(ours)-1], "", false},
		{"less than a head", ours[:recordHead-1], "", false},
		{"no record", make([]byte, 100), "", false},
	} {
		if got, found := lastError(c.records, "iscdesk-agent"); got != c.want || found != c.found {
			t.Errorf("%s: %q, %v", c.name, got, found)
		}
	}
}

func FuzzLastError(f *testing.F) {
	good := record(kindError, "s", "text")
	f.Add(good)
	f.Add(join(record(4, "s", "x"), good))
	outside := record(kindError, "s", "text")
	binary.LittleEndian.PutUint32(outside[atStringOffset:], 1<<31)
	f.Add(outside)
	f.Fuzz(func(t *testing.T, b []byte) {
		if text, _ := lastError(b, "s"); len(text) > 2*len(b) {
			t.Errorf("%d bytes of %d", len(text), len(b))
		}
	})
}
