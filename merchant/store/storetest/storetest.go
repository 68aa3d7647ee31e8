// Package storetest is the contract of store.Store as a test. Each back end's own tests run it;
// nothing else imports it.
package storetest

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/store"
)

// Place is where one store lies, so that it can be opened again after its process has ended.
type Place struct {
	// Open opens the store. The caller ends it by Crash, or by the test's end.
	Open func(t *testing.T) store.Store
	// Crash ends a store as the end of its process would: turns that it gave are not ended by it.
	Crash func(t *testing.T, s store.Store)
}

// now is the time of the contract's commands; no back end looks at a clock.
var now = time.UnixMilli(1_700_000_000_000)

// Run holds a back end against the contract. place makes a new, empty place.
func Run(t *testing.T, place func(t *testing.T) Place) {
	for _, tt := range []struct {
		name string
		test func(t *testing.T, p Place, s store.Store)
	}{
		{"a turn is given once", turnOnce},
		{"a finished key is done for ever", doneForEver},
		{"a turn that is given up is given again", givenUp},
		{"an ordered key goes on with the same id", ordered},
		{"after a crash the turn is free and the id stands", crash},
		{"an instance id has one key", oneKey},
		{"what was kept is found again", kept},
		{"an instance is found by its id", find},
		{"many at once: one turn", manyAtOnce},
		{"a nonce is new once", nonces},
		{"keys are apart", apart},
		{"a request stands until the work is done", request},
		{"what is owed is listed until it is done", owed},
		{"what is owed is listed in the order of its time, also after a crash", owedOrder},
		{"a finished key that is owed again", owedAgain},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := place(t)
			tt.test(t, p, p.Open(t))
		})
	}
}

