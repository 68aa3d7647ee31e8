package identity

import (
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestJoin(t *testing.T) {
	for _, c := range []struct {
		name       string
		mac, disk  []string
		board, cpu string
		want       string
	}{
		{"the documented example", []string{"04:7C:16:5E:E3:5D"}, []string{"001B_444A_488B_5CEC."}, "", "BFEBFBFF00090672",
			"04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672"},
		{"nothing at all", nil, nil, "", "", "|||"},
		{"several of each", []string{"aa", "bb"}, []string{"d1", "d2", "d3"}, "b", "c", "AA,BB|D1,D2,D3|B|C"},
		{"upper case of ASCII only", []string{"straße"}, nil, "ı", "", "STRAßE||ı|"},
		{"only the board", nil, nil, "x1", "", "||X1|"},
	} {
		got, macs, disks := join(c.mac, c.disk, c.board, c.cpu)
		if got != c.want || macs != len(c.mac) || disks != len(c.disk) {
			t.Errorf("%s: got %q with %d and %d values, want %q", c.name, got, macs, disks, c.want)
		}
	}
}

// TestJoinBound walks the length over the limit one byte at a time.
func TestJoinBound(t *testing.T) {
	fixed := len("MM|") + len("|BB|CC") + 1 // one disk of one byte
	for _, over := range []int{-1, 0, 1} {
		long := strings.Repeat("x", api.MaxDevInfo-fixed-1+over) // and its comma
		got, macs, disks := join([]string{"mm"}, []string{"d", long}, "bb", "cc")
		want := 2
		if over > 0 {
			want = 1
		}
		if len(got) > api.MaxDevInfo || macs != 1 || disks != want || !strings.HasSuffix(got, "|BB|CC") {
			t.Errorf("%+d: %d bytes, %d macs, %d disks", over, len(got), macs, disks)
		}
	}
	many := make([]string, 1000)
	for i := range many {
		many[i] = "04:7c:16:5e:e3:5d"
	}
	got, macs, disks := join(many, []string{"disk"}, "b", "c")
	if len(got) > api.MaxDevInfo || macs == 0 || macs == len(many) || disks > 1 || strings.Count(got, "|") != 3 {
		t.Errorf("%d bytes, %d macs, %d disks", len(got), macs, disks)
	}
}

// TestLeftOutIsSaid: what does not fit is named, never silently cut.
func TestLeftOutIsSaid(t *testing.T) {
	var found [4]slot
	for range 30 {
		found[1].values = append(found[1].values, strings.Repeat("s", 250))
	}
	fp := assemble(found, true)
	if p := fp.Parts[1]; len(p.Values) >= 30 || !strings.Contains(p.Absent, "left out") || len(fp.Fingerprint) > api.MaxDevInfo {
		t.Errorf("%d values, reason %.80q, %d bytes", len(p.Values), p.Absent, len(fp.Fingerprint))
	}
}

func TestPlaceholders(t *testing.T) {
	for _, v := range []string{"To be filled by O.E.M.", "TO BE FILLED BY O.E.M.", " Default string ", "None", "N/A", "0", "0000-0000",
		"FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF", "00:00:00:00:00:00", "...", "xxxxxxxxxx", "System Serial Number", "QM00001", "VMWare NVME_0000",
		"123456789", "03000200-0400-0500-0006-000700080009", ""} {
		if !placeholder(v) {
			t.Errorf("%q was taken for a serial number", v)
		}
	}
	for _, v := range []string{"001B_444A_488B_5CEC.", "S4EWNX0N700123", ".7XKJD53.CNFCW0004A00B1.", "04:7c:16:5e:e3:5d", "L1HF04A01B2", "1234567"} {
		if placeholder(v) {
			t.Errorf("%q was taken for a placeholder", v)
		}
	}
}

func TestValuesThatCannotStand(t *testing.T) {
	for _, v := range []string{"a|b", "a,b", "a\nb", "caf\xc3\xa9", "\x01", strings.Repeat("x", maxValue+1)} {
		var s slot
		if s.take("disk", v) || len(s.values) != 0 || len(s.absent) != 1 {
			t.Errorf("%q: %+v", v, s)
		}
	}
	var s slot
	if !s.take("disk", "  with blank \x00") || s.values[0] != "with blank" {
		t.Errorf("%+v", s)
	}
}

// FuzzFingerprint: no serial number of a strange device breaks the form.
func FuzzFingerprint(f *testing.F) {
	f.Add("S4EWNX0N700123", "None")
	f.Add("a|b,c", "\x00\xff")
	f.Add(strings.Repeat("x", 300), "")
	f.Fuzz(func(t *testing.T, disk, board string) {
		var found [4]slot
		found[1].take("disk", disk)
		found[2].take("board", board)
		fp := assemble(found, false)
		if strings.Count(fp.Fingerprint, "|") != 3 || len(fp.Fingerprint) > api.MaxDevInfo || strings.ToUpper(fp.Fingerprint) != fp.Fingerprint {
			t.Errorf("%q and %q give %q", disk, board, fp.Fingerprint)
		}
	})
}
