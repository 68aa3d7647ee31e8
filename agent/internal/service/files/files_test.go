package files

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestOpenEditSave(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	opened := d.open(api.Open{Object: object, Checkout: true})
	want(t, opened, "status", "success", "openType", "OpenAndCheckout", "workState", "CHECKOUT", "assembly", "false", "object", object, "version", "1",
		"mainFile", filepath.Join(d.home, "ISCDesk", "Parts", "Pumps", "part.stl"))
	path := opened["mainFile"]
	d.write(path, "two")
	want(t, d.save(path, false), "status", "success", "object", object, "version", "2", "path", path)
	d.write(path, "three")
	want(t, d.save(path, false), "status", "success", "version", "3")
	if got := d.newest(object); got != "three" {
		t.Fatalf("the cloud holds %q", got)
	}
	// Opened again without check-out, it is still this user's on this machine.
	want(t, d.open(api.Open{Object: object}), "openType", "OpenOnly", "workState", "CHECKOUT", "mainFile", path)
	// An older version on request.
	want(t, d.open(api.Open{Object: object, Version: 1}), "version", "1", "mainFile", path)
	if b, err := os.ReadFile(path); err != nil || string(b) != "one" {
		t.Fatalf("version 1 is %q, %v", b, err)
	}
	want(t, d.open(api.Open{Object: object, Version: 9}), "status", "failed", "code", codeText(api.NotFound), "mainFile", "")
}

func TestSaveRefusals(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(d *desk, object, path string) string // returns the path to save
		open  bool                                      // with check-out
		code  api.Code
		offer string
	}{
		{"opened read-only", func(_ *desk, _, path string) string { return path }, false, api.NotCheckedOut, "true"},
		{"check-out taken over", func(d *desk, object, path string) string { d.drive.take(object); return path }, true, api.CheckoutLost, "true"},
		{"check-out ended", func(d *desk, object, path string) string { delete(d.drive.leases, object); return path }, true, api.CheckoutLost, "true"},
		{"not from the cloud", func(d *desk, _, _ string) string {
			p := filepath.Join(d.home, "own.stl")
			d.write(p, "own")
			return p
		}, true, api.NotCloudFile, "true"},
		{"no such file", func(d *desk, _, _ string) string { return filepath.Join(d.home, "none.stl") }, true, api.PathNotFound, ""},
		{"a link", func(d *desk, _, path string) string {
			p := filepath.Join(d.home, "link.stl")
			if err := os.Symlink(path, p); err != nil {
				d.t.Fatal(err)
			}
			return p
		}, true, api.PathNotRegular, ""},
		{"object deleted", func(d *desk, object, path string) string { delete(d.drive.Objects, object); return path }, true, api.NotFound, "true"},
		{"newer version from elsewhere", func(d *desk, object, path string) string {
			o := d.drive.Objects[object]
			o.Versions = append(o.Versions, o.Versions[0])
			return path
		}, true, api.Conflict, "true"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			object := d.object("part.stl", "one")
			path := d.open(api.Open{Object: object, Checkout: c.open})["mainFile"]
			d.write(path, "two")
			got := d.save(c.spoil(d, object, path), false)
			want(t, got, "status", "failed", "code", codeText(c.code), "offerSaveAs", c.offer)
			if got["reason"] == "" || got["hint"] == "" {
				t.Fatalf("no sentence in %v", got)
			}
			if b, err := os.ReadFile(path); err != nil || string(b) != "two" {
				t.Fatalf("the local file is %q, %v", b, err)
			}
			// What is offered works.
			if c.offer == "true" {
				want(t, d.saveTo(path, "rescued.stl"), "status", "success", "version", "1")
				d.write(path, "three")
				want(t, d.save(path, false), "status", "success", "version", "2")
			}
		})
	}
}

