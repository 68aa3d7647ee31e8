package files

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/guard"
)

// Back-off of saves that wait.
const (
	firstRetry = 5 * time.Second
	lastRetry  = 5 * time.Minute
	nudgePause = 30 * time.Second // between looks that calls of the user bring about
)

// sender sends one user's queued saves, oldest first, one at a time. It lives
// while there are any.
type sender struct {
	kick   chan bool // holds one element: try now; true when the back-off begins anew
	queue  []*run    // guarded by Room.mu
	looked time.Time // when it tried last; guarded by Room.mu
}

// enqueue hands a save to its user's sender. The run stays live until it ends.
func (r *Room) enqueue(x *run) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.live[x.op.ID()] = x
	s := r.senders[x.uid]
	fresh := s == nil
	if fresh {
		s = &sender{kick: make(chan bool, 1)}
		r.senders[x.uid] = s
	}
	x.waits = x.job.Why
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

func (s *sender) wake() { s.try(true) }

func (s *sender) try(anew bool) {
	select {
	case s.kick <- anew:
	default: // it will look anyway
	}
}

// nudge is for a call of the user: what was in the way may be gone with whatever
// brought the user back, a home that is mounted at log-in among others. An
// application that calls all the time does not make a waiting save dear.
func (r *Room) nudge(uid caller.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s := r.senders[uid]; s != nil && r.cfg.Clock.Now().Sub(s.looked).Abs() >= nudgePause {
		s.try(false)
	}
}

// Wake sends what waits for the cloud now: for any sign that it is back, such as
// a sign-in or a heartbeat that was answered. It does not block. An empty uid is every user.
func (r *Room) Wake(uid caller.UID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.swept, uid) // a save of a lost ledger may be of the account that signed in
	for of, s := range r.senders {
		if uid == "" || uid == of {
			s.wake()
		}
	}
}

// deliver is a sender's goroutine. It ends with the last queued save, or with the
// agent, which leaves them on disk.
func (r *Room) deliver(uid caller.UID, s *sender) {
	pause := firstRetry
	for {
		t := time.NewTimer(pause)
		select {
		case <-t.C:
			pause = min(2*pause, lastRetry)
		case anew := <-s.kick:
			if anew {
				pause = firstRetry
			}
		}
		t.Stop()
		r.deliverAll(r.waiting(s))
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
	s.looked = r.cfg.Clock.Now()
	return slices.Clone(s.queue)
}

// deliverAll tries a user's queued saves. One that waits for something of its own
// holds up those of its path alone.
func (r *Room) deliverAll(queue []*run) {
	held := make(map[string]bool)
	for _, x := range queue {
		if held[onePath(x.job.Path)] {
			continue
		}
		switch r.deliverOne(x) {
		case stuck:
			held[onePath(x.job.Path)] = true
		case away:
			return
		}
	}
}

// deliverOne tries one queued save.
func (r *Room) deliverOne(x *run) outcome {
	if x.stopping() {
		return away
	}
	done, err := r.takeTurn(x.op.Context(), pathKey{x.uid, onePath(x.job.Path)})
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
			if onePath(q.job.Path) == onePath(x.job.Path) && q.op.ID() < x.op.ID() {
				older = append(older, q)
			}
		}
	}
	r.mu.Unlock()
	for _, q := range older {
		if r.resend(q) != ended {
			return
		}
	}
}
