package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// shared is one worker process, or the wait for it. ready closes when it is
// started or failed; then proc and err stand still.
type shared struct {
	key   string
	uid   caller.UID
	ready chan struct{}
	proc  *process
	err   error

	users int         // guarded by Launcher.mu
	idle  *time.Timer // guarded by Launcher.mu; runs while users is 0
}

// Worker is one use of a running worker process. Call may be used from any
// goroutine until Release.
type Worker struct {
	l       *Launcher
	s       *shared
	release sync.Once
}

// use finds or notes the worker of an identity and counts one use of it; starts
// tells the caller to start it.
func (l *Launcher) use(id identity) (s *shared, starts bool, err error) {
	key := id.key()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, false, &api.Error{Code: api.AgentLost, Detail: "the agent is stopping"}
	}
	if s = l.workers[key]; s == nil {
		same := 0
		for _, other := range l.workers {
			if other.uid == id.UID {
				same++
			}
		}
		if same >= maxIdentities {
			return nil, false, &api.Error{Code: api.Busy, Detail: fmt.Sprintf("more than %d sets of rights of user %s at once", maxIdentities, id.UID)}
		}
		s, starts = &shared{key: key, uid: id.UID, ready: make(chan struct{})}, true
		l.workers[key] = s
		l.ending.Add(1)
	}
	s.users++
	if s.idle != nil {
		s.idle.Stop()
		s.idle = nil
	}
	return s, starts, nil
}

// start runs a worker from exec to its end.
func (l *Launcher) start(s *shared, id identity) {
	defer l.ending.Done()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	s.proc, s.err = l.launch(ctx, id)
	cancel()
	if s.err != nil {
		l.cfg.Log.Error("worker not started", "uid", id.UID, "cause", s.err)
		s.err = &api.Error{Code: api.Internal, Detail: fmt.Sprintf("start a worker for user %s: %v", id.UID, s.err)}
		l.drop(s)
		close(s.ready)
		return
	}
	close(s.ready)
	cause := s.proc.wait()
	l.drop(s)
	l.cfg.Log.Info("worker ended", "uid", id.UID, "pid", s.proc.started.PID, "cause", cause)
}

func (l *Launcher) launch(ctx context.Context, id identity) (*process, error) {
	p, err := l.spawn.start(ctx, l.cfg.Users, id, func(ctx context.Context, method string, params json.RawMessage) (any, error) {
		return l.cfg.Handle(ctx, id.UID, method, params)
	}, func(method string, params json.RawMessage) {
		l.cfg.Notice(id.UID, method, params)
	})
	if err != nil {
		return nil, err
	}
	p.stop = l.cfg.Stop
	if err := p.link.Call(ctx, workerapi.MethodStart, l.cfg.Start(), &p.started); err != nil {
		p.end()
		_ = p.wait()
		return nil, err
	}
	l.cfg.Log.Info("worker started", "uid", id.UID, "pid", p.started.PID, "rights", p.started.Rights, "bound", p.child.bound())
	return p, nil
}

// drop forgets a worker that ended, so that the next request starts another.
func (l *Launcher) drop(s *shared) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.workers[s.key] == s {
		delete(l.workers, s.key)
	}
	if s.idle != nil {
		s.idle.Stop()
		s.idle = nil
	}
}

// Release gives the worker back; it ends a minute after its last use. Later calls do nothing.
func (w *Worker) Release() { w.release.Do(func() { w.l.unuse(w.s) }) }

func (l *Launcher) unuse(s *shared) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.users--
	if s.users > 0 || l.closed || l.workers[s.key] != s {
		return
	}
	s.idle = time.AfterFunc(l.cfg.Idle, func() { l.retire(s) })
}

// retire ends a worker that nobody used for the idle time.
func (l *Launcher) retire(s *shared) {
	l.mu.Lock()
	if s.users > 0 || l.workers[s.key] != s {
		l.mu.Unlock()
		return
	}
	delete(l.workers, s.key)
	l.mu.Unlock()
	<-s.ready
	if s.proc != nil {
		s.proc.end()
	}
}
