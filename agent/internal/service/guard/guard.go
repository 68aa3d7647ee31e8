// Package guard keeps a defect that one user's request hits from ending every
// user's agent. For the service's rooms: each goroutine that works for a user runs
// under it.
package guard

import (
	"log/slog"
	"runtime/debug"
)

// Run calls fn. A panic of fn is logged with its stack and ends fn alone: what it
// worked on stays as it is on disk and is taken up after the next start.
func Run(log *slog.Logger, fn func()) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("work for a user stopped by a defect", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	fn()
}
