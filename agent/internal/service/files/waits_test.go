package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const other = "chen@example.com" // signs in for the same OS user

// look tries the user's queued saves, as their sender does, and returns after that.
func (d *desk) look() {
	d.room.mu.Lock()
	s := d.room.senders[uid]
	d.room.mu.Unlock()
	if s != nil {
		d.room.deliverAll(d.room.waiting(s))
	}
}

// waitsFor fails unless the operation is queued and reported with a code, 0 for any.
func (d *desk) waitsFor(op api.Operation, code api.Code) (detail string) {
	d.t.Helper()
	st := d.events.Get(events.Owner{UID: uid, Product: "minicad"}, op)
	if st.State != api.OpQueued || st.Waits == nil {
		d.t.Fatalf("operation %d is %+v", op, st)
	}
	params := st.Waits.Envelope.Params
	if code != 0 && params["code"] != codeText(code) {
		d.t.Fatalf("operation %d waits for %v, want %d", op, params, code)
	}
	return params["detail"]
}

// queueSaveTo is a saveTo that must be queued.
func (d *desk) queueSaveTo(path, name string) api.Operation {
	d.t.Helper()
	d.write(path, name)
	st, err := d.room.SaveTo(context.Background(), d.actor(), api.SaveTo{Path: path, Space: "sp", Name: name})
	if err != nil {
		d.t.Fatal(err)
	}
	d.isQueued(st.Operation)
	return st.Operation
}

func (d *desk) asked() (tokens, workers int) {
	d.drive.mu.Lock()
	defer d.drive.mu.Unlock()
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.drive.tokens, d.workers
}

// What one account saved is not sent with another's rights.
func TestQueuedSaveWaitsForItsAccount(t *testing.T) {
	for _, c := range []struct {
		name  string
		leave func(d *desk)
		code  api.Code
	}{
		{"another is signed in", func(d *desk) { d.signIn(other) }, api.SessionExpired},
		{"nobody is", func(d *desk) { d.account = refuse(api.NotSignedIn, "") }, api.NotSignedIn},
		{"its sign-in cannot be read", func(d *desk) { d.account = refuse(api.StoreDamaged, "") }, api.StoreDamaged},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			object, path := d.checkedOut()
			d.drive.setAway(true)
			save := d.queueSave(path, "two")
			saveTo := d.queueSaveTo(filepath.Join(d.home, "new.stl"), "new.stl")
			objects := len(d.drive.Objects)
			c.leave(d)
			d.drive.setAway(false)
			tokens, workers := d.asked()
			d.look()
			if now, more := d.asked(); now != tokens || more != workers {
				t.Errorf("the look asked for %d tokens and %d workers", now-tokens, more-workers)
			}
			for _, op := range []api.Operation{save, saveTo} {
				if said := d.waitsFor(op, c.code); !strings.Contains(said, account) {
					t.Errorf("the detail %q does not name %s", said, account)
				}
			}
			if got := d.room.Waiting(uid); len(got) != 1 || got[0] != (Waiting{Account: account, Code: c.code, Saves: 2}) {
				t.Errorf("waiting: %+v", got)
			}
			if d.inCloud(object, "one"); len(d.drive.Objects) != objects {
				t.Fatal("a new object was made")
			}
			d.account = nil
			d.signIn(account)
			d.room.Wake(uid)
			want(t, d.final(save), "status", "success", "version", "2")
			want(t, d.final(saveTo), "status", "success", "version", "1")
			d.outboxIsEmpty()
		})
	}
}

// It holds up nobody else's, and not what the other account saves.
func TestSaveOfAnotherAccountHoldsUpItsPathAlone(t *testing.T) {
	d := newDesk(t)
	_, path := d.checkedOut()
	d.drive.setAway(true)
	mine := d.queueSave(path, "two")
	d.signIn(other)
	theirs := d.queueSaveTo(filepath.Join(d.home, "theirs.stl"), "theirs.stl")
	d.drive.setAway(false)
	d.look()
	want(t, d.final(theirs), "status", "success", "version", "1")
	d.waitsFor(mine, api.SessionExpired)
}

