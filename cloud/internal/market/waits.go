package market

import "sync"

// waits wakes those who wait for an application, so that a hundred waiting agents ask the store
// only when something has happened. The zero value is ready. It lives in this process: after a
// restart the agents ask again.
type waits struct {
	// mu guards events.
	mu     sync.Mutex
	events map[string]*event
}

// event is one application that somebody waits for.
type event struct {
	waiting int
	changed chan struct{} // closed and replaced at each change
}

// enter begins to wait for an event; leave ends it. Take next before looking at the application: what
// happens after that closes it, so that nothing falls between looking and waiting.
func (w *waits) enter(name string) (next func() <-chan struct{}, leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.events == nil {
		w.events = map[string]*event{}
	}
	e := w.events[name]
	if e == nil {
		e = &event{changed: make(chan struct{})}
		w.events[name] = e
	}
	e.waiting++
	next = func() <-chan struct{} {
		w.mu.Lock()
		defer w.mu.Unlock()
		return e.changed
	}
	leave = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if e.waiting--; e.waiting == 0 {
			delete(w.events, name)
		}
	}
	return next, leave
}

// wake tells everyone who waits for the event that it has changed.
func (w *waits) wake(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if e := w.events[name]; e != nil {
		close(e.changed)
		e.changed = make(chan struct{})
	}
}
