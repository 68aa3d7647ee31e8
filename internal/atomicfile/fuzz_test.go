package atomicfile

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzScan feeds the reader of logs with anything: it must not panic, must not
// invent records, and what it calls good must read the same again.
func FuzzScan(f *testing.F) {
	whole := appendFrame([]byte(logMagic), 1, [][]byte{[]byte("one"), {}, []byte("three")})
	whole = appendFrame(whole, 2, [][]byte{bytes.Repeat([]byte("x"), 300)})
	seeds := [][]byte{nil, []byte(logMagic), []byte("ISCL"), make([]byte, 64), whole, whole[:len(whole)-1], whole[:30],
		append(bytes.Clone(whole), 0, 0, 0, 0), append(bytes.Clone(whole), whole...), append(bytes.Clone(whole), frameMark+frameMark+frameMark...),
		appendFrame([]byte(logMagic), 7, nil)}
	bad := bytes.Clone(whole)
	bad[20] ^= 1
	for _, s := range append(seeds, bad) {
		f.Add(s)
	}
	if len(seeds) < 10 {
		f.Fatal("the seeds are gone")
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		s := scan(b)
		if s.good < 0 || s.good > int64(len(b)) {
			t.Fatalf("good %d of %d bytes", s.good, len(b))
		}
		again := scan(b[:s.good])
		if again.good != s.good || again.seq != s.seq || again.damaged != "" && s.good > 0 || len(again.records) != len(s.records) {
			t.Fatalf("the good part reads differently: %+v, then %+v", s, again)
		}
		total := 0
		for i, r := range s.records {
			if total += len(r); !bytes.Equal(r, again.records[i]) {
				t.Fatal("records differ")
			}
		}
		if total > len(b) {
			t.Fatalf("%d bytes of records from %d", total, len(b))
		}
		path := filepath.Join(t.TempDir(), "x.log")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		l, records, err := OpenLog(path, 0o600)
		if err != nil && !errors.Is(err, ErrDamaged) {
			t.Fatal(err)
		}
		if len(records) != len(s.records) || (err != nil) != (s.damaged != "") {
			t.Fatalf("opened %d records, %v; scanned %d, %q", len(records), err, len(s.records), s.damaged)
		}
		if err := l.Append([]byte("next")); err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l, records, err = OpenLog(path, 0o600)
		if err != nil || len(records) != len(s.records)+1 {
			t.Fatalf("after an append: %d records, %v", len(records), err)
		}
		_ = l.Close()
	})
}

// TestMadeUpMarksAreBounded: a tail full of marks must not take for ever.
func TestMadeUpMarksAreBounded(t *testing.T) {
	b := []byte(logMagic)
	mark := append([]byte(frameMark), make([]byte, 16)...)
	mark[14] = 0x0f // announces nearly a MiB each
	b = append(b, bytes.Repeat(mark, 100_000)...)
	s := scan(b)
	if len(s.records) != 0 || s.good != int64(len(logMagic)) {
		t.Fatalf("%d records, good %d", len(s.records), s.good)
	}
}
