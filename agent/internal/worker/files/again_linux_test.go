package files

import (
	"bytes"
	"context"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A file that is written to without a trace in its times, as Windows allows it to a
// program that keeps it open: here through a shared map, in a page that is dirty
// already. Without the second reading the planted fault is stored.
func TestWriteThatLeavesTheTimes(t *testing.T) {
	for _, c := range []struct {
		name   string
		late   bool
		writes int
		want   api.Code
		mixed  bool
	}{
		{"times are believed", false, 1, api.OK, true},
		{"read twice, settles", true, 1, api.OK, false},
		{"read twice, written all the time", true, 1 << 20, api.FileChanging, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.room.timesAreLate = c.late
			path := w.path("part.stl")
			write(t, path, random(7, 6<<20))
			f, err := os.OpenFile(path, os.O_RDWR, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			view, err := unix.Mmap(int(f.Fd()), 0, 6<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = unix.Munmap(view) }()
			view[0]++                 // the page is dirty from here on
			time.Sleep(2 * timeGrain) // and its time stamp old
			written, n := 0, 0
			got, err := w.room.snapshot(context.Background(), target{at: holding(t, path), base: "part.stl", kind: "file", name: "part.stl"}, sinkFunc(func() error {
				if n++; n%2 == 0 && written < c.writes { // behind the first chunk, which has been read
					written++
					view[0]++
				}
				return nil
			}))
			code(t, err, c.want)
			if written == 0 {
				t.Fatal("the fault was not planted")
			}
			if err != nil {
				return
			}
			var now []chunk.Ref
			if err := new(chunk.Cutter).Cut(bytes.NewReader(view), func(plain []byte) error {
				now = append(now, chunk.Ref{ID: chunk.Sum(plain), Size: int64(len(plain))})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			if mixed := got.manifest.Files[0].Chunks[0] != now[0]; mixed != c.mixed {
				t.Errorf("what was saved is not what the file holds: %t, want %t", mixed, c.mixed)
			}
		})
	}
}
