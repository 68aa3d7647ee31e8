package merchant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const (
	// askElsewhere is how often a turn that another process has is asked for again.
	askElsewhere = 50 * time.Millisecond
	// storeTime bounds one command of the store, so that a stuck disk does not hold calls for ever.
	storeTime = 10 * time.Second
)

// begin asks the store for the turn until the answer is due.
func (h *Handler) begin(c *call, key string, due context.Context) (store.State, error) {
	b := store.Begin{Key: key, Test: c.test, Digest: strings.Join(c.others, "\n"), InstanceID: c.instanceID,
		Request: c.saved, Owed: c.owed, Now: h.options.Now()}
	if c.instanceID != "" {
		b.SpareID = sign.NewNonce()
	}
	for {
		ctx, end := context.WithTimeout(context.WithoutCancel(h.root), storeTime)
		state, err := h.options.Store.Begin(ctx, b)
		end()
		if err != nil || state.Turn != store.Elsewhere {
			return state, err
		}
		select {
		case <-due.Done():
			return state, c.pendingBody(state.InstanceID)
		default:
		}
		if err := clock.Wait(h.root, askElsewhere); err != nil {
			return state, c.pendingBody(state.InstanceID)
		}
	}
}

// compare looks at what a repeat says beside its key.
func (h *Handler) compare(c *call, state store.State) error {
	others := strings.Join(c.others, "\n")
	if state.Digest == others {
		return nil
	}
	var names []string
	was := strings.Split(state.Digest, "\n")
	for i, now := range c.others {
		if i >= len(was) || was[i] != now {
			name, _, _ := strings.Cut(now, "=")
			names = append(names, name)
		}
	}
	h.options.Log.Warn("a repeat differs from the first request", "activity", c.row.Activity, "test", c.test, "fields", names)
	if h.options.Readings.RefuseChanged && !c.test {
		return &wire.Problem{Field: strings.Join(names, ", "), Why: "differs from the first request of the same key"}
	}
	return nil
}

// work runs the callback in its turn and records a success. After an error the turn is still to be ended (settle).
func (h *Handler) work(c *call, key string, state store.State, a Attempt) (body []byte, err error) {
	defer func() { // callbacks are guarded each; this is a store's
		if p := recover(); p != nil {
			body, err = nil, fmt.Errorf("record call: panic: %v\n%s", p, debug.Stack())
		}
	}()
	ctx, end := context.WithTimeout(h.root, h.options.WorkTime)
	defer end()
	if c.make != nil {
		return h.made(ctx, c, key, state, a)
	}
	out, err := guard(func() (outcome, error) { return c.run(ctx, a) })
	if c.row.Kind != Once {
		return out.body, err
	}
	return h.record(key, out, err)
}

// made is work for a call that makes something once and delivers it: what was made is stored first, and a
// repeat delivers the same again, also when the call is done. nil is
// not kept: nothing is made yet, and deliver says so by an open outcome.
func (h *Handler) made(ctx context.Context, c *call, key string, state store.State, a Attempt) ([]byte, error) {
	if state.Kept == nil {
		out, err := guard(func() (outcome, error) {
			kept, err := c.make(ctx, a)
			return outcome{body: kept}, err
		})
		if err == nil && out.body != nil {
			store, end := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
			err = h.options.Store.Keep(store, key, out.body)
			end()
		}
		if err != nil {
			return nil, err
		}
		state.Kept = out.body
	}
	out, err := guard(func() (outcome, error) { return c.deliver(ctx, state.Kept) })
	if state.Turn == store.Done {
		return out.body, err
	}
	return h.record(key, out, err)
}

// record ends a turn with a success. What a callback has recorded itself stays.
func (h *Handler) record(key string, out outcome, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithTimeout(context.WithoutCancel(h.root), storeTime)
	defer end()
	if err := h.options.Store.Finish(ctx, store.Finish{Key: key, Answer: out.body, Open: out.open, Now: h.options.Now()}); err != nil {
		// The work is done and its record is not: the next request runs it again with the same id.
		return nil, err
	}
	return out.body, nil
}

// giveUp ends a turn without a success; again is zero for what is not owed.
func (h *Handler) giveUp(key string, again time.Time) error {
	ctx, end := context.WithTimeout(context.WithoutCancel(h.root), storeTime)
	defer end()
	return h.options.Store.GiveUp(ctx, key, again)
}

// recorder makes Attempt.Record.
func (h *Handler) recorder(c *call, key, instanceID string) func(context.Context, store.Execer) error {
	return func(ctx context.Context, tx store.Execer) error {
		shared, ok := h.options.Store.(store.Transactional)
		if !ok || c.success == nil {
			return ErrNotTransactional
		}
		out, err := c.success(instanceID)
		if err != nil {
			return err
		}
		return shared.FinishIn(ctx, tx, store.Finish{Key: key, Answer: out.body, Now: h.options.Now()})
	}
}

// guard turns a callback's panic into an error that is answered with 000005.
func guard(f func() (outcome, error)) (out outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = outcome{}, fmt.Errorf("run callback: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return f()
}

// keyText spells a key so that no two different keys are spelled the same. A long
// value, a fingerprint, stands as its hash.
func keyText(row Repeat, test bool, values []string) string {
	parts := append([]string{row.Family, row.Activity, row.Case, "real"}, values...)
	if test {
		parts[3] = "test"
	}
	for i, v := range parts[4:] {
		if len(v) > 256 || strings.HasPrefix(v, "sha256:") {
			sum := sha256.Sum256([]byte(v))
			parts[4+i] = "sha256:" + hex.EncodeToString(sum[:])
		}
	}
	b, err := json.Marshal(parts)
	if err != nil { // strings only
		panic("merchant: key: " + err.Error())
	}
	return string(b)
}

// attemptID is what a callback gets for a key: of one length, and fit for a column.
func attemptID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
