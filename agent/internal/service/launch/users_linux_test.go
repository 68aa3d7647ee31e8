package launch

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A look-up that was killed is asked again; one that answered "no" is not.
func TestKilledLookupIsAskedAgain(t *testing.T) {
	for _, c := range []struct {
		name, script string
		good         bool
		asked        int
	}{
		{"killed once", `echo x >>"$1"; test "$(wc -l <"$1")" -gt 1 || kill -9 $$; echo found`, true, 2},
		{"killed always", `echo x >>"$1"; kill -9 $$`, false, askTries},
		{"says no", `echo x >>"$1"; exit 2`, false, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			count := filepath.Join(t.TempDir(), "count")
			out, err := ask(t.Context(), "sh", "-c", c.script, "sh", count)
			if (err == nil) != c.good || c.good && out != "found\n" {
				t.Fatalf("%q, %v", out, err)
			}
			if b, err := os.ReadFile(count); err != nil || len(b) != 2*c.asked {
				t.Fatalf("asked %d times, want %d (%v)", len(b)/2, c.asked, err)
			}
		})
	}
}

// Work that is left from before a restart waits for the user database.
func TestAcquireUserWithoutAnAnswer(t *testing.T) {
	need.Root(t) // another service works for its own user, whom it knows
	l, err := New(Config{Users: func(context.Context, caller.UID) (User, error) { return User{}, errors.New("planted: killed") }})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := l.AcquireUser(t.Context(), "64102"); !errors.Is(err, ErrLost) || api.CodeOf(err) != api.Internal {
		t.Fatalf("got %v", err)
	}
}
