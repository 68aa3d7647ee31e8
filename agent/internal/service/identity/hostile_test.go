package identity

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
)

// with is a structure: its formatted area is head and tail, with the length told as it is.
func with(kind byte, length int, tail string, texts string) []byte {
	b := append([]byte{kind, byte(length), 0, 1}, make([]byte, length-4)...)
	copy(b[4:], tail)
	return append(b, texts...)
}

// TestHostileFirmware: tables that lie about their lengths, at each border.
func TestHostileFirmware(t *testing.T) {
	board := with(2, 8, "\x01\x02\x03\x04", "a\x00b\x00c\x00SERIAL\x00\x00")
	id := "\x01\x02\x03\x04\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f"
	system := with(1, 24, id, "a\x00b\x00\x00")
	joined := func(all ...[]byte) []byte { return rawTable(3, 0, bytes.Join(all, nil)) }
	lies := func(n uint32) []byte {
		b := joined(board)
		binary.LittleEndian.PutUint32(b[4:], n)
		return b
	}
	const uuid = "13121110-1514-1716-1819-1a1b1c1d1e1f"
	for _, c := range []struct {
		name           string
		raw            []byte
		board, product string
		cause          string // empty: no error
	}{
		{"nothing", nil, "", "", "0 bytes, less than its head"},
		{"less than a head", make([]byte, 7), "", "", "7 bytes, less than its head"},
		{"a head alone", make([]byte, 8), "", "", ""},
		{"both", joined(system, board), "SERIAL", uuid, ""},
		{"one byte more than there is", lies(uint32(len(board)) + 1), "", "", "and says"},
		{"all there could be", lies(1<<32 - 1), "", "", "and says"},
		{"none of it", lies(0), "", "", ""},
		{"cut in the end mark", lies(uint32(len(board)) - 1), "", "", "has no end"},
		{"cut in the area", lies(7), "", "", "says 8 bytes of 7"},
		{"cut in the head", lies(3), "", "", "3 bytes at the end"},
		{"a length less than a head", joined([]byte{2, 3, 0, 0, 0, 0}), "", "", "says 3 bytes"},
		{"a length of none", joined([]byte{2, 0, 0, 0, 0, 0}), "", "", "says 0 bytes"},
		{"longer than the table", joined([]byte{2, 255, 0, 0, 0, 0}), "", "", "says 255 bytes"},
		{"damage behind", joined(board, system, []byte{9, 200, 0}), "SERIAL", uuid, "3 bytes at the end"},
		{"a text past the last", joined(with(2, 8, "\x01\x02\x03\x05", "a\x00b\x00c\x00SERIAL\x00\x00")), "", "", ""},
		{"the last number", joined(with(2, 8, "\x01\x02\x03\xff", "a\x00\x00")), "", "", ""},
		{"text none", joined(with(2, 8, "\x01\x02\x03\x00", "a\x00\x00")), "", "", ""},
		{"no texts at all", joined(with(2, 8, "\x01\x02\x03\x01", "\x00\x00")), "", "", ""},
		{"a board from before serial numbers", joined(with(2, 7, "\x01\x02\x03", "a\x00b\x00c\x00\x00"), board), "SERIAL", "", ""},
		{"a system from before UUIDs", joined(with(1, 23, id, "\x00\x00"), system), "", uuid, ""},
		{"two boards", joined(board, with(2, 8, "\x01\x02\x03\x01", "OTHER\x00\x00")), "SERIAL", "", ""},
		{"behind the end", joined([]byte{127, 4, 0, 0, 0, 0}, board), "", "", ""},
		{"a maker's own type", joined(with(200, 4, "", "\x00\x00"), with(255, 4, "", "\x00\x00"), board), "SERIAL", "", ""},
	} {
		f, err := parseFirmware(c.raw)
		if f.board != c.board || f.product != c.product {
			t.Errorf("%s: got %+v", c.name, f)
		}
		if (err == nil) != (c.cause == "") || err != nil && !strings.Contains(err.Error(), c.cause) {
			t.Errorf("%s: got %v, want %q", c.name, err, c.cause)
		}
		src := answers{&recorded{table: c.raw}}
		if serial, err := src.boardSerial(); serial != c.board || err != nil && serial != "" {
			t.Errorf("%s: the board is %q, %v", c.name, serial, err)
		}
	}
}

// TestHostileDescription: offsets and sizes that point elsewhere.
func TestHostileDescription(t *testing.T) {
	full := description(17, false, "SERIAL")
	put := func(at int, n uint32) []byte {
		b := bytes.Clone(full)
		binary.LittleEndian.PutUint32(b[at:], n)
		return b
	}
	for _, c := range []struct {
		name   string
		answer []byte
		serial string
		fails  bool
	}{
		{"whole", full, "SERIAL", false},
		{"nothing", nil, "", true},
		{"one byte too few", make([]byte, 35), "", true},
		{"as short as can be", make([]byte, 36), "", false},
		{"no serial number", put(24, 0), "", false},
		{"none, as some drivers say it", put(24, 1<<32-1), "", false},
		{"in the head", put(24, 4), "", false},
		{"at the end", put(24, uint32(len(full))), "", false},
		{"at the end of what it says", put(24, 47), "", false},
		{"size none", put(4, 0), "SERIAL", false},
		{"size past the end", put(4, 1<<32-1), "SERIAL", false},
		{"size that cuts the text", put(4, 43), "SER", false},
		{"cut short", full[:43], "SER", false},
	} {
		d, err := parseDescriptor(c.answer)
		if d.serial != c.serial || (err != nil) != c.fails {
			t.Errorf("%s: got %+v, %v", c.name, d, err)
		}
	}
}