// The other account signs in while the cloud is asked, or while bytes are sent.
func TestAccountChangesUnderATransfer(t *testing.T) {
	d := newDesk(t)
	object, path := d.checkedOut()
	d.drive.setAway(true)
	op := d.queueSave(path, "two")
	d.drive.setAway(false)
	d.drive.asked = func() { d.signIn(other) }
	d.look()
	d.waitsFor(op, api.SessionExpired)
	d.inCloud(object, "one")

	d.drive.asked, d.drive.found = nil, func() { d.signIn(other) } // before the check-out is renewed
	d.signIn(account)
	d.look()
	d.waitsFor(op, api.SessionExpired)
	d.inCloud(object, "one")

	x, err := d.room.find(uid, op)
	if err != nil {
		t.Fatal(err)
	}
	x.mu.Lock()
	x.space = "sp" // as granted
	x.mu.Unlock()
	raw, err := json.Marshal(api.OperationRef{Operation: op})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.room.Handle(context.Background(), uid, workerapi.MethodRenew, raw); api.CodeOf(err) != api.SessionExpired {
		t.Fatalf("a token was renewed with another's rights: %v", err)
	}
}

// The agent ended in the middle of a save, and its account is not there at the start.
func TestRunningSaveWaitsForItsAccount(t *testing.T) {
	for _, staged := range []bool{false, true} {
		t.Run(fmt.Sprintf("staged %v", staged), func(t *testing.T) {
			d := newDesk(t)
			object, path := d.checkedOut()
			d.write(path, "two")
			x, err := d.room.begin(d.actor(), api.MethodSave, "", "", job{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			if staged {
				d.drive.setAway(true)
				if got, err := x.store(); err != nil || !got.Queued {
					t.Fatalf("%+v, %v", got, err)
				}
				d.drive.setAway(false)
			}
			x.leave()
			d.stop()
			d.signIn(other)
			d.start()
			op := x.op.ID()
			d.isQueued(op)
			d.look()
			d.waitsFor(op, api.SessionExpired)
			d.inCloud(object, "one")
			d.signIn(account)
			d.room.Wake(uid)
			want(t, d.final(op), "status", "success", "version", "2")
			d.inCloud(object, "two")
		})
	}
}

// Whatever is wrong on this machine may pass: a queued save outlives it.
func TestQueuedSaveOutlivesLocalTrouble(t *testing.T) {
	for _, c := range []struct {
		name   string
		method string
		err    error
		told   api.Code // 0: what was told before
	}{
		{"home is not mounted", workerapi.MethodPending, refuse(api.PathDenied, "planted"), api.PathDenied},
		{"home is a link to nowhere", workerapi.MethodPending, refuse(api.PathNotRegular, "planted"), api.PathNotRegular},
		{"a refresh of the sign-in cannot be noted", workerapi.MethodStore, errors.New("planted"), 0},
		{"the home's disk is full", workerapi.MethodStore, refuse(api.DiskFull, "planted"), api.DiskFull},
		{"the snapshot cannot be read", workerapi.MethodStore, refuse(api.StoreDamaged, "planted"), api.StoreDamaged},
		{"the cloud answers as none of today", workerapi.MethodStore, refuse(api.InvalidArgument, "planted"), api.InvalidArgument},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			object, path := d.checkedOut()
			d.drive.setAway(true)
			op := d.queueSave(path, "two")
			d.drive.setAway(false)
			d.fail(c.method, c.err)
			if c.told == 0 {
				c.told = api.CloudUnreachable
			}
			d.look()
			d.waitsFor(op, c.told)
			d.stop() // and it is no matter of this run of the agent
			d.start()
			d.look()
			d.waitsFor(op, c.told)
			d.fail(c.method, nil)
			d.room.Wake(uid)
			want(t, d.final(op), "status", "success", "version", "2")
			d.inCloud(object, "two")
			d.outboxIsEmpty()
		})
	}
}

// outboxOf is where the worker keeps what waits, as each system has it.
func outboxOf(home string) string {
	if runtime.GOOS == "windows" {
		return filepath.Join(home, "AppData", "Local", "ISCDesk", "files", "outbox")
	}
	return filepath.Join(home, ".local", "share", "iscdesk", "outbox")
}

