package files

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/guard"
	"github.com/iscdesk/iscdesk/agent/internal/service/launch"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Back-off of saves that wait for the cloud.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
)

// sender sends one user's queued saves, oldest first, one at a time. It lives
// while there are any.
type sender struct {
	kick  chan struct{} // holds one element: try now
	queue []*run        // guarded by Room.mu
}

// enqueue hands a save to its user's sender. The run stays live until it ends.
func (r *Room) enqueue(x *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live[x.op.ID()] = x
	s := r.senders[x.uid]
	fresh := s == nil
	if fresh {
		s = &sender{kick: make(chan struct{}, 1)}
		r.senders[x.uid] = s
	}
	if !slices.Contains(s.queue, x) {
		s.queue = append(s.queue, x)
		slices.SortFunc(s.queue, func(a, b *run) int { return cmp.Compare(a.op.ID(), b.op.ID()) })
	}
	// A cancel, and the agent's stop, are looked at at once.
	context.AfterFunc(x.op.Context(), s.wake)
	if fresh && !r.closed {
		r.work.Go(func() { guard.Run(r.cfg.Log, func() { r.deliver(x.uid, s) }) })
	}
}

func (s *sender) wake() {
	select {
	case s.kick <- struct{}{}:
	default: // it will look anyway
	}
}

// Wake sends what waits for the cloud now: for any sign that it is back, such as
// a sign-in or a heartbeat that was answered. It does not block. uid -1 is every user.
func (r *Room) Wake(uid int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for of, s := range r.senders {
		if uid == -1 || uid == of {
			s.wake()
		}
	}
}

// deliver is a sender's goroutine. It ends with the last queued save, or with the
// agent, which leaves them on disk.
func (r *Room) deliver(uid int, s *sender) {
	pause := firstRetry
	for {
		t := time.NewTimer(pause)
		select {
		case <-t.C:
			pause = min(2*pause, lastRetry)
		case <-s.kick:
			pause = firstRetry
		}
		t.Stop()
		for _, x := range r.waiting(s) {
			if !r.deliverOne(x) {
				break // the cloud is away for all of them
			}
		}
		r.mu.Lock()
		if len(s.queue) == 0 || r.closed {
			delete(r.senders, uid)
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
	}
}

func (r *Room) waiting(s *sender) []*run {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(s.queue)
}

// deliverOne tries one queued save; false says that the cloud is still away.
func (r *Room) deliverOne(x *run) bool {
	if x.stopping() {
		return false
	}
	done, err := r.takeTurn(x.op.Context(), pathKey{x.uid, x.job.Path})
	if err == nil {
		defer done()
	}
	return r.resend(x)
}

// flush sends the user's queued saves of x's path that are older than x. The
// caller has the path's turn.
func (r *Room) flush(x *run) {
	r.mu.Lock()
	var older []*run
	if s := r.senders[x.uid]; s != nil {
		for _, q := range s.queue {
			if q.job.Path == x.job.Path && q.op.ID() < x.op.ID() {
				older = append(older, q)
			}
		}
	}
	r.mu.Unlock()
	for _, q := range older {
		if !r.resend(q) {
			return
		}
	}
}

// resend tries a queued save and ends it when the cloud has answered, or when it
// was cancelled. The caller has the path's turn.
func (r *Room) resend(x *run) (answered bool) {
	r.mu.Lock()
	s := r.senders[x.uid]
	if s == nil || !slices.Contains(s.queue, x) {
		r.mu.Unlock()
		return true // ended while we waited for the turn
	}
	r.mu.Unlock()
	var done workerapi.Stored
	err := context.Cause(x.op.Context())
	if err == nil {
		x.finishOlder()
		done, err = x.sendStaged()
	}
	switch {
	case x.stopping():
		return false
	case err == nil && done.Queued, cloudhttp.AwayOrBusy(err):
		return false
	case api.CodeOf(err) == api.NotSignedIn, api.CodeOf(err) == api.SessionExpired, api.CodeOf(err) == api.PathInUse, api.CodeOf(err) == api.DiskFull, errors.Is(err, launch.ErrLost):
		return false // waits for a sign-in, for a worker of before a restart, for room on the disk, or for a worker that lives
	}
	r.mu.Lock()
	s.queue = slices.DeleteFunc(s.queue, func(q *run) bool { return q == x })
	r.mu.Unlock()
	x.settle(done, err)
	x.leave()
	return true
}

// errNotStaged is a save that the user's outbox does not hold.
var errNotStaged = fmt.Errorf("send a staged save: %w", refuse(api.NotFound, "it is not in the user's outbox"))

// sendStaged sends the snapshot that the outbox holds, exactly as it was taken.
func (x *run) sendStaged() (workerapi.Stored, error) {
	var waiting workerapi.Pending
	if err := x.call(workerapi.MethodPending, api.None{}, &waiting); err != nil {
		return workerapi.Stored{}, err
	}
	i := slices.IndexFunc(waiting.Stores, func(s workerapi.Store) bool { return s.Key == x.job.Key })
	if i < 0 {
		return workerapi.Stored{}, errNotStaged
	}
	ask := waiting.Stores[i]
	ask.Operation, ask.Staged = x.op.ID(), true
	c, err := x.cloud()
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
