package events

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Bounds beside those of the protocol.
const (
	maxParam      = 2 * api.MaxText // bytes of one value in an event; licences and paths are shorter
	maxData       = 256 << 10       // bytes of the JSON kept with an operation
	sweepPeriod   = time.Minute     // between two looks for what is over its time
	deliveredKeep = api.SessionKeep // a delivered result stays this long for a reader that lost its connection
	leastTimer    = time.Second     // no timer of the agent is shorter
	hintStopping  = api.AgentAbsent // whose hint goes with EVENT_DESK_CLOSED
	ringBytes     = 512 << 10       // bytes of events kept for one session
	maxBatch      = 64              // events that Next returns at once
)

// Owner is whom an operation or an event belongs to.
type Owner struct {
	UID      caller.UID
	Product  string
	Session  string // public id
	Language string
}

// Config of the events room. Dir and Clock are needed.
type Config struct {
	Dir       string       // the agent's state folder: operations.log and operations.next
	Clock     clock.Clock  //
	Reachable func() bool  // what heartbeats say of the cloud; nil says unreachable
	Log       *slog.Logger // nil discards

	// Seal and Open keep the ledger's records from other readers of the disk
	// (state.Store.Lines). Without them, in tests, records lie in clear.
	Seal, Open func([]byte) ([]byte, error)

	disk atomicfile.Disk // tests make it refuse
}

// Events holds sessions, their rings, and the ledger of operations. All methods
// may be used from any goroutine.
type Events struct {
	cfg    Config
	ledger *ledger

	stop    context.CancelCauseFunc // ends ctx, the parent of every operation's context
	ctx     context.Context
	kick    chan struct{} // something was added that the timer must know of
	stopped chan struct{} // closed when the timer's goroutine has ended

	mu       sync.Mutex // guards everything below; taken after ledger.journal, nothing blocks while it is held
	sessions map[string]*Session
	ops      map[api.Operation]*Op // changed by put and drop alone
	users    map[caller.UID]*usage // what ops take, by uid
	closed   bool

	// The ledger's measures, so that nothing is encoded to find them.
	live     int64 // bytes of the lines of ops
	size     int64 // bytes of the whole ledger, rather too many
	again    int64 // size from which it is tried again after a failed rewrite
	rewrites int   // how many there were
}

// Open reads the ledger and starts the room's one timer. A damaged ledger, or one
// with records that do not open, is set aside with a line in the log, and what can
// be read goes on: the numbers are kept in a second file, so none is used again.
func Open(cfg Config) (*Events, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Reachable == nil {
		cfg.Reachable = func() bool { return false }
	}
	if cfg.Seal == nil || cfg.Open == nil {
		clear := func(b []byte) ([]byte, error) { return b, nil }
		cfg.Seal, cfg.Open = clear, clear
	}
	e := &Events{
		cfg:      cfg,
		kick:     make(chan struct{}, 1),
		stopped:  make(chan struct{}),
		sessions: make(map[string]*Session),
		ops:      make(map[api.Operation]*Op),
		users:    make(map[caller.UID]*usage),
	}
	e.ctx, e.stop = context.WithCancelCause(context.Background())
	ledger, records, err := openLedger(cfg)
	if err != nil {
		return nil, fmt.Errorf("open the ledger of operations: %w", err)
	}
	e.ledger = ledger
	for _, r := range records {
		e.put(newOp(e, r), r)
	}
	e.size = ledger.log.Size()
	for _, uid := range slices.Collect(maps.Keys(e.users)) {
		e.trim(uid)
	}
	e.compact()
	go e.run()
	return e, nil
}

// Stop tells every session that the desk closes and ends every operation's
// context, with api.AgentLost as its cause. Operations stay unfinished on disk
// and are taken up after the next start.
func (e *Events) Stop() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock()
		return
	}
	e.closed = true
	now := e.cfg.Clock.Now()
	for _, s := range e.sessions {
		_, hint := api.Text(hintStopping, s.owner.Language)
		s.append(now, 0, e.event(now, api.EventDeskClosed, 0, api.Envelope{
			Operate: api.OperateDeskClosed,
			Params:  map[string]string{api.ParamReason: "stopping", api.ParamHint: hint},
		}))
	}
	e.mu.Unlock()
	e.stop(&api.Error{Code: api.AgentLost, Detail: "the agent is stopping"})
	<-e.stopped
}