// The outbox is away with the home: waited for, told in the end, and sent should it
// come back even after that.
func TestOutboxIsAway(t *testing.T) {
	for _, back := range []bool{true, false} {
		t.Run(fmt.Sprintf("back in time %v", back), func(t *testing.T) {
			d := newDesk(t)
			object, path := d.checkedOut()
			d.drive.setAway(true)
			op := d.queueSave(path, "two")
			outbox := outboxOf(d.home)
			move := func(from, to string) {
				if err := os.Rename(from, to); err != nil {
					t.Fatal(err)
				}
			}
			move(outbox, outbox+"-away")
			d.drive.setAway(false)
			d.look()
			d.waitsFor(op, api.PathNotFound)
			d.clock.Advance(lackPatience - time.Minute)
			d.stop()
			d.start()
			d.look()
			d.waitsFor(op, api.PathNotFound)
			if back {
				move(outbox+"-away", outbox)
				d.room.Wake(uid)
				want(t, d.final(op), "status", "success", "version", "2")
				return
			}
			d.clock.Advance(2 * time.Minute)
			d.room.Wake(uid)
			got := d.final(op)
			want(t, got, "status", "failed", "code", codeText(api.PathNotFound), "path", path, "offerSaveAs", "")
			if !strings.Contains(got["detail"], "7 days") || !strings.Contains(got["detail"], path) {
				t.Errorf("detail %q", got["detail"])
			}
			d.onDisk(path, "two")
			d.inCloud(object, "one")
			if err := os.RemoveAll(outbox); err != nil {
				t.Fatal(err)
			}
			move(outbox+"-away", outbox)
			d.open(api.Open{Object: d.object("other.stl", "x")}) // the user's next call
			d.outboxIsEmpty()
			d.inCloud(object, "two")
		})
	}
}

// A sweep that could not look, or left something, is made again.
func TestSweepIsMadeAgain(t *testing.T) {
	for _, c := range []struct {
		name         string
		spoil, amend func(d *desk)
	}{
		{"home is not mounted", func(d *desk) { d.fail(workerapi.MethodPending, refuse(api.PathDenied, "planted")) },
			func(d *desk) { d.fail(workerapi.MethodPending, nil); d.clock.Advance(lastRetry) }},
		{"of another account", func(d *desk) { d.signIn(other) },
			func(d *desk) { d.signIn(account); d.room.Wake(uid) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			object, path := d.checkedOut()
			d.write(path, "two")
			s := workerapi.Store{Operation: 900, Key: "a-save-of-an-old-agent", Path: path, Space: "sp", Object: object, Base: 1, Fence: d.drive.Objects[object].Fence, Account: account}
			if got, err := d.worker.Store(context.Background(), s); err != nil || !got.Queued {
				t.Fatalf("%+v, %v", got, err)
			}
			d.stop()
			d.start()
			c.spoil(d)
			other := d.object("other.stl", "x")
			call := func() { d.open(api.Open{Object: other}) }
			call()
			for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
				d.room.mu.Lock()
				failed := !d.room.swept[uid].IsZero()
				d.room.mu.Unlock()
				if failed {
					break
				}
				if time.Now().After(end) {
					t.Fatal("the sweep did not fail")
				}
			}
			d.inCloud(object, "one")
			c.amend(d)
			call()
			d.outboxIsEmpty()
			d.inCloud(object, "two")
		})
	}
}

// A call of the user lets the sender look, though not at every call.
func TestNudge(t *testing.T) {
	d := newDesk(t)
	s := &sender{kick: make(chan bool, 1), looked: d.clock.Now()}
	d.room.senders[uid] = s
	defer delete(d.room.senders, uid)
	for _, c := range []struct {
		later time.Duration
		want  bool
	}{{0, false}, {nudgePause - time.Second, false}, {time.Second, true}, {-time.Hour, true}} {
		d.clock.Advance(c.later)
		if _, err := d.room.Spaces(context.Background(), d.actor()); err != nil {
			t.Fatal(err)
		}
		select {
		case anew := <-s.kick:
			if !c.want || anew {
				t.Errorf("%v later: looks, its back-off anew: %v", c.later, anew)
			}
		default:
			if c.want {
				t.Errorf("%v later: does not look", c.later)
			}
		}
	}
}
