package events

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// numberBlock is how many operation numbers one write to disk reserves.
const numberBlock = 1024

// compactAt is the size from which a ledger that is mostly history is rewritten.
const compactAt = 1 << 20

// lineHead is what the log adds to a line at most: a frame of its own.
const lineHead = 24

// record is an operation as the ledger keeps it. The last record of a number
// holds. A record that names numbers in Gone is no operation: those are forgotten.
type record struct {
	ID        api.Operation   `json:"id"`
	UID       caller.UID      `json:"uid,omitempty"`
	Product   string          `json:"product,omitempty"`
	Session   string          `json:"session,omitempty"`
	Language  string          `json:"language,omitempty"`
	Method    string          `json:"method,omitempty"`
	ComeBack  json.RawMessage `json:"comeBack,omitempty"`
	State     string          `json:"state,omitempty"`
	Started   time.Time       `json:"started,omitzero"`
	Ended     time.Time       `json:"ended,omitzero"`
	Delivered time.Time       `json:"delivered,omitzero"` // written only when the ledger is rewritten
	Data      json.RawMessage `json:"data,omitempty"`
	Event     *api.Event      `json:"event,omitempty"`
	Waits     *api.Event      `json:"waits,omitempty"` // while queued: the report that it is
	Gone      []api.Operation `json:"gone,omitempty"`

	size int // bytes of its line in the ledger
}

func (r *record) ended() bool { return r.State == api.OpDone || r.State == api.OpFailed }

// over reports whether a result need not be kept any longer.
func (r *record) over(now time.Time) bool {
	return r.ended() && (!r.Delivered.IsZero() && now.Sub(r.Delivered) >= deliveredKeep || now.Sub(r.Ended) >= api.OperationKeep)
}

func (r *record) state() api.OperationState {
	return api.OperationState{Operation: r.ID, Method: r.Method, State: r.State, Started: r.Started, Event: r.Event, Waits: r.Waits}
}

// ledger is the operations on disk.
type ledger struct {
	dir string
	log *atomicfile.Log

	// journal is read-held over "append, then change memory" and write-held over a
	// rewrite: a rewrite made from memory then has everything that was appended.
	journal sync.RWMutex

	compacting sync.Mutex // held by the one who rewrites; taken before journal

	mu   sync.Mutex // guards what follows; held while a block is reserved
	next api.Operation
	end  api.Operation // first number that is not reserved
}

func openLedger(cfg Config) (*ledger, []record, error) {
	l := &ledger{dir: cfg.Dir}
	var raw [][]byte
	var err error
	l.log, raw, err = cfg.disk.OpenLog(filepath.Join(cfg.Dir, "operations.log"), 0o600)
	damaged := errors.Is(err, atomicfile.ErrDamaged)
	if damaged {
		cfg.Log.Error("ledger of operations damaged; going on with what is before the damage", "cause", err)
		err = nil
	}
	if err != nil {
		return nil, nil, err
	}
	byID, highest, lost := readRecords(cfg, raw)
	if lost != nil {
		aside, err := l.log.Replace(lost.good)
		if err != nil {
			return nil, nil, errors.Join(err, l.log.Close())
		}
		cfg.Log.Error("records of operations cannot be read; going on with the others", "records", lost.n, "cause", lost.err, "kept", filepath.Base(aside))
	}
	if err := l.resumeNumbers(highest, damaged || lost != nil, cfg); err != nil {
		return nil, nil, errors.Join(err, l.log.Close())
	}
	records := make([]record, 0, len(byID))
	now := cfg.Clock.Now()
	for _, r := range byID {
		if !r.over(now) {
			records = append(records, r)
		}
	}
	slices.SortFunc(records, func(a, b record) int { return int(a.ID - b.ID) })
	return l, records, nil
}

// unread tells what readRecords could not read.
type unread struct {
	n    int
	err  error    // of the first
	good [][]byte // the other records, as the log has them
}

// readRecords opens the records of the log; the last one of a number holds. What
// does not open was sealed by another state, or is damaged. lost is nil when
// everything could be read.
func readRecords(cfg Config, raw [][]byte) (byID map[api.Operation]record, highest api.Operation, lost *unread) {
	byID = make(map[api.Operation]record)
	lost = &unread{}
	for _, sealed := range raw {
		r, err := decodeLine(cfg, sealed)
		if err != nil {
			lost.n, lost.err = lost.n+1, cmp.Or(lost.err, err)
			continue
		}
		lost.good = append(lost.good, sealed)
		highest = max(highest, r.ID)
		for _, id := range r.Gone {
			highest = max(highest, id)
			delete(byID, id)
		}
		if r.State != "" {
			byID[r.ID] = r
		} else {
			delete(byID, r.ID) // an agent of before Gone forgot it this way
		}
	}
	if lost.n == 0 {
		lost = nil
	}
	return byID, highest, lost
}

// resumeNumbers finds the first number that was never given out. Should the file
// be unreadable, or missing where operations were, the time of day leads far
// beyond anything that was.
func (l *ledger) resumeNumbers(highest api.Operation, lost bool, cfg Config) error {
	path := filepath.Join(l.dir, "operations.next")
	raw, err := os.ReadFile(path)
	switch n, perr := strconv.ParseInt(strings.TrimSpace(string(raw)), 10, 64); {
	case errors.Is(err, fs.ErrNotExist) && highest == 0 && !lost:
		l.next = 1
	case err == nil && perr == nil && n > 0:
		l.next = max(api.Operation(n), highest+1)
	default:
		cfg.Log.Error("reserved operation numbers not readable; jumping ahead", slog.Any("cause", errors.Join(err, perr)))
		l.next = max(api.Operation(cfg.Clock.Now().Unix())*numberBlock, highest+numberBlock)
	}
	l.end = l.next
	return nil
}

// number gives out a number; the block it is from is reserved on disk before.
func (l *ledger) number() (api.Operation, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.next == l.end {
		end := l.next + numberBlock
		text := strconv.FormatInt(int64(end), 10) + "\n"
		if err := atomicfile.WriteFile(filepath.Join(l.dir, "operations.next"), []byte(text), 0o600); err != nil {
			return 0, err
		}
		l.end = end
	}
	l.next++
	return l.next - 1, nil
}

func (l *ledger) close() error { return l.log.Close() }

// diskError names a failed write so that the application can be told.
func diskError(what string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("%s: %w", what, &api.Error{Code: api.DiskFull, Detail: fmt.Sprintf("%s in the agent's state folder: %v", what, err)})
	}
	return fmt.Errorf("%s: %w", what, err)
}