// Close stops the room if Stop did not, and closes the ledger.
func (e *Events) Close() error {
	e.Stop()
	return e.ledger.close()
}

// Emit sends an event that belongs to no operation to the live sessions of
// o.UID, narrowed to o.Product and o.Session where set.
func (e *Events) Emit(o Owner, typ, operate string, params map[string]string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.deliver(o, 0, typ, api.Envelope{Operate: operate, Params: params})
}

// Sessions lists the sessions of a user (-1: of all), live or waiting for their
// application: for events whose texts are in each session's language.
func (e *Events) Sessions(uid caller.UID) []Owner {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Owner
	for _, s := range e.sessions {
		if uid == "" || s.owner.UID == uid {
			all = append(all, s.owner)
		}
	}
	return all
}

// deliver appends an event to the matching rings and returns it as the first of
// them keeps it. Called with mu held.
func (e *Events) deliver(o Owner, op api.Operation, typ string, env api.Envelope) (first *api.Event, in *Session) {
	now := e.cfg.Clock.Now()
	for _, s := range e.sessions {
		if !s.takes(o) {
			continue
		}
		ev := s.append(now, op, e.event(now, typ, op, env))
		if first == nil {
			first, in = &ev, s
		}
	}
	return first, in
}

func (e *Events) event(now time.Time, typ string, op api.Operation, env api.Envelope) api.Event {
	env.Params = bounded(env.Params)
	env.ComeBack = orEmpty(env.ComeBack)
	return api.Event{Time: now.UTC(), Type: typ, Operation: op, Envelope: env}
}

// bounded copies params with each value cut to maxParam: some come from workers, and
// results are kept in memory and on disk, thousands of each user.
func bounded(params map[string]string) map[string]string {
	out := make(map[string]string, len(params))
	for name, value := range params {
		if len(value) > maxParam {
			value = strings.ToValidUTF8(value[:maxParam], "")
		}
		out[name] = value
	}
	return out
}

// run is the room's one timer: heartbeats and what is over its time. It sleeps
// without a timer while there is neither a session nor a kept result.
func (e *Events) run() {
	defer close(e.stopped)
	for {
		var due <-chan time.Time
		var timer *time.Timer
		if wait, any := e.next(e.cfg.Clock.Now()); any {
			timer = time.NewTimer(max(wait, leastTimer))
			due = timer.C
		}
		select {
		case <-due:
			e.tick(e.cfg.Clock.Now())
		case <-e.kick:
		case <-e.ctx.Done():
		}
		if timer != nil {
			timer.Stop()
		}
		if e.ctx.Err() != nil {
			return
		}
	}
}

func (e *Events) wake() {
	select {
	case e.kick <- struct{}{}:
	default:
	}
}

// next is how long nothing is due; any is false when nothing ever is.
func (e *Events) next(now time.Time) (wait time.Duration, any bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wait = sweepPeriod
	for _, s := range e.sessions {
		any = true
		if s.attached > 0 {
			wait = min(wait, s.last.Add(api.HeartbeatPeriod).Sub(now))
		}
	}
	for _, op := range e.ops {
		any = any || op.r.ended()
	}
	return wait, any
}

// tick sends the heartbeats that are due and forgets what is over its time.
func (e *Events) tick(now time.Time) {
	cloud := "unreachable"
	if e.cfg.Reachable() {
		cloud = "reachable"
	}
	e.mu.Lock()
	var gone []api.Operation
	for id, s := range e.sessions {
		switch {
		case s.attached == 0 && now.Sub(s.left) >= api.SessionKeep:
			delete(e.sessions, id)
		case s.attached > 0 && now.Sub(s.last) >= api.HeartbeatPeriod:
			s.append(now, 0, e.event(now, api.EventHeartbeat, 0, api.Envelope{
				Operate: api.OperateHeartbeat,
				Params:  map[string]string{"period": strconv.Itoa(int(api.HeartbeatPeriod.Seconds())), "cloud": cloud},
			}))
		}
	}
	for id, op := range e.ops {
		if op.r.over(now) {
			gone = append(gone, id)
		}
	}
	e.mu.Unlock()
	e.forget(gone)
}
