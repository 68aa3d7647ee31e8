package localapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// conn is one connection: one goroutine reads and answers what is quick, one for
// each other request answers (at most api.MaxInFlight), one pumps events once
// they are subscribed.
type conn struct {
	s     *Server
	nc    *stream
	in    *bufio.Reader
	peer  *caller.Peer
	ctx   context.Context // ends with the connection
	stop  context.CancelFunc
	slots chan struct{} // one for each request that is being answered

	writing sync.Mutex // held for one frame, so frames do not mix; guards until
	until   time.Time  // when a write that goes on ends

	// Set by hello, on the reading goroutine, before any other request runs.
	actor   caller.Actor
	session *events.Session

	mu   sync.Mutex // guards pump; nothing blocks while it is held
	pump *pump
}

func newConn(s *Server, nc *stream, peer *caller.Peer) *conn {
	c := &conn{
		s: s, nc: nc, in: bufio.NewReader(nc), peer: peer, actor: peer.Actor,
		slots: make(chan struct{}, api.MaxInFlight),
	}
	c.ctx, c.stop = context.WithCancel(s.ctx)
	return c
}

// close ends the connection from any goroutine; run, or take where there is no
// run, then cleans up.
func (c *conn) close() {
	c.stop()
	_ = c.nc.Close()
}

// run serves the connection until it ends, and returns when nothing of it runs.
func (c *conn) run() {
	defer c.s.leave(c)
	defer c.peer.Close()
	var requests sync.WaitGroup
	if err := c.read(&requests); !errors.Is(err, io.EOF) && !isClosed(err) {
		c.s.cfg.Log.Debug("connection ended", "uid", c.peer.UID, "pid", c.peer.PID, "cause", err)
	}
	c.close()
	requests.Wait()
	c.endPump()
	if c.session != nil {
		c.session.Detach()
	}
}

// read takes frames until the stream ends or breaks the protocol, and says how.
func (c *conn) read(requests *sync.WaitGroup) error {
	if err := c.nc.SetReadDeadline(deadline(c.s.helloTime)); err != nil {
		return err
	}
	for {
		r, err := c.request()
		if err != nil {
			return err
		}
		switch {
		case r.ID == nil: // a notice: none is known today, a later library may send some
		case c.session == nil:
			if err := c.greet(*r.ID, r.Method, r.Params); err != nil {
				return err
			}
		default:
			c.serve(requests, *r.ID, r.Method, r.Params)
		}
	}
}

// request reads one message. What is not a message of the protocol is answered
// once, with id 0, and ends the connection.
func (c *conn) request() (r incoming, err error) {
	if head, err := c.in.Peek(4); err == nil && looksLikeHTTP(head) {
		// A web page that was led to the socket: not a word, it could be read.
		return r, errors.New("bytes of a browser")
	}
	body, err := ipc.ReadFrame(c.in, api.MaxRequestFrame)
	switch {
	case errors.Is(err, ipc.ErrFrameTooLarge):
		c.refuse(0, &api.Error{Code: api.TooLarge, Detail: err.Error()}, nil)
	case errors.Is(err, ipc.ErrFrameEmpty):
		c.refuse(0, &api.Error{Code: api.Protocol, Detail: err.Error()}, nil)
	}
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(body, &r); err != nil || r.JSONRPC != "2.0" || r.Method == "" || r.ID != nil && *r.ID <= 0 {
		refusal := &api.Error{Code: api.Protocol, Detail: fmt.Sprintf("not a JSON-RPC 2.0 request: %v", err)}
		c.refuse(0, refusal, nil)
		return r, refusal
	}
	return r, nil
}