// TestOldSerial: only 40 hex digits that give 20 characters are what older drivers tell.
func TestOldSerial(t *testing.T) {
	for in, want := range map[string]string{
		"2020202057202d44435756413936313932343537":   "WD-WCAV69914275",
		"2020202057202D44435756413936313932343537":   "WD-WCAV69914275",
		"WD-WCAV69914275":                            "WD-WCAV69914275",
		"0123456789abcdef0123456789abcdef01234567":   "0123456789abcdef0123456789abcdef01234567",
		"2020202057202d444357564139363139323435":     "2020202057202d444357564139363139323435",
		"2020202057202d44435756413936313932343537ab": "2020202057202d44435756413936313932343537ab",
		"": "",
	} {
		if got := oldSerial(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
		for bus, decoded := range map[int]bool{busATA: true, busSATA: true, 17: false} {
			if d, err := parseDescriptor(description(bus, false, in)); err != nil || d.serial != want && decoded || d.serial != in && !decoded {
				t.Errorf("%q on bus %d: got %q, %v", in, bus, d.serial, err)
			}
		}
	}
}

// TestForeignBuses: a disk of another machine, of other disks or in a hand is left out.
func TestForeignBuses(t *testing.T) {
	for bus := range 24 {
		var s slot
		s.disk(drive{name: "PhysicalDrive0", answer: description(bus, false, "S3Z8NB0K")})
		if left := foreign[uint32(bus)] != ""; left == (len(s.values) == 1) || left != (len(s.absent) == 1) {
			t.Errorf("bus %d: %+v", bus, s)
		}
	}
	if foreign[7] != onUSB || foreign[9] != onNetwork || foreign[17] != "" || foreign[8] != "" {
		t.Error("buses are mixed up")
	}
}

// TestHostileLinks: a table that says more rows than it has, and rows that say more bytes.
func TestHostileLinks(t *testing.T) {
	rows := func(n uint32, size int) []byte {
		b := make([]byte, size)
		if size >= 4 {
			binary.LittleEndian.PutUint32(b, n)
		}
		return b
	}
	for _, c := range []struct {
		name  string
		table []byte
		rows  int
		fails bool
	}{
		{"nothing", nil, 0, true},
		{"half a head", rows(0, 7), 0, true},
		{"no rows", rows(0, 8), 0, false},
		{"one", rows(1, 8+rowSize), 1, false},
		{"one, a byte short", rows(1, 8+rowSize-1), 0, true},
		{"two of one", rows(2, 8+rowSize), 0, true},
		{"all there could be", rows(1<<32-1, 8+rowSize), 0, true},
	} {
		all, err := parseAdapters(c.table)
		if len(all) != c.rows || (err != nil) != c.fails {
			t.Errorf("%s: %d rows, %v", c.name, len(all), err)
		}
	}
	full := bytes.Repeat([]byte{0xff}, rowSize) // a name without an end, an address of 4 GiB
	if a := parseAdapter(full); len(a.addr) != 32 || len([]rune(a.name)) != 257 {
		t.Errorf("%d bytes of address, name %q", len(a.addr), a.name)
	}
}

// FuzzFirmware: whatever a table holds, what is taken of it can stand in the documented string.
func FuzzFirmware(f *testing.F) {
	for _, name := range []string{"windows-laptop", "windows-whitebox", "windows-guest"} {
		f.Add(replay(f, name).table)
	}
	f.Add(rawTable(3, 0, []byte{2, 8, 0, 0, 0, 0, 0, 255, 'a', 0, 0}))
	f.Add([]byte{0, 2, 6, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, raw []byte) {
		got, err := parseFirmware(raw)
		if len(got.board) > len(raw) || len(got.product) != 0 && len(got.product) != 36 {
			t.Errorf("%+v, %v of %d bytes", got, err, len(raw))
		}
	})
}

// FuzzDescriptor and FuzzLinks: no answer of a strange driver ends the agent.
func FuzzDescriptor(f *testing.F) {
	for _, d := range replay(f, "windows-whitebox").disks {
		f.Add(d.answer)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if d, err := parseDescriptor(answer); err != nil && d != (descriptor{}) || len(d.serial) > len(answer) {
			t.Errorf("%+v, %v", d, err)
		}
	})
}

func FuzzLinks(f *testing.F) {
	f.Add(replay(f, "windows-laptop").rows)
	f.Add([]byte{1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, table []byte) {
		if all, err := parseAdapters(table); len(all)*rowSize > len(table) || err != nil && all != nil {
			t.Errorf("%d rows of %d bytes, %v", len(all), len(table), err)
		}
	})
}
