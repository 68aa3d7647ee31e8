package transfer

import (
	"testing"
	"time"
)

func TestLine(t *testing.T) {
	const mega = 1 << 20
	type pack struct {
		bytes int
		took  time.Duration
	}
	of := func(packs ...pack) []pack { return packs }
	for _, c := range []struct {
		name        string
		zstd, sent  []pack
		known, fast bool
	}{
		{"nothing yet", nil, nil, false, false},
		{"nothing sent yet", of(pack{mega, time.Second}), nil, false, false},
		{"20 Mbit", of(pack{8 * mega, 160 * time.Millisecond}), of(pack{8 * mega, 3200 * time.Millisecond}), true, false},
		{"20 Mbit, a processor that others use", of(pack{8 * mega, 2 * time.Second}), of(pack{8 * mega, 3200 * time.Millisecond}), true, false},
		{"as fast as zstd", of(pack{8 * mega, 160 * time.Millisecond}), of(pack{8 * mega, 160 * time.Millisecond}), true, false},
		{"a little faster", of(pack{8 * mega, 160 * time.Millisecond}), of(pack{8 * mega, 159 * time.Millisecond}), true, true},
		{"small pack, much latency, then a large one", of(pack{mega, 20 * time.Millisecond}), of(pack{mega, 50 * time.Millisecond}, pack{8 * mega, 90 * time.Millisecond}), true, true},
		{"a slow pack after a fast one", of(pack{mega, 20 * time.Millisecond}), of(pack{8 * mega, 90 * time.Millisecond}, pack{8 * mega, time.Minute}), true, true},
		{"no time at all", of(pack{mega, 0}), of(pack{mega, 0}), true, false},
		{"only chunks that zstd did not see", nil, of(pack{mega, time.Second}), true, false},
	} {
		var l line
		for _, p := range c.zstd {
			l.packed(int64(p.bytes), p.took)
		}
		for _, p := range c.sent {
			l.crossed(p.bytes, p.took)
		}
		if l.known() != c.known || l.fast() != c.fast {
			t.Errorf("%s: known %t, fast %t", c.name, l.known(), l.fast())
		}
	}
}
