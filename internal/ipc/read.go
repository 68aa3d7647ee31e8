package ipc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Who reads. The link's own goroutine does, and hands each answer to its caller.
// That costs two wakes of a thread where one would do, so after an answer it
// stays away for a moment: a caller who calls again finds the token free and
// reads its answer itself, on its own thread. When calls cease, or one takes
// long, the link's reader is back; events wait for it at most awayTime.
const (
	awayTime = 10 * time.Millisecond
	soon     = 50 * time.Millisecond // a caller waits for bytes at most so long
)

// nearby is a connection on which a caller can wait for its answer itself.
type nearby interface {
	// ReadSoon reads as Read does, on the calling thread, and ends in
	// os.ErrDeadlineExceeded when nothing came within soon.
	ReadSoon(p []byte) (int, error)
}

// read is the link's own reader. It returns when the stream has ended and the
// running handlers have returned.
func (l *Link) read() {
	defer close(l.done)
	defer l.handlers.Wait()
	for {
		l.reading <- struct{}{} // a caller gives it back soon
		if l.ctx.Err() != nil {
			return // with the token: nobody reads a link that has ended
		}
		answered, err := l.one()
		if err != nil {
			return
		}
		<-l.reading
		if answered && l.near != nil {
			l.stayAway()
		}
	}
}

// stayAway returns when no caller has read for awayTime, or one asks.
func (l *Link) stayAway() {
	pause := time.NewTimer(awayTime)
	defer pause.Stop()
	for {
		select {
		case <-pause.C:
		case <-l.wanted:
			return
		case <-l.ctx.Done():
			return
		}
		if !l.helped.Swap(false) {
			return
		}
		pause.Reset(awayTime)
	}
}

// readFor reads on the caller's thread until its answer is there or ctx ends. What
// does not come soon is left to the link's reader. The caller took the token.
func (l *Link) readFor(ctx context.Context, answer <-chan api.Answer) {
	defer func() {
		l.helped.Store(true)
		<-l.reading
	}()
	for len(answer) == 0 && ctx.Err() == nil && l.ctx.Err() == nil {
		if l.in.whole() {
			_, _ = l.one() // an error has ended the link
			continue
		}
		switch err := l.in.fill(l.near.ReadSoon); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			select {
			case l.wanted <- struct{}{}:
			default:
			}
			return
		case err != nil:
			l.broken(err)
		}
	}
}

// message is any of Request, Answer and Notice while it is sorted out.
type message struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      *int64          `json:"id"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params"`
	Result  json.RawMessage `json:"result"`
	Error   *api.Error      `json:"error"`
}

var errNotRPC = errors.New("not a JSON-RPC 2.0 message")

// one reads one message and does what it asks; answered tells that it was an
// answer. An error means that the link has ended; a panic of Notice ends it too,
// on whosever goroutine it came.
func (l *Link) one() (answered bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
			l.fail(err)
		}
	}()
	body, err := l.in.next()
	if err != nil {
		l.broken(err)
		return false, err
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		err = fmt.Errorf("%w: %v", errNotRPC, err)
		l.reject(api.Protocol, err)
		return false, err
	}
	switch {
	case m.JSONRPC != "2.0":
		l.reject(api.Protocol, errNotRPC)
		return false, errNotRPC
	case m.Method != "" && m.ID != nil && *m.ID <= 0: // 0 is the connection's own
		err := fmt.Errorf("%w: id %d of a request is not positive", errNotRPC, *m.ID)
		l.reject(api.Protocol, err)
		return false, err
	case m.Method != "" && m.ID != nil:
		l.serve(*m.ID, m.Method, m.Params)
	case m.Method != "":
		if l.opt.Notice != nil {
			l.opt.Notice(m.Method, m.Params)
		}
	case m.ID != nil && *m.ID == 0 && m.Error != nil: // the peer's reject
		l.fail(m.Error)
		return false, m.Error
	case m.ID != nil:
		l.deliver(api.Answer{ID: *m.ID, Result: m.Result, Error: m.Error})
		return true, nil
	default:
		l.reject(api.Protocol, errNotRPC)
		return false, errNotRPC
	}
	return false, nil
}

// broken ends the link because its stream did, or because of a frame that is
// too large or empty: there the peer is told.
func (l *Link) broken(err error) {
	switch {
	case errors.Is(err, ErrFrameTooLarge):
		l.reject(api.TooLarge, err)
	case errors.Is(err, ErrFrameEmpty):
		l.reject(api.Protocol, err)
	}
	l.fail(err)
}
