package files

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

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
	if _, err := d.room.Handle(ctx, uid+"1", workerapi.MethodSpaces, raw); api.CodeOf(err) != api.NotFound {
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
