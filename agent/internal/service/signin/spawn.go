package signin

import "github.com/iscdesk/iscdesk/agent/internal/service/guard"

// spawn runs fn in a goroutine that Close waits for.
func (r *Room) spawn(fn func()) { r.work.Go(func() { guard.Run(r.cfg.Log, fn) }) }