func TestSaveToMakesAnObjectThatSavesBack(t *testing.T) {
	d := newDesk(t)
	dir := filepath.Join(d.home, "work", "Pump")
	d.write(filepath.Join(dir, "rotor.dxf"), "rotor")
	st, err := d.room.SaveTo(context.Background(), d.actor(), api.SaveTo{Path: dir, Assembly: true, Space: "sp"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, d.result(st.Operation), "status", "failed", "code", codeText(api.AssemblyMainMissing))
	d.write(filepath.Join(dir, "Pump.dxf"), "pump")
	st, err = d.room.SaveTo(context.Background(), d.actor(), api.SaveTo{Path: dir, Assembly: true, Space: "sp"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, d.result(st.Operation), "status", "success", "version", "1", "path", dir)
	want(t, d.save(dir, false), "status", "failed", "code", codeText(api.PathNotRegular))
	d.write(filepath.Join(dir, "rotor.dxf"), "rotor 2")
	want(t, d.save(dir, true), "status", "success", "version", "2")
}

func TestCloudAway(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
	d.write(path, "two")
	d.drive.setAway(true)
	st, err := d.room.Save(context.Background(), d.actor(), api.Save{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	want(t, d.result(st.Operation), "queued", "true")
	if d.room.Queued(uid) != 1 {
		t.Fatalf("%d queued", d.room.Queued(uid))
	}
	if err := d.room.Checkin(context.Background(), d.actor(), api.Checkin{Path: path}); api.CodeOf(err) != api.PathInUse {
		t.Fatalf("check-in under a queued save: %v", err)
	}
	d.write(path, "three") // work goes on
	d.drive.setAway(false)
	d.room.Wake(-1)
	want(t, d.final(st.Operation), "status", "success", "version", "2")
	if got := d.newest(object); got != "two" {
		t.Fatalf("the cloud holds %q", got)
	}
	want(t, d.save(path, false), "status", "success", "version", "3")
	if got := d.newest(object); got != "three" {
		t.Fatalf("the cloud holds %q", got)
	}
}

// A save while an older one of the same path waits: the older one goes first.
func TestSaveOverAQueuedOne(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
	d.drive.setAway(true)
	d.write(path, "two")
	first, err := d.room.Save(context.Background(), d.actor(), api.Save{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	d.result(first.Operation)
	d.drive.setAway(false)
	d.write(path, "three")
	want(t, d.save(path, false), "status", "success", "version", "3")
	want(t, d.final(first.Operation), "status", "success", "version", "2")
	if got := d.newest(object); got != "three" {
		t.Fatalf("the cloud holds %q", got)
	}
}

func TestQueuedSaveOutlivesTheAgent(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
	d.drive.setAway(true)
	d.write(path, "two")
	st, err := d.room.Save(context.Background(), d.actor(), api.Save{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	d.result(st.Operation)
	d.stop()
	d.write(path, "three")
	d.start()
	if d.room.Queued(uid) != 1 {
		t.Fatalf("%d queued after a start", d.room.Queued(uid))
	}
	d.drive.setAway(false)
	d.room.Wake(uid)
	want(t, d.final(st.Operation), "status", "success", "version", "2")
	if got := d.newest(object); got != "two" {
		t.Fatalf("the cloud holds %q", got)
	}
}

func TestQueuedSaveIsRefusedAtLast(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
	d.drive.setAway(true)
	d.write(path, "two")
	st, err := d.room.Save(context.Background(), d.actor(), api.Save{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	d.result(st.Operation)
	d.drive.take(object)
	d.drive.setAway(false)
	d.room.Wake(uid)
	want(t, d.final(st.Operation), "status", "failed", "code", codeText(api.CheckoutLost), "offerSaveAs", "true")
	if b, err := os.ReadFile(path); err != nil || string(b) != "two" {
		t.Fatalf("the local file is %q, %v", b, err)
	}
	d.outboxIsEmpty()
}

func TestQueuedSaveCancelled(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
	d.drive.setAway(true)
	d.write(path, "two")
	st, err := d.room.Save(context.Background(), d.actor(), api.Save{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	d.result(st.Operation)
	if err := d.events.Cancel(owner(d.actor()), st.Operation); err != nil {
		t.Fatal(err)
	}
	want(t, d.final(st.Operation), "status", "failed", "code", codeText(api.Cancelled))
	if d.room.Queued(uid) != 0 {
		t.Fatal("still queued")
	}
}

// The agent ended in the middle of a save, before or after the cloud had it.
func TestRunningSaveIsTakenUp(t *testing.T) {
	for _, committed := range []bool{false, true} {
		d := newDesk(t)
		object := d.object("part.stl", "one")
		path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
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
		if got := d.newest(object); got != "two" {
			t.Fatalf("the cloud holds %q", got)
		}
		if committed {
			want(t, d.save(path, false), "status", "success", "version", "3")
		}
	}
}

func TestWorkerDiesUnderARequest(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	for _, m := range []string{workerapi.MethodFetch, workerapi.MethodStore, workerapi.MethodInspect} {
		d.dying[m] = 2
	}
	path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
	d.write(path, "two")
	want(t, d.save(path, false), "status", "success", "version", "2")
	d.mu.Lock()
	d.dying[workerapi.MethodStore] = workerLives
	d.mu.Unlock()
	d.write(path, "three")
	want(t, d.save(path, false), "status", "failed", "code", codeText(api.Internal))
	// It had been committed all the same: what follows begins from there.
	d.write(path, "four")
	want(t, d.save(path, false), "status", "success", "version", "4")
}

func TestOpenFailuresGiveTheCheckoutBack(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	d.drive.nextErr["transfer"] = refuse(api.Forbidden, "planted")
	want(t, d.open(api.Open{Object: object, Checkout: true}), "status", "failed", "code", codeText(api.Forbidden), "mainFile", "")
	if d.drive.leases[object] != nil {
		t.Fatal("the check-out was kept")
	}
	d.drive.take(object)
	want(t, d.open(api.Open{Object: object, Checkout: true}), "status", "failed", "code", codeText(api.HeldByOther))
	want(t, d.open(api.Open{Object: object}), "status", "success", "workState", "CHECKIN")
}

func TestCheckin(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
	if err := d.room.Checkin(context.Background(), d.actor(), api.Checkin{Path: path}); err != nil {
		t.Fatal(err)
	}
	if d.drive.leases[object] != nil {
		t.Fatal("still checked out")
	}
	want(t, d.save(path, false), "status", "failed", "code", codeText(api.NotCheckedOut))
	if err := d.room.Checkin(context.Background(), d.actor(), api.Checkin{Object: object}); api.CodeOf(err) != api.NotCheckedOut {
		t.Fatalf("check-in of what is not checked out: %v", err)
	}
}

// gone waits until the room has let go of an operation, which it does just after its
// last event.
func (d *desk) gone(op api.Operation) {
	d.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		if _, err := d.room.find(uid, op); err != nil {
			return
		}
		if time.Now().After(end) {
			d.t.Fatalf("operation %d is still live", op)
		}
	}
}

func TestPick(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	ctx := context.Background()
	pick := func() api.Operation {
		st, err := d.room.Pick(ctx, d.actor(), api.Pick{})
		if err != nil || st.URL == "" {
			t.Fatalf("%+v, %v", st, err)
		}
		return st.Operation
	}
	op := pick()
	if p := d.pages[op]; p.Purpose != "pick" || p.Account != account || p.Product != "minicad" {
		t.Fatalf("page %+v", p)
	}
	var listing api.Listing
	if err := d.Call(ctx, workerapi.MethodList, workerapi.List{Operation: op, List: api.List{Space: "sp"}}, &listing); err != nil || len(listing.Entries) != 1 {
		t.Fatalf("%+v, %v", listing, err)
	}
	if err := d.Call(ctx, workerapi.MethodNewFolder, workerapi.NewFolder{Operation: op, Space: "sp", Name: "x"}, nil); api.CodeOf(err) != api.Forbidden {
		t.Fatalf("a picker made a folder: %v", err)
	}
	if err := d.Call(ctx, workerapi.MethodRenew, api.OperationRef{Operation: op}, nil); api.CodeOf(err) != api.Forbidden {
		t.Fatalf("a token before any was granted: %v", err)
	}
	if err := d.Call(ctx, workerapi.MethodChosen, workerapi.Chosen{Operation: op, Object: object, Checkout: true}, nil); err != nil {
		t.Fatal(err)
	}
	want(t, d.result(op), "status", "success", "openType", "OpenAndCheckout", "workState", "CHECKOUT")
	d.gone(op)
	for _, m := range []string{workerapi.MethodSpaces, workerapi.MethodList, workerapi.MethodChosen, workerapi.MethodRenew} {
		if err := d.Call(ctx, m, api.OperationRef{Operation: op}, nil); api.CodeOf(err) != api.NotFound {
			t.Fatalf("%s after the end: %v", m, err)
		}
	}
	// Another user's worker knows no operation of this one.
	op = pick()
	raw, _ := json.Marshal(api.OperationRef{Operation: op})
	if _, err := d.room.Handle(ctx, uid+1, workerapi.MethodSpaces, raw); api.CodeOf(err) != api.NotFound {
		t.Fatalf("another user's worker: %v", err)
	}
	for _, by := range []string{"user", "silence"} {
		if by == "silence" {
			op = pick()
		}
		if err := d.Notify(workerapi.NoticeClosed, workerapi.PageClosed{Operation: op, By: by}); err != nil {
			t.Fatal(err)
		}
		want(t, d.result(op), "by", by, "code", codeText(api.Cancelled))
	}
	op = pick()
	if err := d.events.Cancel(owner(d.actor()), op); err != nil {
		t.Fatal(err)
	}
	want(t, d.result(op), "by", "application", "code", codeText(api.Cancelled))
	// A page that the agent's end took with it.
	op = pick()
	d.stop()
	d.start()
	want(t, d.result(op), "by", "silence", "code", codeText(api.Cancelled))
}

func TestSaveAs(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	path := filepath.Join(d.home, "work", "part.stl")
	if _, err := d.room.SaveAs(ctx, d.actor(), api.Save{Path: path}); api.CodeOf(err) != api.PathNotFound {
		t.Fatalf("a page for nothing: %v", err)
	}
	d.write(path, "one")
	st, err := d.room.SaveAs(ctx, d.actor(), api.Save{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	if p := d.pages[st.Operation]; p.Purpose != "saveAs" || p.Name != "part.stl" {
		t.Fatalf("page %+v", p)
	}
	var folder api.Entry
	if err := d.Call(ctx, workerapi.MethodNewFolder, workerapi.NewFolder{Operation: st.Operation, Space: "sp", Name: "New"}, &folder); err != nil {
		t.Fatal(err)
	}
	if err := d.Call(ctx, workerapi.MethodChosen, workerapi.Chosen{Operation: st.Operation, Space: "sp", Folder: folder.ID, Name: "bracket"}, nil); err != nil {
		t.Fatal(err)
	}
	got := d.result(st.Operation)
	want(t, got, "status", "success", "version", "1", "path", path)
	if name := d.drive.Objects[got["object"]].Name; name != "bracket.stl" {
		t.Fatalf("saved as %q", name)
	}
	if end := d.pageEnd(st.Operation); end.Error != nil || end.Path != path {
		t.Fatalf("the page ended with %+v", end)
	}
}

func TestWhoMayNot(t *testing.T) {
	d := newDesk(t)
	ctx := context.Background()
	d.account = refuse(api.NotSignedIn, "planted")
	calls := map[string]func() error{
		"open":   func() error { _, err := d.room.Open(ctx, d.actor(), api.Open{Object: "o"}); return err },
		"pick":   func() error { _, err := d.room.Pick(ctx, d.actor(), api.Pick{}); return err },
		"save":   func() error { _, err := d.room.Save(ctx, d.actor(), api.Save{Path: "/x"}); return err },
		"saveAs": func() error { _, err := d.room.SaveAs(ctx, d.actor(), api.Save{Path: "/x"}); return err },
		"saveTo": func() error { _, err := d.room.SaveTo(ctx, d.actor(), api.SaveTo{Path: "/x"}); return err },
		"spaces": func() error { _, err := d.room.Spaces(ctx, d.actor()); return err },
	}
	for name, call := range calls {
		if err := call(); api.CodeOf(err) != api.NotSignedIn {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.account = nil
	delete(calls, "spaces") // the cloud's own, without a file of the user's
	d.room.cfg.Worker = func(context.Context, caller.Actor) (Worker, error) { return nil, refuse(api.RootCaller, "planted") }
	for name, call := range calls {
		if err := call(); api.CodeOf(err) != api.RootCaller {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The events of a save, in order, as an application sees them.
func TestEventsOfASave(t *testing.T) {
	d := newDesk(t)
	object := d.object("part.stl", "one")
	path := d.open(api.Open{Object: object, Checkout: true})["mainFile"]
	d.write(path, strings.Repeat("two", 1<<20))
	after, _ := d.s.Subscribe("", 0)
	d.save(path, false)
	raw, _, _, err := d.s.Next(context.Background(), after)
	if err != nil {
		t.Fatal(err)
	}
	var types []string
	for _, b := range raw {
		var ev api.Event
		if err := json.Unmarshal(b, &ev); err != nil {
			t.Fatal(err)
		}
		if ev.Type != api.EventUploadProgress && ev.Type != api.EventOpenProgress {
			types = append(types, ev.Type)
		}
	}
	if wanted := []string{api.EventOpenResult, api.EventUploadStart, api.EventUploadEnd, api.EventSaveResult}; !slices.Equal(types, wanted) {
		t.Fatalf("%q, want %q", types, wanted)
	}
}
