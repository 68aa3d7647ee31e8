package files

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer"
	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// silent is a service that takes every notice and answers nothing.
type silent struct{}

func (silent) Call(context.Context, string, any, any) error {
	return &api.Error{Code: api.NotSupported, Detail: "this test's service answers no calls"}
}
func (silent) Notify(string, any) error { return nil }

func newRoom(t testing.TB, home string, cloud transfer.Doer) *Room {
	t.Helper()
	r, err := New(Config{Home: home, Service: silent{}, Clock: clock.System{}, Cloud: cloud})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// random gives the same bytes for the same seed.
func random(seed byte, n int) []byte {
	var key [32]byte
	key[0] = seed
	b := make([]byte, n)
	rand.NewChaCha8(key).Read(b)
	return b
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The whole way against the real cloud: a new object, saved again after an edit,
// opened on another machine, an assembly.
func TestRealCloud(t *testing.T) {
	cloud := transfertest.StartReal(t)
	ctx := context.Background()
	home := t.TempDir()
	r := newRoom(t, home, cloud.HTTP())
	part := filepath.Join(home, "work", "part.stl")
	content := random(1, 5<<20+17)
	write(t, part, content)

	key := "first-save-0000000001"
	stored, err := r.Store(ctx, workerapi.Store{Operation: 1, Key: key, Token: cloud.Transfer("write", key, ""), Path: part,
		Space: cloud.Space, SpaceName: "Parts", Name: "part.stl", Account: transfertest.Account})
	if err != nil {
		t.Fatal(err)
	}
	if stored.Version != 1 || stored.Checkout == nil || stored.Sent < int64(len(content)) {
		t.Fatalf("first save: %+v", stored)
	}
	if err := r.Discard(ctx, workerapi.Staged{Key: key}); err != nil {
		t.Fatal(err)
	}

	in, err := r.Inspect(ctx, workerapi.Inspect{Path: part})
	if err != nil || in.Object != stored.Object || in.Version != 1 || in.Fence != stored.Checkout.Fence {
		t.Fatalf("inspect: %+v, %v", in, err)
	}
	content = append(append(bytes.Clone(content[:1<<20]), random(9, 100)...), content[1<<20:]...)
	write(t, part, content)
	key = "second-save-000000001"
	again, err := r.Store(ctx, workerapi.Store{Operation: 2, Key: key, Token: cloud.Transfer("write", key, in.Object), Path: part,
		Space: cloud.Space, Object: in.Object, Base: in.Version, Fence: in.Fence, Account: transfertest.Account, Name: "part.stl"})
	if err != nil {
		t.Fatal(err)
	}
	if again.Version != 2 || again.Sent > 3<<20 {
		t.Fatalf("second save sent %d bytes as version %d", again.Sent, again.Version)
	}

	other := t.TempDir()
	s := newRoom(t, other, cloud.HTTP())
	key = "first-open-0000000001"
	got, err := s.Fetch(ctx, workerapi.Fetch{Operation: 3, Token: cloud.Transfer("read", key, in.Object), Space: cloud.Space, SpaceName: "Parts",
		Object: in.Object, Path: []string{"Pumps"}, Name: "part.stl", Kind: "file", Version: cloud.Newest(in.Object), Account: transfertest.Account})
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(other, "ISCDesk", "Parts", "Pumps", "part.stl"); got.MainFile != want {
		t.Fatalf("landed at %s, want %s", got.MainFile, want)
	}
	if !bytes.Equal(read(t, got.MainFile), content) {
		t.Fatal("other bytes landed")
	}
}
