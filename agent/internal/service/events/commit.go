package events

import (
	"encoding/json"
	"fmt"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// line is r as the log keeps it: licence contents and paths are among it, so it is sealed.
func (e *Events) line(r record) ([]byte, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode operation %d: %w", r.ID, err)
	}
	sealed, err := e.cfg.Seal(raw)
	if err != nil {
		return nil, fmt.Errorf("seal operation %d: %w", r.ID, err)
	}
	return sealed, nil
}

// commit appends r, then applies it to memory.
func (e *Events) commit(r record, apply func()) error {
	raw, err := e.line(r)
	if err != nil {
		return err
	}
	e.ledger.journal.RLock()
	err = e.ledger.log.Append(raw)
	if err == nil {
		e.mu.Lock()
		apply()
		e.mu.Unlock()
	}
	e.ledger.journal.RUnlock()
	if err == nil && e.ledger.log.Size() > compactAt {
		e.compact()
	}
	return err
}

// forget drops results for good.
func (e *Events) forget(ids []api.Operation) {
	for _, id := range ids {
		err := e.commit(record{ID: id}, func() {
			if op := e.ops[id]; op != nil && op.in != nil {
				delete(op.in.ends, op.r.Event.ID)
			}
			delete(e.ops, id)
		})
		if err != nil {
			e.cfg.Log.Error("result not dropped", "operation", id, "cause", err)
			return
		}
	}
}

// trim keeps a user's results within bounds: the oldest go first.
func (e *Events) trim(uid int) {
	e.mu.Lock()
	var kept []api.Operation
	if len(e.ops) > maxKept {
		for _, op := range e.sorted() {
			if op.r.UID == uid && op.r.ended() {
				kept = append(kept, op.r.ID)
			}
		}
	}
	e.mu.Unlock()
	if len(kept) > maxKept {
		e.forget(kept[:len(kept)-maxKept])
	}
}

// compact rewrites the ledger when most of it is history.
func (e *Events) compact() {
	e.ledger.journal.Lock()
	defer e.ledger.journal.Unlock()
	var records [][]byte
	live := int64(0)
	e.mu.Lock()
	for _, op := range e.sorted() {
		raw, err := e.line(op.r)
		if err != nil {
			e.mu.Unlock()
			e.cfg.Log.Error("ledger not rewritten", "operation", op.r.ID, "cause", err)
			return
		}
		records, live = append(records, raw), live+int64(len(raw))
	}
	e.mu.Unlock()
	if size := e.ledger.log.Size(); size < compactAt || size < 2*live {
		return
	}
	if err := e.ledger.log.Rewrite(records); err != nil {
		e.cfg.Log.Error("ledger not rewritten", "cause", err)
	}
}
