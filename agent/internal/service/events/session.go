package events

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// secretBytes are the random bytes of a session's secret.
const secretBytes = 32

// Session is one application's ring of events. It outlives a connection for
// api.SessionKeep. Everything in it is guarded by Events.mu.
type Session struct {
	e      *Events
	id     string // public
	secret string
	epoch  string
	owner  Owner

	ring     []entry // oldest first
	bytes    int
	lastID   int64
	last     time.Time     // of the newest event, for heartbeats
	attached int           // live connections
	left     time.Time     // when the last connection went
	changed  chan struct{} // closed and replaced at each event
	ends     map[int64]*Op // results in the ring that were not written to a reader yet
}

// entry is one event as it goes over the wire.
type entry struct {
	id  int64
	raw json.RawMessage
}

// Attach finds the session of a secret, or makes one, and counts a connection
// until Detach. A secret is good for its user and product only. One that is
// unknown (the agent was restarted) opens a session of the same public id, so
// that the operations of before report to it; resumed is then false, and what
// ended meanwhile, or is queued, stands in the new ring. api.Busy over api.MaxSessions.
func (e *Events) Attach(o Owner, secret string) (s *Session, resumed bool, err error) {
	if secret == "" {
		var b [secretBytes]byte
		rand.Read(b[:])
		secret = base64.RawURLEncoding.EncodeToString(b[:])
	} else if b, err := base64.RawURLEncoding.DecodeString(secret); err != nil || len(b) != secretBytes {
		return nil, false, &api.Error{Code: api.InvalidArgument, Detail: "the session is not one that hello gave"}
	}
	o.Session = publicID(o, secret)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, false, &api.Error{Code: api.AgentLost, Detail: "the agent is stopping"}
	}
	if s = e.sessions[o.Session]; s != nil {
		s.attached++
		s.owner.Language = o.Language
		e.wake() // its heartbeats begin again
		return s, true, nil
	}
	if err := e.room(o.UID); err != nil {
		return nil, false, err
	}
	var epoch [8]byte
	rand.Read(epoch[:])
	now := e.cfg.Clock.Now()
	s = &Session{
		e: e, id: o.Session, secret: secret, epoch: hex.EncodeToString(epoch[:]), owner: o,
		last: now, attached: 1, changed: make(chan struct{}), ends: make(map[int64]*Op),
	}
	e.sessions[s.id] = s
	for _, op := range e.sorted() {
		switch {
		case !s.takes(op.own):
		case op.r.ended() && op.r.Delivered.IsZero():
			op.placed(s, s.append(now, op.r.ID, *op.r.Event))
		case op.r.Waits != nil:
			s.append(now, op.r.ID, *op.r.Waits)
		}
	}
	e.wake()
	return s, false, nil
}

// publicID names a session without giving its secret away.
func publicID(o Owner, secret string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "iscdesk session %s %q %s", o.UID, o.Product, secret))
	return hex.EncodeToString(sum[:12])
}

// room makes place for one more session of uid: the one that was left longest
// ago goes; live ones never do.
func (e *Events) room(uid caller.UID) error {
	var oldest *Session
	n := 0
	for _, s := range e.sessions {
		if s.owner.UID != uid {
			continue
		}
		n++
		if s.attached == 0 && (oldest == nil || s.left.Before(oldest.left)) {
			oldest = s
		}
	}
	if n < api.MaxSessions {
		return nil
	}
	if oldest == nil {
		return &api.Error{Code: api.Busy, Detail: fmt.Sprintf("user %s has %d live sessions", uid, n)}
	}
	delete(e.sessions, oldest.id)
	return nil
}

// Detach ends one connection's use of the session.
func (s *Session) Detach() {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	s.attached--
	if s.attached == 0 {
		s.left = s.e.cfg.Clock.Now()
	}
}

// ID is the session's public id, Secret what its application shows to come back,
// Epoch changes when the ring was lost.
func (s *Session) ID() string { return s.id }

// Secret is known to the session's application only: it must not be logged.
func (s *Session) Secret() string { return s.secret }

// Epoch names the ring: ids of another epoch mean nothing.
func (s *Session) Epoch() string { return s.epoch }

