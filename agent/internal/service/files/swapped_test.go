package files

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// What a path is decided to be is what is sent, or nothing is: someone else may put a
// link in the place of its folder while the cloud is asked, or a page is open.
func TestPathSwappedMeanwhile(t *testing.T) {
	for _, c := range []struct {
		name string
		save func(d *desk, path string, swap func()) map[string]string
		sent int // versions
	}{
		{"save", func(d *desk, path string, swap func()) map[string]string {
			want(d.t, d.saveTo(path, "part.stl"), "status", "success")
			d.drive.asked = swap
			return d.save(path, false)
		}, 1},
		{"save-as with a page", func(d *desk, path string, swap func()) map[string]string {
			st, err := d.room.SaveAs(context.Background(), d.actor(), api.Save{Path: path})
			if err != nil {
				d.t.Fatal(err)
			}
			swap()
			err = d.Call(context.Background(), workerapi.MethodChosen, workerapi.Chosen{Operation: st.Operation, Space: "sp", Name: "part"}, nil)
			if err != nil {
				d.t.Fatal(err)
			}
			return d.result(st.Operation)
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			shared, private := filepath.Join(d.home, "share", "proj"), filepath.Join(d.home, "private")
			d.write(filepath.Join(shared, "part.stl"), "shared")
			d.write(filepath.Join(private, "part.stl"), "SECRET")
			swapped := false
			got := c.save(d, filepath.Join(shared, "part.stl"), func() {
				swapped = true
				if err := os.Rename(shared, shared+".moved"); err != nil {
					t.Error(err)
				}
				if err := os.Symlink(private, shared); err != nil {
					t.Error(err)
				}
			})
			want(t, got, "status", "failed", "code", codeText(api.FileChanging))
			sent := 0
			for _, o := range d.drive.Objects {
				sent += len(o.Versions)
			}
			if !swapped || sent != c.sent {
				t.Errorf("swapped: %v, %d versions, want %d", swapped, sent, c.sent)
			}
			d.outboxIsEmpty()
		})
	}
}
