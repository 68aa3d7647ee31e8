package cloudhttp

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"
)

var errStalled = errors.New("too few bytes moved for too long")

// slowest is what a line must carry, bytes a second. An answer that comes byte by
// byte is as good as none: somebody waits for it.
const slowest = 2 << 10

// motion ends an attempt in which fewer bytes move within limit than the slowest
// line carries. A limit on the whole transfer would cut large packs on slow
// lines; none at all would wait for ever.
type motion struct {
	ctx   context.Context
	timer *time.Timer
	limit time.Duration

	// moved is what came since the timer was set; atomic, because the body that
	// goes out and the answer that comes in are read at the same time.
	moved atomic.Int64
}

// watch starts a motion; stop must be called.
func watch(parent context.Context, limit time.Duration) (m *motion, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	m = &motion{ctx: ctx, limit: limit}
	m.timer = time.AfterFunc(limit, func() { cancel(errStalled) })
	return m, func() {
		m.timer.Stop()
		cancel(nil)
	}
}

// reader counts reads of rc as motion.
func (m *motion) reader(rc io.ReadCloser) io.ReadCloser { return &movingReader{rc, m} }

type movingReader struct {
	io.ReadCloser
	m *motion
}

func (r *movingReader) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if n > 0 {
		r.m.move(int64(n))
	}
	return n, err
}

// move counts n bytes; enough of them give the transfer another limit.
func (m *motion) move(n int64) {
	if total := m.moved.Add(n); float64(total) >= m.limit.Seconds()*slowest {
		m.moved.Add(-total)
		m.timer.Reset(m.limit)
	}
}
