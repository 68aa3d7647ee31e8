package password

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// cheap keeps the tests fast; the costs have no influence on what is tried here.
func cheap() *Hasher { return New(Params{Time: 1, Memory: 64, Threads: 1}, 2) }

func TestHashAndCheck(t *testing.T) {
	ctx := t.Context()
	h := cheap()
	a, err := h.Hash(ctx, "correct1horse")
	if err != nil {
		t.Fatal(err)
	}
	b, err := h.Hash(ctx, "correct1horse")
	if err != nil || a == b {
		t.Errorf("two hashes of one password are the same: %s, %v", a, err)
	}
	if err := h.Check(ctx, a, "correct1horse"); err != nil {
		t.Errorf("the right password: %v", err)
	}
	for name, stored := range map[string]string{"wrong password": a, "no account": "", "no account, dummy's own": ""} {
		if err := h.Check(ctx, stored, "wrong1horse"); !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := h.Check(ctx, a, strings.Repeat("x", 1<<20)); !errors.Is(err, ErrMismatch) {
		t.Errorf("a huge password: %v", err)
	}
	// A hash made with other costs is checked with its own.
	if err := New(Params{Time: 2, Memory: 128, Threads: 1}, 1).Check(ctx, a, "correct1horse"); err != nil {
		t.Errorf("after the costs were raised: %v", err)
	}
	if !strings.HasPrefix(New(Params{}, 1).dummy, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Error("the default costs are below OWASP's floor for argon2id")
	}
}

func TestParseRefuses(t *testing.T) {
	good, err := cheap().Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"x", "$", "$$$$$", strings.Replace(good, "argon2id", "argon2i", 1), strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=0", 1), strings.Replace(good, "m=64", "m=1048577", 1), strings.Replace(good, "m=64", "m=-1", 1),
		strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "t=1", "t=65", 1), strings.Replace(good, "p=1", "p=0", 1),
		strings.Replace(good, "p=1", "p=256", 1), good[:len(good)-30], good + "=", good + "$", "bcrypt",
	} {
		if err := cheap().Check(t.Context(), bad, "x"); err == nil || errors.Is(err, ErrMismatch) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestWaitsForASlotOrTheContext(t *testing.T) {
	h := New(Params{Time: 1, Memory: 64, Threads: 1}, 1)
	h.slots <- struct{}{} // someone else is at work
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := h.Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("hash: %v", err)
	}
	if err := h.Check(ctx, "", "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("check: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	good, err := cheap().Hash(context.Background(), "x")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add("$argon2id$v=19$m=4294967295,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, s string) {
		p, salt, key, err := parse(s)
		if err == nil && (p.Memory > maxMemory || p.Time > maxTime || p.Threads == 0 || len(salt) == 0 || len(key) < 16) {
			t.Errorf("taken: %+v, %d, %d", p, len(salt), len(key))
		}
	})
}
