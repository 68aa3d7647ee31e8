package events

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Bounds of what the operations of one user take, in memory and in the ledger:
// everybody's operations lie in the one ledger, and each user's must stay a small
// part of it. docs/protocol.md has them.
const (
	maxUnfinished      = 1024    // unfinished operations, over all sessions
	maxUnfinishedBytes = 4 << 20 // of their records
	maxKept            = 4096    // results; the oldest go first
	maxKeptBytes       = 4 << 20 // of their records
)

// usage is what one user's operations take.
type usage struct {
	sessions        map[string]int // unfinished operations by session
	unfinished      int
	unfinishedBytes int64
	kept            int // results
	keptBytes       int64
}

// put makes r what op is, and op known. Called with mu held.
func (e *Events) put(op *Op, r record) {
	if e.ops[r.ID] == op {
		e.count(&op.r, -1)
	}
	op.r = r
	op.version++
	e.ops[r.ID] = op
	e.count(&r, 1)
}

// drop forgets an operation; one that is not known is forgotten already. Called with mu held.
func (e *Events) drop(id api.Operation) {
	op := e.ops[id]
	if op == nil {
		return
	}
	if op.in != nil {
		delete(op.in.ends, op.r.Event.ID)
	}
	e.count(&op.r, -1)
	delete(e.ops, id)
}

// count adds r to what its user takes (n 1), or takes it out (-1). Called with mu held.
func (e *Events) count(r *record, n int) {
	u := e.users[r.UID]
	if u == nil {
		u = &usage{sessions: make(map[string]int)}
		e.users[r.UID] = u
	}
	bytes := int64(n * r.size)
	e.live += bytes
	if r.ended() {
		u.kept += n
		u.keptBytes += bytes
	} else {
		u.unfinished += n
		u.unfinishedBytes += bytes
		if u.sessions[r.Session] += n; u.sessions[r.Session] == 0 {
			delete(u.sessions, r.Session)
		}
	}
	if u.kept+u.unfinished == 0 {
		delete(e.users, r.UID)
	}
}

// quota refuses when the session or the user has too much unfinished; more are the
// bytes that a new operation brings. Two calls at once may both pass the last
// place: the bounds are for memory and disk, not for counting.
func (e *Events) quota(o Owner, more int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return &api.Error{Code: api.AgentLost, Detail: "the agent is stopping"}
	}
	u := e.users[o.UID]
	switch {
	case u == nil:
		return nil
	case u.sessions[o.Session] >= api.MaxOperations || u.unfinished >= maxUnfinished:
		return &api.Error{Code: api.Busy, Detail: fmt.Sprintf("%d operations of the session and %d of the user are unfinished", u.sessions[o.Session], u.unfinished)}
	case u.unfinishedBytes+int64(more) > maxUnfinishedBytes:
		return &api.Error{Code: api.Busy, Detail: fmt.Sprintf("the user's %d unfinished operations take %d bytes, with this one more than %d", u.unfinished, u.unfinishedBytes, maxUnfinishedBytes)}
	}
	return nil
}

// trim keeps a user's results within bounds: those that ended first go first, the
// last one never, nor what is unfinished. An eighth of the bound is made free, so
// that a user who reads nothing does not cost a search and a write at each end.
func (e *Events) trim(uid caller.UID) {
	e.mu.Lock()
	u := e.users[uid]
	if u == nil || u.kept <= maxKept && u.keptBytes <= maxKeptBytes {
		e.mu.Unlock()
		return
	}
	kept := make([]*Op, 0, u.kept)
	for _, op := range e.ops {
		if op.r.UID == uid && op.r.ended() {
			kept = append(kept, op)
		}
	}
	slices.SortFunc(kept, func(a, b *Op) int {
		return cmp.Or(a.r.Ended.Compare(b.r.Ended), cmp.Compare(a.id, b.id))
	})
	n, bytes := u.kept, u.keptBytes
	var gone []api.Operation
	for _, op := range kept[:len(kept)-1] {
		if n <= maxKept/8*7 && bytes <= maxKeptBytes/8*7 {
			break
		}
		gone = append(gone, op.id)
		n, bytes = n-1, bytes-int64(op.r.size)
	}
	e.mu.Unlock()
	if len(gone) == 0 {
		return
	}
	e.cfg.Log.Warn("a user's oldest results dropped, too many are kept", "uid", uid, "dropped", len(gone), "kept", n, "bytes", bytes)
	e.forget(gone)
}
