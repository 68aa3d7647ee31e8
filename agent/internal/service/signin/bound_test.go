package signin

import (
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// What was begun with the rights of one account does not go on with another's.
func TestUserStaysItsAccounts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if _, err := b.room.Login(ctx, li, good); err != nil {
		t.Fatal(err)
	}
	u, err := b.room.User(ctx, li.UID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.Spaces(ctx); err != nil {
		t.Fatal(err)
	}
	s := b.room.user(li.UID)
	rec := s.rec
	rec.Tokens.Me.Account = "another@example.com"
	if _, err := s.replace(rec); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Spaces(ctx); api.CodeOf(err) != api.SessionExpired {
		t.Errorf("the first account's calls go on as another: %v", err)
	}
	now, err := b.room.User(ctx, li.UID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := now.Spaces(ctx); err != nil {
		t.Errorf("the one who is signed in: %v", err)
	}
}
