package signin

import (
	"encoding/json"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestPage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	st := b.page()
	if st.URL == "" {
		t.Error("no address")
	}
	if _, err := b.room.SignInFromPage(ctx, st.Operation, "1001", good); api.CodeOf(err) != api.NotFound {
		t.Errorf("another user's worker: %v", err)
	}
	if _, err := b.room.SignInFromPage(ctx, st.Operation, "1000", api.AuthLogin{Account: "li", Password: "no"}); api.CodeOf(err) != api.WrongCredentials {
		t.Errorf("wrong password: %v", err)
	}
	if got, err := b.room.SignInFromPage(ctx, st.Operation, "1000", good); err != nil || !got.SignedIn {
		t.Errorf("right password: %+v, %v", got, err)
	}
	if state, p := b.result(st.Operation); state != api.OpDone || p["status"] != "success" || p["account"] != "li" {
		t.Errorf("ended %s %v", state, p)
	}
	if _, err := b.room.SignInFromPage(ctx, st.Operation, "1000", good); err == nil {
		t.Error("a page that ended took a password")
	}
	eventually(t, "the worker was told and let go", func() bool {
		b.worker.mu.Lock()
		defer b.worker.mu.Unlock()
		return b.worker.released == 1 && len(b.worker.ended) == 1 && b.worker.ended[0].Error == nil
	})
}

func TestPageEndings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		end  func(b *bench, op api.Operation)
		want api.Code
	}{
		{"closed by the user", func(b *bench, op api.Operation) { b.room.PageClosed(op, "1000", "user") }, api.Cancelled},
		{"silent", func(b *bench, op api.Operation) { b.room.PageClosed(op, "1000", "silence") }, api.Cancelled},
		{"cancelled by the application", func(b *bench, op api.Operation) {
			if err := b.events.Cancel(events.Owner{UID: "1000", Product: "minicad"}, op); err != nil {
				b.t.Error(err)
			}
		}, api.Cancelled},
		{"too many tries", func(b *bench, op api.Operation) {
			for range maxTries {
				_, _ = b.room.SignInFromPage(ctx, op, "1000", api.AuthLogin{Account: "li", Password: "no"})
			}
		}, api.WrongCredentials},
		{"agent killed and started", func(b *bench, _ api.Operation) { b.start() }, api.Cancelled},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			op := b.page().Operation
			b.room.PageClosed(op, "1001", "user") // another user's notice does nothing
			c.end(b, op)
			state, p := b.result(op)
			code, err := json.Number(p["code"]).Int64()
			if err != nil || state != api.OpFailed || api.Code(code) != c.want || p["reason"] == "" || p["hint"] == "" {
				t.Errorf("ended %s %v", state, p)
			}
			eventually(t, "the worker was let go", func() bool {
				b.worker.mu.Lock()
				defer b.worker.mu.Unlock()
				return b.worker.released == 1
			})
		})
	}
}

func TestPageThatDoesNotOpen(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker.fail = &api.Error{Code: api.Internal, Detail: "planted"}
	if _, err := b.room.Page(ctx, li, api.AuthPage{}); api.CodeOf(err) != api.Internal {
		t.Errorf("got %v", err)
	}
	if b.worker.released != 1 || len(b.events.Unfinished()) != 0 {
		t.Errorf("released %d, unfinished %d", b.worker.released, len(b.events.Unfinished()))
	}
}
