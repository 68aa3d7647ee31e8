package members

import (
	"context"
	"fmt"
	"sync"
)

// attempts lets one log-in for each account name through at a time. Names that nobody
// waits for take no memory.
type attempts struct {
	// mu guards busy.
	mu   sync.Mutex
	busy map[string]*turn
}

type turn struct {
	slot  chan struct{} // one element while someone has the turn
	users int           // who has it or waits for it
}

// enter waits for the name's turn or for ctx; the caller must call leave.
func (t *attempts) enter(ctx context.Context, name string) (leave func(), err error) {
	t.mu.Lock()
	if t.busy == nil {
		t.busy = map[string]*turn{}
	}
	u := t.busy[name]
	if u == nil {
		u = &turn{slot: make(chan struct{}, 1)}
		t.busy[name] = u
	}
	u.users++
	t.mu.Unlock()
	select {
	case u.slot <- struct{}{}:
		return func() { <-u.slot; t.forget(name, u) }, nil
	case <-ctx.Done():
		t.forget(name, u)
		return nil, fmt.Errorf("wait for log-in: %w", context.Cause(ctx))
	}
}

func (t *attempts) forget(name string, u *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u.users--; u.users == 0 {
		delete(t.busy, name)
	}
}
