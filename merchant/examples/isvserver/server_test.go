package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/merchant"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestDebuggingCallsTouchNothingReal: with a real instance's id they are told that there is none.
func TestDebuggingCallsTouchNothingReal(t *testing.T) {
	db, err := sql.Open("sqlite", sqlite.DSN(filepath.Join(t.TempDir(), bookFile)))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b, err := openBook(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	s := &isv{book: b, key: testKey(), log: slog.New(slog.DiscardHandler)}
	attempt := merchant.Attempt{Record: func(context.Context, store.Execer) error { return nil }}
	for id, test := range map[string]bool{"real": false, "try": true} {
		if err := b.add(t.Context(), instance{ID: id, Order: "o-" + id, Line: "l", Test: test, Seats: 5}, attempt); err != nil {
			t.Fatal(err)
		}
	}
	flag := wire.Testing{TestFlag: wire.TestYes}
	for name, call := range map[string]func(id string) error{
		"refreshInstance": func(id string) error {
			return s.refresh(t.Context(), wire.RefreshInstance{InstanceID: id, ExpireTime: "20300101000000", Testing: flag}, attempt)
		},
		"updateInstanceStatus": func(id string) error {
			return s.status(t.Context(), wire.UpdateInstanceStatus{InstanceID: id, Status: wire.StatusFreeze, Testing: flag}, attempt)
		},
		"changeInstanceCheck": func(id string) error {
			return s.mayChange(t.Context(), wire.ChangeInstanceCheck{InstanceID: id, Testing: flag})
		},
		"releaseInstance": func(id string) error {
			return s.release(t.Context(), wire.ReleaseInstance{InstanceID: id, Testing: flag}, attempt)
		},
	} {
		var refused *merchant.Refusal
		if err := call("real"); !errors.As(err, &refused) || refused.Code != wire.NoInstance {
			t.Errorf("%s of a real one: %v", name, err)
		}
		if err := call("try"); err != nil && name != "updateInstanceStatus" { // which may come behind releaseInstance
			t.Errorf("%s of its own: %v", name, err)
		}
	}
	if i, err := b.instance(t.Context(), "real"); err != nil || i.Status != "active" || !i.Until.IsZero() {
		t.Errorf("the real one is %+v, %v", i, err)
	}
}
