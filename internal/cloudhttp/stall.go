package cloudhttp

import (
	"context"
	"errors"
	"io"
	"time"
)

var errStalled = errors.New("no byte moved for too long")

// motion ends an attempt in which no byte moves. A limit on the whole transfer
// would cut large packs on slow lines; none at all would wait for ever.
type motion struct {
	ctx   context.Context
	timer *time.Timer
	limit time.Duration
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
		r.m.timer.Reset(r.m.limit)
	}
	return n, err
}