// incoming is api.Request with an id that may be absent.
type incoming struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      *int64          `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
}

func looksLikeHTTP(head []byte) bool {
	switch string(head) {
	case "GET ", "POST", "PUT ", "HEAD", "OPTI", "CONN", "PATC", "DELE", "TRAC", "PRI ":
		return true
	}
	return false
}

// serve answers a quick request at once, any other in its own goroutine, or says
// Busy when too many run. A request counts until its answer's turn to be written
// has come: not longer, because the client may send the next one when it has read
// the answer; not shorter, because answers to a client that does not read must
// stay few. Quick ones need no count: their answers hold up the reading.
func (c *conn) serve(requests *sync.WaitGroup, id int64, name string, params json.RawMessage) {
	if methods[name].pace == quick {
		c.do(id, name, params, nil)
		return
	}
	select {
	case c.slots <- struct{}{}:
	default:
		c.refuse(id, &api.Error{Code: api.Busy, Detail: fmt.Sprintf("more than %d requests unanswered", api.MaxInFlight)}, nil)
		return
	}
	requests.Go(func() {
		leave := sync.OnceFunc(func() { <-c.slots })
		defer leave()
		c.do(id, name, params, leave)
	})
}

// do makes the answer to a request and sends it; turn is send's.
func (c *conn) do(id int64, name string, params json.RawMessage, turn func()) {
	defer func() {
		if p := recover(); p != nil { // one user's request must not end every user's agent
			c.s.cfg.Log.Error("request failed by a defect", "method", name, "panic", p)
			c.refuse(id, &api.Error{Code: api.Internal, Detail: "the request hit a defect of the agent"}, turn)
		}
	}()
	result, after, err := c.answerTo(name, params)
	if err != nil {
		c.refuse(id, err, turn)
		return
	}
	c.answer(id, result, turn)
	if after != nil {
		after()
	}
}

// answer sends a result; turn, when not nil, is called when its turn has come. A
// result that cannot be sent is replaced by that refusal.
func (c *conn) answer(id int64, result any, turn func()) {
	body, err := json.Marshal(success{"2.0", id, result})
	switch {
	case err != nil:
		c.refuse(id, fmt.Errorf("encode result: %w", err), turn)
	case len(body) > api.MaxAnswerFrame:
		c.refuse(id, &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("an answer of %d bytes, limit %d", len(body), api.MaxAnswerFrame)}, turn)
	default:
		c.write(body, turn)
	}
}

// success is api.Answer on its way out: the result is encoded with it, in one go.
type success struct {
	JSONRPC string `json:"jsonrpc"`
	ID      int64  `json:"id"`
	Result  any    `json:"result"`
}

// refuse sends a refusal in the session's language. An error without a code is
// a defect: it is logged, and its text goes along as the detail.
func (c *conn) refuse(id int64, err error, turn func()) {
	c.send(api.Answer{JSONRPC: "2.0", ID: id, Error: c.s.refusal(err, c.actor)}, turn)
}

// send encodes and writes a refusal or a notice.
func (c *conn) send(msg any, turn func()) bool {
	body, err := json.Marshal(msg)
	if err == nil && len(body) > api.MaxAnswerFrame {
		err = fmt.Errorf("%d bytes, limit %d", len(body), api.MaxAnswerFrame)
	}
	if err != nil {
		c.s.cfg.Log.Error("message not sent", "cause", err)
		return false
	}
	return c.write(body, turn)
}

// write puts one frame on the wire; a reader that takes no bytes for
// api.WriteTimeout loses the connection, and nobody else waits for it.
func (c *conn) write(body []byte, turn func()) bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	if turn != nil {
		turn()
	}
	err := c.bound()
	if err == nil {
		err = ipc.WriteFrame(c.nc, body, api.MaxAnswerFrame)
	}
	if err != nil {
		c.close()
	}
	return err == nil
}

// bound gives a write its end. Setting one is work of the runtime for each answer, so the
// last one does as long as nine tenths of its time are left.
func (c *conn) bound() error {
	until := deadline(c.s.writeTime)
	if until.Sub(c.until) < c.s.writeTime/10 {
		return nil
	}
	c.until = until
	return c.nc.SetWriteDeadline(until)
}
