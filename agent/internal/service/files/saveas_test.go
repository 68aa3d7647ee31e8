package files

import (
	"context"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestSaveAsOfAnOpenedFile holds what docs/drive.md says: the path belongs to the new
// object from then on, and the old one stays checked out until it is given back by its id.
func TestSaveAsOfAnOpenedFile(t *testing.T) {
	d := newDesk(t)
	old := d.object("part.stl", "one")
	path := d.open(api.Open{Object: old, Checkout: true})["mainFile"]
	d.write(path, "two")
	saved := d.saveTo(path, "variant.stl")
	want(t, saved, "status", "success", "version", "1")
	if saved["object"] == old {
		t.Fatal("a save-as wrote the old object")
	}
	d.write(path, "three")
	want(t, d.save(path, false), "status", "success", "object", saved["object"], "version", "2")
	if got := d.newest(old); got != "one" {
		t.Errorf("the old object now holds %q", got)
	}
	held := func() bool {
		o, err := d.drive.Object(context.Background(), old)
		if err != nil {
			t.Fatal(err)
		}
		return o.Entry.Checkout != nil
	}
	if !held() {
		t.Error("the save-as gave the old object's check-out back")
	}
	if err := d.room.Checkin(context.Background(), d.actor(), api.Checkin{Path: path}); err != nil {
		t.Fatal(err)
	}
	if !held() {
		t.Error("the path's check-in was not the new object's")
	}
	if err := d.room.Checkin(context.Background(), d.actor(), api.Checkin{Object: old}); err != nil || held() {
		t.Errorf("check-in of the old object by its id: %v, held %v", err, held())
	}
}
