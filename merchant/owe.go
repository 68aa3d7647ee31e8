package merchant

import (
	"context"
	"errors"
	"time"

	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// lookOften is how often the store is asked when nothing is known to be due: another handler may share it.
const lookOften = time.Minute

// payUp begins what is owed: calls that were answered with 000004 and that the marketplace does not
// repeat, also those of a process that has died. It ends with the first Close.
func (h *Handler) payUp() {
	gap := h.options.RetryAfter / 4 // between two looks, also when a disk that refuses to write leaves all as it was
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-h.shut:
			return
		case <-timer.C:
		}
		next := h.payRound()
		timer.Reset(gap)
		select {
		case <-h.shut:
			return
		case <-timer.C:
		}
		timer.Reset(max(0, next-gap))
		select {
		case <-h.shut:
			return
		case <-h.look:
			timer.Reset(0)
		case <-timer.C:
			timer.Reset(0)
		}
	}
}

// lookOut makes payUp look at once.
func (h *Handler) lookOut() {
	select {
	case h.look <- struct{}{}:
	default: // it will
	}
}

// payRound begins what is due, as far as there is room, and tells when to look again. The end of each attempt makes
// payUp look too.
func (h *Handler) payRound() time.Duration {
	h.mu.Lock()
	room := max(1, h.options.Workers/4) - h.owing
	h.mu.Unlock()
	if room <= 0 {
		return lookOften
	}
	ctx, end := context.WithTimeout(h.root, storeTime)
	owed, err := h.options.Store.Owed(ctx, room)
	end()
	if err != nil {
		h.options.Log.Error("calls that are owed cannot be read", "error", err)
		return lookOften
	}
	now := h.options.Now()
	for _, state := range owed {
		if state.Due.After(now) {
			return min(lookOften, state.Due.Sub(now))
		}
		h.pay(state)
	}
	return lookOften
}

// pay begins an owed call again.
func (h *Handler) pay(state store.State) {
	c, err := h.rebuild(state)
	if err != nil { // it takes its turn nevertheless, to be given up for good
		c = &call{row: repeat("production", wire.ActivityGetLicenseAsync, ""), owed: true, others: c.others,
			run: func(context.Context, Attempt) (outcome, error) { return outcome{}, &lostError{err} }}
	}
	f, first, err := h.board(c.row.Kind, state.Key, state.Key)
	if err != nil || !first.mine {
		return // closed, or a request of the marketplace is at it
	}
	h.mu.Lock()
	f.owing, f.owed = true, true
	h.owing++
	h.mu.Unlock()
	due, end := context.WithTimeout(h.root, h.options.AnswerWithin)
	defer end()
	h.lead(c, f, state.Key, state.Key, due)
}

// lostError is a saved call that cannot be read, or whose callback is no longer offered.
type lostError struct{ cause error }

func (e *lostError) Error() string { return e.cause.Error() }

func (e *lostError) Again() bool { return false }

// settle ends the turn of a call that has failed. Whoever waits for it is told the failure; when someone
// was told 000004 instead and nobody will ask again, it stays owed, unless it was refused for good or for too long.
func (h *Handler) settle(c *call, f *flight, key string, state store.State, failure error) error {
	h.mu.Lock()
	f.final = true
	owed := c.owed && (f.left || f.owed || processing(failure))
	h.mu.Unlock()
	if owed && again(failure) {
		f.again = h.next(state)
	}
	return errors.Join(failure, h.giveUp(key, f.again))
}

// next is when an owed call is tried again: after pauses that grow, and never (the zero time) when
// it has been owed for too long.
func (h *Handler) next(state store.State) time.Time {
	pause := h.options.RetryAfter
	for n := 1; n < state.Attempt && pause < h.options.longest; n++ {
		pause *= 2
	}
	at := h.options.Now().Add(min(pause, max(h.options.longest, h.options.RetryAfter)))
	if at.After(state.Since.Add(h.options.RetryFor)) {
		return time.Time{}
	}
	return at
}

// again tells whether the same call may succeed later: not when the ISV has refused it by a code of its own,
// and not when an error says so itself, as those of the open API do.
func again(err error) bool {
	var refusal *Refusal
	if errors.As(err, &refusal) {
		return refusal.Code == wire.Processing || refusal.Code == wire.Internal || !refusal.refuses()
	}
	var says interface{ Again() bool }
	return !errors.As(err, &says) || says.Again()
}

// processing tells whether a callback goes on by itself.
func processing(err error) bool {
	var refusal *Refusal
	return errors.As(err, &refusal) && refusal.Code == wire.Processing
}