// takes reports whether an event for o belongs into this session.
func (s *Session) takes(o Owner) bool {
	return s.owner.UID == o.UID &&
		(o.Product == "" && o.Session == "" || s.owner.Product == o.Product) &&
		(o.Session == "" || s.id == o.Session)
}

// append numbers ev and puts it into the ring; what does not fit goes at the old
// end. Called with mu held.
func (s *Session) append(now time.Time, op api.Operation, ev api.Event) api.Event {
	s.lastID++
	ev.Epoch, ev.ID = s.epoch, s.lastID
	raw, err := json.Marshal(ev)
	if err != nil { // an envelope's comeBack was checked when it came in
		s.e.cfg.Log.Error("event not encoded", "type", ev.Type, "cause", err)
		return ev
	}
	s.ring = append(s.ring, entry{id: ev.ID, raw: raw})
	s.bytes += len(raw)
	for len(s.ring) > api.RingEvents || s.bytes > ringBytes && len(s.ring) > 1 {
		s.bytes -= len(s.ring[0].raw)
		delete(s.ends, s.ring[0].id)
		s.ring[0] = entry{}
		s.ring = s.ring[1:]
	}
	s.last = now
	close(s.changed)
	s.changed = make(chan struct{})
	return ev
}

// oldest is the id of the oldest event that is kept, or of the next one.
func (s *Session) oldest() int64 {
	if len(s.ring) == 0 {
		return s.lastID + 1
	}
	return s.ring[0].id
}

// Subscribe places a reader after the cursor (epoch, since): it returns where
// Next goes on. A cursor of this epoch confirms what came up to it. A cursor of
// another epoch, or one that the ring has passed, begins with a gap.
func (s *Session) Subscribe(epoch string, since int64) (after int64, gap *api.Gap) {
	s.e.mu.Lock()
	after, gap, confirmed := s.place(epoch, since)
	s.e.mu.Unlock()
	s.e.forget(confirmed)
	return after, gap
}

func (s *Session) place(epoch string, since int64) (after int64, gap *api.Gap, confirmed []api.Operation) {
	first := s.oldest()
	switch {
	case epoch == "" && since <= 0:
		return first - 1, nil, nil
	case epoch != s.epoch:
		return first - 1, &api.Gap{Epoch: s.epoch, Next: first}, nil
	}
	since = min(max(since, 0), s.lastID)
	for _, op := range s.e.ops {
		if op.in == s && op.r.ended() && op.r.Event.ID <= since {
			confirmed = append(confirmed, op.r.ID)
		}
	}
	if since+1 < first {
		return first - 1, &api.Gap{Epoch: s.epoch, From: since + 1, Next: first}, confirmed
	}
	return since, nil, confirmed
}

// Next waits for events after the given id and returns some of them as they go
// over the wire, with the id of the last. A reader that the ring has overrun gets
// a gap instead. It ends with ctx, and when the room has stopped and everything was
// read (api.AgentLost).
func (s *Session) Next(ctx context.Context, after int64) (raw []json.RawMessage, last int64, gap *api.Gap, err error) {
	for {
		s.e.mu.Lock()
		first, changed, closed := s.oldest(), s.changed, s.e.closed
		if after+1 < first {
			s.e.mu.Unlock()
			return nil, first - 1, &api.Gap{Epoch: s.epoch, From: after + 1, Next: first}, nil
		}
		for _, en := range s.ring[min(int(after+1-first), len(s.ring)):] {
			if len(raw) == maxBatch {
				break
			}
			raw, last = append(raw, en.raw), en.id
		}
		s.e.mu.Unlock()
		if len(raw) > 0 {
			return raw, last, nil, nil
		}
		if closed {
			return nil, after, nil, &api.Error{Code: api.AgentLost, Detail: "the agent is stopping"}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, after, nil, context.Cause(ctx)
		}
	}
}

// Written notes that events up to id were written to a subscribed connection:
// results among them count as delivered, and are kept a little longer for a
// reader that lost its connection in that moment.
func (s *Session) Written(id int64) {
	s.e.mu.Lock()
	defer s.e.mu.Unlock()
	for at, op := range s.ends {
		if at <= id {
			op.r.Delivered = s.e.cfg.Clock.Now()
			delete(s.ends, at)
		}
	}
}
