package merchant

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// grace is how long Close waits for callbacks whose context it has ended.
const grace = 2 * time.Second

// Close takes no more calls and waits for the callbacks that run, also those that were answered
// with 000004. When ctx ends first, the callbacks' context ends too, and Close waits 2 s more for them. It
// then returns ctx's error, which names the activities of callbacks that still run: they are
// deaf to their context, and their goroutines are left behind, so that a server can stop. What such a
// callback returns later is not recorded; its call is taken up again after the next start, with the same
// Attempt.ID. The store may be closed nevertheless.
func (h *Handler) Close(ctx context.Context) error {
	h.mu.Lock()
	if !h.closed {
		h.closed = true
		close(h.shut)
	}
	h.mu.Unlock()
	ended := make(chan struct{})
	go func() { // ends when the last callback has returned; Close waits for it no longer than for them
		h.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		h.quit()
		return nil
	case <-ctx.Done():
	}
	h.quit()
	patience, end := context.WithTimeout(context.WithoutCancel(ctx), h.grace)
	defer end()
	select {
	case <-ended:
		return fmt.Errorf("close merchant handler: %w", context.Cause(ctx))
	case <-patience.Done():
		return fmt.Errorf("close merchant handler: callbacks left behind, deaf to their context: %s: %w", h.atWork(), context.Cause(ctx))
	}
}

// atWork names the activities whose callbacks run.
func (h *Handler) atWork() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var names []string
	for _, name := range slices.Sorted(maps.Keys(h.busy)) {
		names = append(names, fmt.Sprintf("%s (%d)", name, h.busy[name]))
	}
	return strings.Join(names, ", ")
}

// enter and leave count a callback.
func (h *Handler) enter(activity string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.busy[activity]++
}

func (h *Handler) leave(activity string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.busy[activity]--; h.busy[activity] == 0 {
		delete(h.busy, activity)
	}
}
