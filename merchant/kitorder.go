package merchant

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
)

// maxNewest bounds how many names' times are remembered for a subject. Of what is forgotten, the
// oldest first, any call counts as newer.
const maxNewest = 20_000

// newest is of when the states of a subject are that were handed over, in milliseconds. A call that is
// older than what was handed over already came late, or again: it must not undo what is newer.
// Equally old ones are handed over, so a call may be repeated.
type newest struct {
	All  int64            `json:"all,omitempty"`  // of the whole, a tree
	Each map[string]int64 `json:"each,omitempty"` // of one name, when that is newer than the whole
	now  int64            // when the call came
}

// moment is how a state's time is remembered. One from the future, of a clock that was wrong for once, counts as of now: else
// all that comes until then would be answered with success and left out.
func (n *newest) moment(at time.Time) int64 {
	if ms := at.UnixMilli(); n.now == 0 || ms <= n.now+sign.Window.Milliseconds() {
		return ms
	}
	return n.now
}

// outdated tells whether something newer of a name was handed over.
func (n *newest) outdated(name string, at time.Time) bool {
	return max(n.All, n.Each[name]) > at.UnixMilli()
}

// note remembers that a name's state was handed over.
func (n *newest) note(name string, at time.Time) {
	if n.Each == nil {
		n.Each = map[string]int64{}
	}
	n.Each[name] = n.moment(at)
}

// one hands a name's state over unless it is outdated.
func (n *newest) one(name string, at time.Time, hand func() error) error {
	if n.outdated(name, at) {
		return nil
	}
	if err := hand(); err != nil {
		return err
	}
	n.note(name, at)
	return nil
}

// all hands the whole over unless it is outdated; keep are the names of which something newer is known.
func (n *newest) all(at time.Time, hand func(keep []string) error) error {
	ms := at.UnixMilli()
	if n.All > ms {
		return nil
	}
	var keep []string
	for name, of := range n.Each {
		if of > ms {
			keep = append(keep, name)
		}
	}
	slices.Sort(keep)
	if err := hand(keep); err != nil {
		return err
	}
	n.All = n.moment(at)
	for name, of := range n.Each {
		if of <= ms {
			delete(n.Each, name)
		}
	}
	return nil
}

// prune forgets the oldest names beyond most.
func (n *newest) prune(most int) {
	if len(n.Each) <= most {
		return
	}
	names := make([]string, 0, len(n.Each))
	for name := range n.Each {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Compare(n.Each[a], n.Each[b]) })
	for _, name := range names[:len(names)-most] {
		delete(n.Each, name)
	}
}

// ordered runs apply with what is remembered of a subject, and remembers what apply has changed when it
// succeeds. The store's turn on the subject's key is the lock, so two processes do not interleave either.
func (k kit) ordered(ctx context.Context, test bool, subject []string, apply func(*newest) error) error {
	if k.options.Readings.KitArrivalOrder {
		return apply(&newest{})
	}
	key := keyText(Repeat{Family: "kit", Activity: "newest"}, test, subject)
	state, err := k.options.Store.Begin(ctx, store.Begin{Key: key, Test: test, Now: k.options.Now()})
	if err != nil {
		return err
	}
	if state.Turn != store.Yours {
		return errors.New("begin kit call: another process is at the same subject")
	}
	answer, err := advance(state.Answer, k.options.Now(), apply)
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if err == nil {
		err = k.options.Store.Finish(end, store.Finish{Key: key, Answer: answer, Open: true, Now: k.options.Now()})
	}
	if err != nil {
		return errors.Join(err, k.options.Store.GiveUp(end, key, time.Time{}))
	}
	return nil
}

// advance reads what is remembered, runs apply with it and writes what is to be remembered. A panic of apply
// is an error here already, or the turn would never be given up.
func advance(kept []byte, now time.Time, apply func(*newest) error) ([]byte, error) {
	var n newest
	if kept != nil {
		if err := json.Unmarshal(kept, &n); err != nil {
			return nil, fmt.Errorf("read times of a kit subject: %w", err)
		}
	}
	n.now = now.UnixMilli()
	if _, err := guard(func() (outcome, error) { return outcome{}, apply(&n) }); err != nil {
		return nil, err
	}
	n.prune(maxNewest)
	next, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("keep times of a kit subject: %w", err)
	}
	return next, nil
}
