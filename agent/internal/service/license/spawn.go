package license

import "runtime/debug"

// spawn runs fn in a goroutine that Close waits for. A defect that one user's
// request hits ends that request, never every user's agent.
func (r *Room) spawn(fn func()) {
	r.work.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				r.cfg.Log.Error("request stopped by a defect", "panic", p, "stack", string(debug.Stack()))
			}
		}()
		fn()
	})
}
