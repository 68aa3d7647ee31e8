package license

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Bounds of the queue.
const (
	reportsFile = "reports.log"
	maxReports  = 1000                // waiting, of one user
	reportLife  = 90 * 24 * time.Hour // an older one is dropped
	compactAt   = 1 << 20             // bytes of the log
)

// queued is a line of the log: a report, or the note that one is done with.
type queued struct {
	UID    int                   `json:"uid,omitempty"`
	Report cloudapi.VerifyReport `json:"report,omitzero"`
	Done   string                `json:"done,omitempty"`
}

// reports is the queue of applications' verdicts on their way to the cloud. It is
// on disk before Verify answers, and each is delivered once: its id makes a
// repeated delivery harmless.
type reports struct {
	log  *atomicfile.Log
	slog *slog.Logger
	seal func([]byte) ([]byte, error) // error texts of applications are in the lines

	sending sync.Mutex // one delivery at a time

	writing sync.RWMutex // held for reading while a line goes to log and list, for writing while the log is shortened
	kept    int64        // bytes of the log when it was shortened last; guarded by writing

	mu      sync.Mutex // guards waiting; never held during I/O
	waiting []queued
}

func openReports(cfg Config) (*reports, error) {
	log, lines, err := atomicfile.OpenLog(filepath.Join(cfg.Store.Dir(), reportsFile), 0o600)
	if errors.Is(err, atomicfile.ErrDamaged) {
		cfg.Log.Error("verdicts that waited for the cloud", "error", err)
	} else if err != nil {
		return nil, err
	}
	seal, open := cfg.Store.Lines("reports")
	q := &reports{log: log, slog: cfg.Log, seal: seal}
	var good [][]byte
	for _, line := range lines {
		plain, err := open(line)
		if err != nil {
			continue // sealed by another state, or damaged
		}
		good = append(good, line)
		var l queued
		if err := json.Unmarshal(plain, &l); err != nil {
			continue // a later version's line
		}
		if l.Done != "" {
			q.drop(l.Done)
		} else if l.Report.Report != "" {
			q.waiting = append(q.waiting, l)
		}
	}
	if lost := len(lines) - len(good); lost > 0 {
		aside, err := log.Replace(good)
		if err != nil {
			return nil, errors.Join(err, log.Close())
		}
		cfg.Log.Error("verdicts that waited for the cloud cannot be read", "lines", lost, "kept", filepath.Base(aside))
	}
	return q, nil
}

// write seals a line and makes it durable.
func (q *reports) write(l queued) error {
	line, err := q.encode(l)
	if err != nil {
		return err
	}
	return q.log.Append(line)
}

func (q *reports) encode(l queued) ([]byte, error) {
	plain, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("encode verdict: %w", err)
	}
	return q.seal(plain)
}

func (q *reports) close() error { return q.log.Close() }

// add makes a report durable.
func (q *reports) add(l queued) error {
	q.mu.Lock()
	n := 0
	for _, w := range q.waiting {
		if w.UID == l.UID {
			n++
		}
	}
	q.mu.Unlock()
	if n >= maxReports {
		return &api.Error{Code: api.Busy, Detail: "too many verdicts wait for the cloud"}
	}
	q.writing.RLock()
	defer q.writing.RUnlock()
	if err := q.write(l); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, l)
	return nil
}

// done notes that a report needs no more delivery.
func (q *reports) done(id string) error {
	if err := q.write(queued{Done: id}); err != nil {
		return err
	}
	q.drop(id)
	return nil
}

func (q *reports) drop(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i, w := range q.waiting {
		if w.Report.Report == id {
			q.waiting = append(q.waiting[:i:i], q.waiting[i+1:]...)
			return
		}
	}
}

func (q *reports) list() []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]queued(nil), q.waiting...)
}

// compact shortens the log to what still waits in it. One user's verdict may wait
// for weeks, and the others' must not pile up behind it.
func (q *reports) compact() error {
	if q.log.Size() < compactAt {
		return nil
	}
	q.writing.Lock()
	defer q.writing.Unlock()
	if q.log.Size() < 2*q.kept {
		return nil // most of it waits
	}
	var lines [][]byte
	for _, l := range q.list() {
		line, err := q.encode(l)
		if err != nil {
			return err
		}
		lines = append(lines, line)
	}
	if err := q.log.Rewrite(lines); err != nil {
		return err
	}
	q.kept = q.log.Size()
	return nil
}

// Verify queues the application's own verdict for the cloud's audit trail; it is
// on disk when Verify returns.
func (r *Room) Verify(_ context.Context, a caller.Actor, v api.LicenseVerify) error {
	if err := checkProduct(a.Product); err != nil {
		return err
	}
	switch {
	case !v.OK && strings.TrimSpace(v.Error) == "":
		return &api.Error{Code: api.InvalidArgument, Detail: "a failed verification needs its error text"}
	case len(v.Error) > api.MaxText:
		return &api.Error{Code: api.TooLarge, Detail: "error is longer than 4096 bytes"}
	case !utf8.ValidString(v.Error):
		return &api.Error{Code: api.InvalidArgument, Detail: "error is UTF-8"}
	}
	if account, err := r.cfg.Account(a.UID); account == "" && err != nil {
		return err
	}
	at, _ := r.watch.now()
	err := r.out.add(queued{UID: a.UID, Report: cloudapi.VerifyReport{Report: rand.Text(), Product: a.Product,
		OK: v.OK, Error: v.Error, Time: at.UTC()}})
	if err == nil {
		r.look()
	}
	return err
}

// deliver sends what waits, per user in order. A user whose cloud is away or who
// is signed out keeps waiting; what the cloud refuses is noted and dropped.
func (r *Room) deliver(ctx context.Context) {
	r.out.sending.Lock()
	defer r.out.sending.Unlock()
	now, _ := r.watch.now()
	stuck := map[int]bool{}
	for _, l := range r.out.list() {
		if stuck[l.UID] || ctx.Err() != nil {
			continue
		}
		err := r.report(ctx, l)
		old := now.Sub(l.Report.Time) > reportLife
		if err != nil && away(err) && !old {
			stuck[l.UID] = true
			continue
		}
		if err != nil {
			r.cfg.Log.Warn("verdict dropped", "uid", l.UID, "product", l.Report.Product, "error", err)
		}
		if err := r.out.done(l.Report.Report); err != nil {
			r.cfg.Log.Error("note delivered verdict", "error", err)
			return
		}
	}
	if err := r.out.compact(); err != nil {
		r.cfg.Log.Error("shorten verdicts", "error", err)
	}
}

func (r *Room) report(ctx context.Context, l queued) error {
	ctx, cancel := context.WithTimeout(ctx, cloudTimeout)
	defer cancel()
	user, err := r.cfg.User(ctx, l.UID)
	if err != nil {
		return err
	}
	return user.Report(ctx, l.Report)
}
