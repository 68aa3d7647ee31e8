package files

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestFullDisk(t *testing.T) {
	need.Root(t)
	w := newWorld(t)
	object := w.put("part.stl", random(8, 30<<20))
	small := filepath.Join(w.home, "ISCDesk")
	if err := os.Mkdir(small, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, size string }{{"known before the first byte", "size=20m"}, {"noticed", "size=48m"}} {
		t.Run(c.name, func(t *testing.T) {
			if err := syscall.Mount("tmpfs", small, "tmpfs", 0, c.size); err != nil {
				need.Missing(t, "needs to mount a tmpfs: "+err.Error())
			}
			defer syscall.Unmount(small, 0)
			filler := filepath.Join(small, "filler")
			w.drive.Fault = nil
			if c.name == "noticed" { // filled behind the check's back
				var fill sync.Once
				w.drive.Fault = func(r cloudhttp.Request, _ bool) error {
					if strings.Contains(r.Path, "/packs/") {
						fill.Do(func() { _ = os.WriteFile(filler, make([]byte, 30<<20), 0o600) })
					}
					return nil
				}
			}
			_, err := w.tryFetch(object, 0, false)
			code(t, err, api.DiskFull)
			dir := filepath.Join(small, "Parts", "Pumps")
			if names := list(t, dir); len(names) != 0 {
				t.Fatalf("left behind: %q", names)
			}
		})
	}
}