func begin(t *testing.T, s store.Store, key, id string) store.State {
	t.Helper()
	state, err := s.Begin(t.Context(), store.Begin{Key: key, Digest: "d " + key, InstanceID: id, SpareID: "spare of " + key, Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func finish(t *testing.T, s store.Store, key, answer string, open bool) {
	t.Helper()
	if err := s.Finish(t.Context(), store.Finish{Key: key, Answer: []byte(answer), Open: open, Now: now}); err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, what string, got store.State, turn store.Turn, id string, attempt int, answer string) {
	t.Helper()
	if got.Turn != turn || got.InstanceID != id || got.Attempt != attempt || string(got.Answer) != answer {
		t.Errorf("%s: got turn %d, id %q, attempt %d, answer %q, want %d, %q, %d, %q", what,
			got.Turn, got.InstanceID, got.Attempt, got.Answer, turn, id, attempt, answer)
	}
}

func turnOnce(t *testing.T, _ Place, s store.Store) {
	want(t, "first", begin(t, s, "k", "i"), store.Yours, "i", 1, "")
	want(t, "second", begin(t, s, "k", "other"), store.Elsewhere, "i", 1, "")
	finish(t, s, "k", "a", false)
	want(t, "third", begin(t, s, "k", "other"), store.Done, "i", 1, "a")
}

func doneForEver(t *testing.T, p Place, s store.Store) {
	begin(t, s, "k", "i")
	finish(t, s, "k", "a", false)
	finish(t, s, "k", "b", false)
	finish(t, s, "k", "c", true)
	if err := s.GiveUp(t.Context(), "k", time.Time{}); err != nil {
		t.Fatal(err)
	}
	want(t, "after all", begin(t, s, "k", "x"), store.Done, "i", 1, "a")
	p.Crash(t, s)
	s = p.Open(t)
	got := begin(t, s, "k", "x")
	want(t, "after a crash", got, store.Done, "i", 1, "a")
	if got.Digest != "d k" {
		t.Errorf("digest %q", got.Digest)
	}
}

func givenUp(t *testing.T, _ Place, s store.Store) {
	for n := 1; n <= 3; n++ {
		want(t, "turn", begin(t, s, "k", fmt.Sprint("i", n)), store.Yours, "i1", n, "")
		if err := s.GiveUp(t.Context(), "k", time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	finish(t, s, "k", "late", false) // whose turn was given up has done the work nevertheless
	want(t, "after", begin(t, s, "k", "x"), store.Done, "i1", 3, "late")
	if err := s.GiveUp(t.Context(), "never begun", time.Time{}); err != nil {
		t.Errorf("giving up what was never begun: %v", err)
	}
}

func ordered(t *testing.T, p Place, s store.Store) {
	if got := begin(t, s, "k", "i"); got.Ordered {
		t.Error("the first turn says ordered")
	}
	finish(t, s, "k", "a", true)
	got := begin(t, s, "k", "x")
	want(t, "second", got, store.Yours, "i", 2, "a")
	if !got.Ordered {
		t.Error("the second turn does not say ordered")
	}
	if err := s.GiveUp(t.Context(), "k", time.Time{}); err != nil {
		t.Fatal(err)
	}
	p.Crash(t, s)
	s = p.Open(t)
	if got = begin(t, s, "k", "x"); !got.Ordered || got.InstanceID != "i" || string(got.Answer) != "a" {
		t.Errorf("after a failure and a crash: %+v", got)
	}
	finish(t, s, "k", "b", true)
	want(t, "ordered again", begin(t, s, "k", "x"), store.Yours, "i", 4, "b")
	finish(t, s, "k", "c", false)
	want(t, "last", begin(t, s, "k", "x"), store.Done, "i", 4, "c")
}

func crash(t *testing.T, p Place, s store.Store) {
	for n := 1; n <= 3; n++ {
		want(t, "turn", begin(t, s, "k", fmt.Sprint("i", n)), store.Yours, "i1", n, "")
		p.Crash(t, s)
		s = p.Open(t)
	}
	if state, found, err := s.Find(t.Context(), false, "i1"); err != nil || !found || state.Turn != store.Yours {
		t.Errorf("what a dead process has begun: %+v, %v, %v", state, found, err)
	}
}

func oneKey(t *testing.T, _ Place, s store.Store) {
	want(t, "first", begin(t, s, "k", "i"), store.Yours, "i", 1, "")
	want(t, "second", begin(t, s, "l", "i"), store.Yours, "spare of l", 1, "")
	want(t, "again", begin(t, s, "l", "i"), store.Elsewhere, "spare of l", 1, "")
	for _, key := range []string{"m", "n"} { // any number of keys have none
		want(t, key, begin(t, s, key, ""), store.Yours, "", 1, "")
	}
}

func kept(t *testing.T, p Place, s store.Store) {
	begin(t, s, "k", "")
	for _, made := range []string{"first\x00\xff", "second"} {
		if err := s.Keep(t.Context(), "k", []byte(made)); err != nil {
			t.Fatal(err)
		}
	}
	p.Crash(t, s)
	s = p.Open(t)
	if got := begin(t, s, "k", ""); string(got.Kept) != "first\x00\xff" {
		t.Errorf("kept %q", got.Kept)
	}
	finish(t, s, "k", "a", false)
	if got := begin(t, s, "k", ""); string(got.Kept) != "first\x00\xff" || got.Turn != store.Done {
		t.Errorf("when done: %+v", got)
	}
}

func find(t *testing.T, _ Place, s store.Store) {
	look := func(test bool, id string) (store.State, bool) {
		t.Helper()
		state, found, err := s.Find(t.Context(), test, id)
		if err != nil {
			t.Fatal(err)
		}
		return state, found
	}
	if _, found := look(false, "i"); found {
		t.Error("found what never was")
	}
	begin(t, s, "k", "i")
	if state, found := look(false, "i"); !found || state.Turn != store.Elsewhere {
		t.Errorf("at work: %+v", state)
	}
	if _, found := look(true, "i"); found {
		t.Error("a test call finds a real instance")
	}
	if err := s.GiveUp(t.Context(), "k", time.Time{}); err != nil {
		t.Fatal(err)
	}
	if state, found := look(false, "i"); !found || state.Turn != store.Yours {
		t.Errorf("given up: %+v", state)
	}
	begin(t, s, "k", "i")
	finish(t, s, "k", "a", false)
	if state, found := look(false, "i"); !found || state.Turn != store.Done || string(state.Answer) != "a" {
		t.Errorf("done: %+v", state)
	}
}

func manyAtOnce(t *testing.T, _ Place, s store.Store) {
	const keys, each = 8, 16
	var wg sync.WaitGroup
	turns := make([]store.State, keys*each)
	errs := make([]error, keys*each)
	for i := range turns {
		wg.Go(func() {
			key := fmt.Sprint("k", i%keys)
			turns[i], errs[i] = s.Begin(t.Context(), store.Begin{Key: key, InstanceID: fmt.Sprint("i", i), SpareID: key, Now: now})
		})
	}
	wg.Wait()
	leaders := map[int]int{}
	for i, state := range turns {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		if state.Turn == store.Yours {
			leaders[i%keys]++
		} else if state.Turn != store.Elsewhere {
			t.Errorf("turn %d", state.Turn)
		}
	}
	for k := range keys {
		if leaders[k] != 1 {
			t.Errorf("key %d: %d turns at once", k, leaders[k])
		}
	}
}

func nonces(t *testing.T, p Place, s store.Store) {
	remember := func(nonce string, until, at time.Time) bool {
		t.Helper()
		fresh, err := s.Remember(t.Context(), nonce, until, at)
		if err != nil {
			t.Fatal(err)
		}
		return fresh
	}
	until := now.Add(time.Minute)
	for _, tt := range []struct {
		what  string
		nonce string
		at    time.Time
		fresh bool
	}{
		{"first", "n", now, true},
		{"at once again", "n", now, false},
		{"another one", "N", now, true},
		{"at the last moment", "n", until, false},
	} {
		if got := remember(tt.nonce, until, tt.at); got != tt.fresh {
			t.Errorf("%s: fresh %v", tt.what, got)
		}
	}
	p.Crash(t, s)
	s = p.Open(t)
	if remember("n", until, now) {
		t.Error("a restart has forgotten a nonce")
	}
	if !remember("n", until.Add(time.Hour), until.Add(time.Millisecond)) {
		t.Error("a nonce is kept beyond its time")
	}
}

func apart(t *testing.T, _ Place, s store.Store) {
	for _, key := range []string{`["a","b"]`, `["a,b"]`, `["A","b"]`, "", "K", "k", "k ", "k\x00"} {
		want(t, fmt.Sprintf("%q", key), begin(t, s, key, ""), store.Yours, "", 1, "")
	}
	finish(t, s, "k", "a", false)
	want(t, "K", begin(t, s, "K", ""), store.Elsewhere, "", 1, "")
}

func request(t *testing.T, p Place, s store.Store) {
	ask := func(made string) store.State {
		t.Helper()
		state, err := s.Begin(t.Context(), store.Begin{Key: "k", InstanceID: "i", Request: []byte(made), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		return state
	}
	look := func(what, request string, cut bool) {
		t.Helper()
		state, found, err := s.Find(t.Context(), false, "i")
		if err != nil || !found || state.Key != "k" || string(state.Request) != request || state.Cut != cut {
			t.Errorf("%s: %+v, %v, %v", what, state, found, err)
		}
	}
	if got := ask("first"); string(got.Request) != "first" || got.Key != "k" || !got.Cut {
		t.Errorf("first: %+v", got)
	}
	p.Crash(t, s)
	s = p.Open(t)
	look("after a crash", "first", true)
	if got := ask("second"); string(got.Request) != "first" {
		t.Errorf("second: %+v", got)
	}
	finish(t, s, "k", "a", true)
	look("ordered", "first", false)
	ask("third")
	look("the turn after ordered", "first", true)
	finish(t, s, "k", "a", false)
	look("done", "", false)
}

// debts is what Owed lists, as "key@milliseconds after now".
func debts(t *testing.T, s store.Store, limit int) string {
	t.Helper()
	states, err := s.Owed(t.Context(), limit)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, state := range states {
		out = append(out, fmt.Sprintf("%s@%d", state.Key, state.Due.Sub(now).Milliseconds()))
		if !state.Since.Equal(now) || string(state.Request) != "r "+state.Key {
			t.Errorf("owed: %+v", state)
		}
	}
	return strings.Join(out, " ")
}

func owe(t *testing.T, s store.Store, key string, at time.Time) store.State {
	t.Helper()
	state, err := s.Begin(t.Context(), store.Begin{Key: key, Request: []byte("r " + key), Owed: true, Now: at})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func giveUp(t *testing.T, s store.Store, key string, again time.Time) {
	t.Helper()
	if err := s.GiveUp(t.Context(), key, again); err != nil {
		t.Fatal(err)
	}
}

func owed(t *testing.T, _ Place, s store.Store) {
	list := func(what, want string) {
		t.Helper()
		if got := debts(t, s, 10); got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
	if state := owe(t, s, "k", now); !state.Since.Equal(now) {
		t.Errorf("begun: %+v", state)
	}
	list("at work", "")
	giveUp(t, s, "k", now.Add(time.Second))
	list("given up", "k@1000")
	owe(t, s, "k", now.Add(time.Minute)) // Since stays
	giveUp(t, s, "k", now.Add(2*time.Second))
	list("given up again", "k@2000")
	owe(t, s, "k", now)
	finish(t, s, "k", "a", false)
	giveUp(t, s, "k", now.Add(time.Hour))
	list("done", "")

	owe(t, s, "l", now)
	giveUp(t, s, "l", time.Time{})
	list("given up for good", "")
	begin(t, s, "m", "") // never owed
	giveUp(t, s, "m", now.Add(time.Second))
	list("never owed", "")
}

func owedOrder(t *testing.T, p Place, s store.Store) {
	for i, key := range []string{"a", "b", "c"} {
		owe(t, s, key, now)
		giveUp(t, s, key, now.Add(time.Duration(3-i)*time.Second))
	}
	owe(t, s, "at work", now)
	if got := debts(t, s, 2); got != "c@1000 b@2000" {
		t.Errorf("got %q", got)
	}
	p.Crash(t, s)
	s = p.Open(t)
	if got := debts(t, s, 10); got != "at work@0 c@1000 b@2000 a@3000" {
		t.Errorf("after a crash: %q", got)
	}
}

func owedAgain(t *testing.T, p Place, s store.Store) {
	owe(t, s, "k", now)
	if err := s.Keep(t.Context(), "k", []byte("made")); err != nil {
		t.Fatal(err)
	}
	finish(t, s, "k", "a", false)
	got := owe(t, s, "k", now)
	want(t, "again", got, store.Yours, "", 2, "a")
	if string(got.Kept) != "made" {
		t.Errorf("kept %q", got.Kept)
	}
	p.Crash(t, s)
	s = p.Open(t)
	if got := debts(t, s, 10); got != "k@0" {
		t.Errorf("after a crash: %q", got)
	}
	owe(t, s, "k", now)
	finish(t, s, "k", "b", false)
	want(t, "asked without debt", begin(t, s, "k", ""), store.Done, "", 2+1, "b")
}
