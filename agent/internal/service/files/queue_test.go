package files

import (
	"context"
	"slices"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// queued is the number of the user's saves that wait for the cloud.
func (d *desk) queued() int {
	d.room.mu.Lock()
	defer d.room.mu.Unlock()
	if s := d.room.senders[uid]; s != nil {
		return len(s.queue)
	}
	return 0
}

// waits says whether a save is in its user's queue.
func (d *desk) waits(op api.Operation) bool {
	d.room.mu.Lock()
	defer d.room.mu.Unlock()
	s := d.room.senders[uid]
	return s != nil && slices.ContainsFunc(s.queue, func(x *run) bool { return x.op.ID() == op })
}

func TestCloudAway(t *testing.T) {
	d := newDesk(t)
	object, path := d.checkedOut()
	d.drive.setAway(true)
	op := d.queueSave(path, "two")
	if d.queued() != 1 {
		t.Fatalf("%d queued", d.queued())
	}
	if err := d.room.Checkin(context.Background(), d.actor(), api.Checkin{Path: path}); api.CodeOf(err) != api.PathInUse {
		t.Fatalf("check-in under a queued save: %v", err)
	}
	d.write(path, "three") // work goes on
	d.drive.setAway(false)
	d.room.Wake("")
	want(t, d.final(op), "status", "success", "version", "2")
	d.inCloud(object, "two")
	want(t, d.save(path, false), "status", "success", "version", "3")
	d.inCloud(object, "three")
}

// A save while an older one of the same path waits: the older one goes first.
func TestSaveOverAQueuedOne(t *testing.T) {
	d := newDesk(t)
	object, path := d.checkedOut()
	d.drive.setAway(true)
	first := d.queueSave(path, "two")
	d.drive.setAway(false)
	d.write(path, "three")
	want(t, d.save(path, false), "status", "success", "version", "3")
	want(t, d.final(first), "status", "success", "version", "2")
	d.inCloud(object, "three")
}

func TestQueuedSaveOutlivesTheAgent(t *testing.T) {
	d := newDesk(t)
	object, path := d.checkedOut()
	d.drive.setAway(true)
	op := d.queueSave(path, "two")
	d.stop()
	d.write(path, "three")
	d.start()
	if d.queued() != 1 {
		t.Fatalf("%d queued after a start", d.queued())
	}
	d.drive.setAway(false)
	d.room.Wake(uid)
	want(t, d.final(op), "status", "success", "version", "2")
	d.inCloud(object, "two")
}

// A kill between the report that a save is queued and the note of it in its job:
// the snapshot that was promised is sent, not what the file is by now.
func TestQueuedSaveOutlivesAKillBehindItsReport(t *testing.T) {
	d := newDesk(t)
	object, path := d.checkedOut()
	d.drive.setAway(true)
	op := d.queueSave(path, "two")
	cut := d.events.Find(uid, op)
	var j job
	if err := cut.Data(&j); err != nil || !j.Queued {
		t.Fatalf("job %+v: %v", j, err)
	}
	j.Queued = false
	if err := cut.SetData(j); err != nil {
		t.Fatal(err)
	}
	d.stop()
	d.write(path, "three")
	d.drive.setAway(false)
	d.start()
	want(t, d.final(op), "status", "success", "version", "2")
	d.inCloud(object, "two")
	d.outboxIsEmpty()
}

func TestQueuedSaveIsRefusedAtLast(t *testing.T) {
	d := newDesk(t)
	object, path := d.checkedOut()
	d.drive.setAway(true)
	op := d.queueSave(path, "two")
	d.drive.take(object)
	d.drive.setAway(false)
	d.room.Wake(uid)
	want(t, d.final(op), "status", "failed", "code", codeText(api.CheckoutLost), "offerSaveAs", "true")
	d.onDisk(path, "two")
	d.outboxIsEmpty()
}

func TestQueuedSaveCancelled(t *testing.T) {
	d := newDesk(t)
	_, path := d.checkedOut()
	d.drive.setAway(true)
	op := d.queueSave(path, "two")
	if err := d.events.Cancel(owner(d.actor()), op); err != nil {
		t.Fatal(err)
	}
	want(t, d.final(op), "status", "failed", "code", codeText(api.Cancelled))
	if d.queued() != 0 {
		t.Fatal("still queued")
	}
}

// The agent ended in the middle of a save, before or after the cloud had it.
func TestRunningSaveIsTakenUp(t *testing.T) {
	for _, committed := range []bool{false, true} {
		d := newDesk(t)
		object, path := d.checkedOut()
		d.write(path, "two")
		// What a save leaves on disk when it is cut.
		x, err := d.room.begin(d.actor(), api.MethodSave, "", "", job{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if committed {
			if _, err := x.store(); err != nil {
				t.Fatal(err)
			}
			d.write(path, "three") // later work must not be taken for what was committed
		}
		x.leave()
		d.stop()
		d.start()
		want(t, d.final(x.op.ID()), "status", "success", "version", "2")
		d.inCloud(object, "two")
		if committed {
			want(t, d.save(path, false), "status", "success", "version", "3")
		}
	}
}
