package license

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

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
	UID    caller.UID            `json:"uid,omitempty"`
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
			l.UID = l.UID.Recorded()
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
