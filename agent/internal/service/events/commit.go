package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// encode makes JSON in which "<" stays one byte: json.Marshal makes six of it, for
// browsers, which see none of this.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// line is r as the log keeps it: licence contents and paths are among it, so it is
// sealed. The application's comeBack stands in it once: decodeLine gives it back to the events.
func (e *Events) line(r record) ([]byte, error) {
	r.Event, r.Waits = withComeBack(r.Event, nil), withComeBack(r.Waits, nil)
	raw, err := encode(r)
	if err != nil {
		return nil, fmt.Errorf("encode operation %d: %w", r.ID, err)
	}
	sealed, err := e.cfg.Seal(raw)
	if err != nil {
		return nil, fmt.Errorf("seal operation %d: %w", r.ID, err)
	}
	return sealed, nil
}

// decodeLine is line's other way.
func decodeLine(cfg Config, sealed []byte) (r record, err error) {
	plain, err := cfg.Open(sealed)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(plain, &r); err != nil {
		return r, err
	}
	r.size = len(sealed)
	r.UID = r.UID.Recorded()
	comeBack := orEmpty(r.ComeBack)
	r.Event, r.Waits = withComeBack(r.Event, comeBack), withComeBack(r.Waits, comeBack)
	return r, nil
}

func withComeBack(ev *api.Event, comeBack json.RawMessage) *api.Event {
	if ev == nil {
		return nil
	}
	other := *ev
	other.Envelope.ComeBack = comeBack
	return &other
}

// orEmpty is the comeBackParams of a request without comeBack.
func orEmpty(comeBack json.RawMessage) json.RawMessage {
	if len(comeBack) == 0 {
		return json.RawMessage("{}")
	}
	return comeBack
}

// commit appends r, whose size it notes, then applies it to memory.
func (e *Events) commit(r *record, apply func()) error {
	raw, err := e.line(*r)
	if err != nil {
		return err
	}
	r.size = len(raw)
	e.mu.Lock()
	seen := e.rewrites
	e.mu.Unlock()
	err = e.append(raw, apply)
	if errors.Is(err, atomicfile.ErrTooLarge) && e.makeRoom(seen) {
		err = e.append(raw, apply)
	}
	if errors.Is(err, atomicfile.ErrTooLarge) {
		return &api.Error{Code: api.Busy, Detail: "the agent keeps too much for its users together"}
	}
	if err == nil {
		e.compact()
	}
	return err
}

func (e *Events) append(raw []byte, apply func()) error {
	e.ledger.journal.RLock()
	defer e.ledger.journal.RUnlock()
	if err := e.ledger.log.Append(raw); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.size += int64(len(raw) + lineHead)
	apply()
	return nil
}

// forget drops results for good, all in one record.
func (e *Events) forget(ids []api.Operation) {
	if len(ids) == 0 {
		return
	}
	err := e.commit(&record{Gone: ids}, func() {
		for _, id := range ids {
			e.drop(id)
		}
	})
	if err != nil {
		e.cfg.Log.Error("results not dropped", "operations", len(ids), "first", ids[0], "cause", err)
	}
}

// compact rewrites the ledger when most of it is history. Who comes while another
// does it goes on.
func (e *Events) compact() {
	e.mu.Lock()
	due := e.size > compactAt && e.size >= 2*e.live && e.size >= e.again
	e.mu.Unlock()
	if !due || !e.ledger.compacting.TryLock() {
		return
	}
	defer e.ledger.compacting.Unlock()
	e.rewrite()
}

// makeRoom rewrites a ledger that has refused a record as too large; seen is the
// number of rewrites before. It reports whether another try is worth it: not when
// nearly all of the ledger is needed.
func (e *Events) makeRoom(seen int) bool {
	e.ledger.compacting.Lock()
	defer e.ledger.compacting.Unlock()
	e.mu.Lock()
	done, worth := e.rewrites != seen, e.size-e.live >= e.size/8
	e.mu.Unlock()
	if !done && worth {
		e.rewrite()
	}
	return done || worth
}

// rewrite makes the ledger anew from memory. Nearly everything is encoded and
// sealed while others go on; they wait only for what they changed meanwhile, and
// for the write. Called with compacting held.
func (e *Events) rewrite() {
	lines, err := e.lines(nil)
	e.ledger.journal.Lock()
	defer e.ledger.journal.Unlock()
	if err == nil {
		lines, err = e.lines(lines)
	}
	if err == nil {
		records := make([][]byte, 0, len(lines))
		for _, w := range lines {
			records = append(records, w.raw)
		}
		err = e.ledger.log.Rewrite(records)
	}
	size := e.ledger.log.Size()
	e.mu.Lock()
	e.size, e.again = size, 0
	e.rewrites++
	if err != nil {
		e.again = size + compactAt // not at each commit from now on
	}
	e.mu.Unlock()
	if err != nil {
		e.cfg.Log.Error("ledger not rewritten", "cause", err)
	}
}

// written is an operation's line and the version of the operation that it is of.
type written struct {
	version int
	raw     []byte
}

// lines makes the lines of all operations; it takes from have what has not changed since.
func (e *Events) lines(have map[api.Operation]written) (map[api.Operation]written, error) {
	e.mu.Lock()
	all := make(map[api.Operation]written, len(e.ops))
	var changed []record
	for id, op := range e.ops {
		w, ok := have[id]
		if !ok || w.version != op.version {
			w = written{version: op.version}
			changed = append(changed, op.r)
		}
		all[id] = w
	}
	e.mu.Unlock()
	for _, r := range changed {
		raw, err := e.line(r)
		if err != nil {
			return nil, err
		}
		all[r.ID] = written{all[r.ID].version, raw}
	}
	return all, nil
}
