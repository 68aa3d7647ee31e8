package files

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Service is the way back to the service; *ipc.Link is one.
type Service interface {
	Call(ctx context.Context, method string, params, result any) error
	Notify(method string, params any) error
}

// Config of the room. Cloud and Wait may be nil; the others are required.
type Config struct {
	Home    string          // the user's home folder, absolute
	Start   workerapi.Start // what the service said first: the cloud and its CA
	Service Service
	Clock   clock.Clock

	Cloud transfer.Doer                                    // nil: a cloudhttp.Client made from Start
	Wait  func(ctx context.Context, d time.Duration) error // nil: a timer
}

// Room answers the service's requests about files. All methods may be used from
// any goroutine; each ends with its context.
type Room struct {
	cfg          Config
	longest      int       // see fits
	timesAreLate bool      // see readAgain; timesAreLate of the system, but in tests
	swept        sync.Once // see sweepParts
}

// New prepares the room. Nothing is read or written before the first request.
func New(cfg Config) (*Room, error) {
	if !filepath.IsAbs(cfg.Home) {
		return nil, refuse(api.InvalidArgument, "home folder %q is not absolute", cfg.Home)
	}
	cfg.Home = filepath.Clean(cfg.Home)
	if cfg.Cloud == nil {
		s := cfg.Start
		cloud, err := cloudhttp.New(cloudhttp.Config{Base: s.Cloud, CAPEM: []byte(s.CAPEM), Proxy: s.Proxy, Build: s.Build})
		if err != nil {
			return nil, err
		}
		cfg.Cloud = cloud
	}
	return &Room{cfg: cfg, longest: longestPath(), timesAreLate: timesAreLate}, nil
}

// client makes the drive calls of one operation. An expired token is renewed
// through the service, which asks whether the operation is still live.
func (r *Room) client(op api.Operation, space, token string) *transfer.Client {
	return transfer.New(transfer.Config{
		Cloud: r.cfg.Cloud, Space: space, Token: token, Wait: r.cfg.Wait, Clock: r.cfg.Clock,
		Renew: func(ctx context.Context) (string, error) {
			var fresh workerapi.Renewed
			err := r.cfg.Service.Call(ctx, workerapi.MethodRenew, api.OperationRef{Operation: op}, &fresh)
			return fresh.Token, err
		},
	})
}

func (r *Room) wait(ctx context.Context, d time.Duration) error {
	if r.cfg.Wait != nil {
		return r.cfg.Wait(ctx, d)
	}
	return clock.Wait(ctx, d)
}

// patiently does again, for a good second, what fails because another program has a
// file open: virus scanners and indexers let go in a moment, the application may not.
func (r *Room) patiently(ctx context.Context, do func() error) error {
	for n := 0; ; n++ {
		err := do()
		if !inUse(err) || n == holdTries {
			return err
		}
		if r.wait(ctx, timeGrain<<n) != nil {
			return err
		}
	}
}

const holdTries = 6 // 20 ms, and twice as long each time

// progressPeriod keeps notices of an operation at four a second.
const progressPeriod = 250 * time.Millisecond

// progress counts an operation's bytes and tells the service now and then.
type progress struct {
	room  *Room
	op    api.Operation
	total int64

	mu   sync.Mutex // guards what follows
	done int64
	told time.Time
}

func (r *Room) progress(op api.Operation, total int64) *progress {
	return &progress{room: r, op: op, total: total}
}

// add counts n more bytes. More than the total is not told: bytes that were read
// again after a change count again.
func (p *progress) add(n int64) {
	p.mu.Lock()
	p.done = min(p.done+n, p.total)
	done, now := p.done, p.room.cfg.Clock.Now()
	quiet := now.Sub(p.told) < progressPeriod
	if !quiet {
		p.told = now
	}
	p.mu.Unlock()
	if !quiet {
		// A lost notice is no loss: the operation's answer tells the end.
		_ = p.room.cfg.Service.Notify(workerapi.NoticeProgress, workerapi.Progress{Operation: p.op, Done: done, Total: p.total})
	}
}
