package files

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// resend tries a queued save and ends it when that is over. The caller has the
// path's turn.
func (r *Room) resend(x *run) outcome {
	r.mu.Lock()
	s := r.senders[x.uid]
	if s == nil || !slices.Contains(s.queue, x) {
		r.mu.Unlock()
		return ended // while we waited for the turn
	}
	r.mu.Unlock()
	var done workerapi.Stored
	err := context.Cause(x.op.Context())
	if err == nil {
		if _, serr := r.signedIn(x.uid, x.account); serr != nil {
			return x.wait(serr) // at no cost: no worker, no word with the cloud
		}
		x.finishOlder()
		done, err = x.sendStaged()
	}
	var over bool
	if x.job.Unsure && errors.Is(err, errNotStaged) {
		done, err = x.store() // it was cut before its snapshot was taken
		over = !passes(err)
	} else {
		over = x.over(err)
	}
	switch {
	case x.stopping():
		return away
	case err == nil && done.Queued:
		x.sure()
		return x.wait(why(done))
	case !over:
		return x.wait(err)
	case errors.Is(err, errNotStaged):
		err = fmt.Errorf("%w: %w", refuse(api.PathNotFound, fmt.Sprintf(
			"the outbox has not had this save for %d days; save again what %s holds", int(lackPatience.Hours()/24), x.job.Path)), err)
	}
	r.mu.Lock()
	s.queue = slices.DeleteFunc(s.queue, func(q *run) bool { return q == x })
	r.mu.Unlock()
	x.settle(done, err)
	x.leave()
	return ended
}

// errNotStaged is a save that the user's outbox does not hold.
var errNotStaged = fmt.Errorf("send a staged save: %w", refuse(api.PathNotFound, "it is not in the user's outbox"))

// sendStaged sends the snapshot that the outbox holds, exactly as it was taken, with
// the rights of the account that saved it.
func (x *run) sendStaged() (workerapi.Stored, error) {
	if _, err := x.room.signedIn(x.uid, x.account); err != nil {
		return workerapi.Stored{}, err
	}
	var waiting workerapi.Pending
	if err := x.call(workerapi.MethodPending, api.None{}, &waiting); err != nil {
		return workerapi.Stored{}, err
	}
	i := slices.IndexFunc(waiting.Stores, func(s workerapi.Store) bool { return s.Key == x.job.Key })
	if i < 0 {
		return workerapi.Stored{}, errNotStaged
	}
	x.sure()
	ask := waiting.Stores[i]
	ask.Operation, ask.Staged = x.op.ID(), true
	c, err := x.cloud()
	if err == nil {
		_, err = x.room.signedIn(x.uid, ask.Account)
	}
	if err != nil {
		return workerapi.Stored{}, err
	}
	if ask.Object != "" {
		// Renewed where it still lives. Where it does not, the commit tells: it may
		// have been made before the agent ended, and then its first answer counts.
		obj, err := c.Object(x.op.Context(), ask.Object)
		if cloudhttp.AwayOrBusy(err) {
			return workerapi.Stored{}, err
		}
		if err == nil && x.mine(ask.Account, obj.Entry.Checkout) && obj.Entry.Checkout.Fence == ask.Fence {
			if err := x.renewLease(x.op.Context(), c, ask.Object, obj.Entry.Checkout); err != nil {
				return workerapi.Stored{}, err
			}
		}
	}
	ask.Token, err = x.grant(c, ask.Space, cloudapi.NewTransfer{Mode: "write", Operation: ask.Key, Object: ask.Object})
	if err != nil {
		return workerapi.Stored{}, err
	}
	return x.upload(ask)
}
