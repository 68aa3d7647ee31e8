package files

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A queued save is refused at last, and its path holds later work: what was queued
// is laid beside it.
func TestRefusedQueuedSaveIsKept(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(d *desk, object string)
		code  api.Code
	}{
		{"check-out taken over", func(d *desk, object string) { d.drive.take(object) }, api.CheckoutLost},
		{"object deleted", func(d *desk, object string) { delete(d.drive.Objects, object) }, api.NotFound},
		{"no right any more", func(d *desk, _ string) { d.drive.nextErr["transfer"] = refuse(api.Forbidden, "planted") }, api.Forbidden},
		{"newer version", func(d *desk, object string) {
			o := d.drive.Objects[object]
			o.Versions = append(o.Versions, o.Versions[0])
		}, api.Conflict},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			object, path := d.checkedOut()
			d.drive.setAway(true)
			op := d.queueSave(path, "two")
			d.write(path, "three")
			c.spoil(d, object)
			d.drive.setAway(false)
			d.room.Wake(uid)
			got := d.final(op)
			want(t, got, "status", "failed", "code", codeText(c.code), "offerSaveAs", "true")
			if all := d.copies(filepath.Dir(path)); len(all) != 1 || all[0] != got["conflictCopy"] {
				t.Fatalf("copies %q, told %v", all, got)
			}
			d.onDisk(got["conflictCopy"], "two")
			d.onDisk(path, "three")
			d.outboxIsEmpty()
		})
	}
}

// Where the copy cannot be laid, the outbox keeps the work.
func TestRefusedQueuedSaveStaysInTheOutbox(t *testing.T) {
	d := newDesk(t)
	object, path := d.checkedOut()
	d.drive.setAway(true)
	op := d.queueSave(path, "two")
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		t.Fatal(err)
	}
	d.write(filepath.Dir(path), "a file where the folder was")
	d.drive.take(object)
	d.drive.setAway(false)
	d.room.Wake(uid)
	got := d.final(op)
	want(t, got, "status", "failed", "conflictCopy", "")
	p, err := d.worker.Pending(context.Background())
	if err != nil || len(p.Stores) != 1 {
		t.Fatalf("pending %+v, %v", p, err)
	}
}

// A save that no operation knows any more, and that the cloud refuses for good.
func TestRefusedOrphanIsKept(t *testing.T) {
	d := newDesk(t)
	object, path := d.checkedOut()
	d.write(path, "two")
	s := workerapi.Store{Operation: 900, Key: "a-save-of-an-old-agent", Path: path, Space: "sp", Object: object, Base: 1, Fence: 1, Account: account}
	if got, err := d.worker.Store(context.Background(), s); err != nil || !got.Queued {
		t.Fatalf("%+v, %v", got, err)
	}
	d.write(path, "three")
	d.drive.take(object)
	d.stop()
	d.start()
	other := d.object("other.stl", "x")
	d.open(api.Open{Object: other}) // the first request of the user begins the sweep
	d.outboxIsEmpty()
	all := d.copies(filepath.Dir(path))
	if len(all) != 1 || !strings.HasSuffix(all[0], ").stl") {
		t.Fatalf("copies %q", all)
	}
	d.onDisk(all[0], "two")
}

// Saves of a path whose save as a new object still waits are its next versions.
func TestSaveBehindAQueuedSaveTo(t *testing.T) {
	for _, c := range []struct {
		name  string
		meant func(d *desk, path string) // happens while all wait
		taken bool                       // the new object's name
	}{
		{"the agent goes on", func(*desk, string) {}, false},
		{"the agent is started again", func(d *desk, _ string) { d.stop(); d.start() }, false},
		{"the new object is refused", func(*desk, string) {}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			path := filepath.Join(d.home, "work", "new.stl")
			d.write(path, "one")
			d.drive.setAway(true)
			st, err := d.room.SaveTo(context.Background(), d.actor(), api.SaveTo{Path: path, Space: "sp", Name: "new.stl"})
			if err != nil {
				t.Fatal(err)
			}
			want(t, d.result(st.Operation), "queued", "true")
			second := d.queueSave(path, "two")
			third := d.queueSave(path, "three")
			c.meant(d, path)
			d.drive.setAway(false)
			if c.taken {
				d.object("new.stl", "another's")
			}
			d.room.Wake(uid)
			if c.taken {
				want(t, d.final(st.Operation), "status", "failed", "code", codeText(api.NameExists))
				want(t, d.final(second), "status", "failed", "code", codeText(api.NotCloudFile), "offerSaveAs", "true")
				want(t, d.final(third), "status", "failed", "code", codeText(api.NotCloudFile), "conflictCopy", "")
				if all := d.copies(filepath.Dir(path)); len(all) != 2 {
					t.Fatalf("copies %q", all)
				}
				d.outboxIsEmpty()
				return
			}
			first := d.final(st.Operation)
			want(t, first, "status", "success", "version", "1")
			want(t, d.final(second), "status", "success", "version", "2", "object", first["object"])
			want(t, d.final(third), "status", "success", "version", "3", "object", first["object"])
			d.inCloud(first["object"], "three")
			d.write(path, "four")
			want(t, d.save(path, false), "status", "success", "version", "4")
			d.outboxIsEmpty()
		})
	}
}
