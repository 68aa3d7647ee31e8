package ipc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// rejectTimeout bounds the last word to a peer that broke the protocol: it may
// well be one that does not read.
const rejectTimeout = time.Second

// deadliner is what a connection must have for its writes to be bounded. Those
// of package net and Conn have it; a plain pipe of a test may not.
type deadliner interface {
	SetWriteDeadline(t time.Time) error
}

// request, result and notice are api.Request, api.Answer and api.Notice on their
// way out: what they carry is encoded with them, in one go.
type (
	request struct {
		JSONRPC string `json:"jsonrpc"`
		ID      int64  `json:"id"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}
	result struct {
		JSONRPC string `json:"jsonrpc"`
		ID      int64  `json:"id"`
		Result  any    `json:"result"`
	}
	notice struct {
		JSONRPC string `json:"jsonrpc"`
		Method  string `json:"method"`
		Params  any    `json:"params"`
	}
)

// write encodes and sends one message. It waits for the peer at most
// api.WriteTimeout, and no longer than ctx: a message of which no byte was sent
// by then is simply not sent. A frame that was cut short ends the link. turn,
// when given, is called as soon as no other message is before this one.
func (l *Link) write(ctx context.Context, msg any, turn func()) error {
	body, err := json.Marshal(msg)
	if err != nil {
		return fmt.Errorf("encode message: %w", err)
	}
	if len(body) > l.opt.MaxOut {
		return &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("message of %d bytes, limit %d", len(body), l.opt.MaxOut)}
	}
	select {
	case l.writing <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-l.ctx.Done():
		return context.Cause(l.ctx)
	}
	defer func() { <-l.writing }()
	if turn != nil {
		turn()
	}
	end := clock.System{}.Now().Add(api.WriteTimeout)
	early := false
	if own, ok := ctx.Deadline(); ok && own.Before(end) {
		end, early = own, true
	}
	sent, err := l.send(body, end)
	switch {
	case err == nil:
		return nil
	case early && sent == 0 && errors.Is(err, os.ErrDeadlineExceeded):
		return context.DeadlineExceeded
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = fmt.Errorf("the peer does not read: %w", err)
	default:
		// The peer has gone, perhaps with a last word that says why: the
		// reader finds that, and the end after it.
		select {
		case <-l.ctx.Done():
			return context.Cause(l.ctx)
		case <-time.After(rejectTimeout):
		}
	}
	l.fail(err)
	return err
}

// send puts body on the wire as one frame; the writing token is held.
func (l *Link) send(body []byte, end time.Time) (int, error) {
	if d, ok := l.rw.(deadliner); ok {
		if err := d.SetWriteDeadline(end); err != nil {
			return 0, err
		}
	}
	return l.rw.Write(frame(body))
}

// reject tells a peer that broke the protocol why, as an answer to request 0,
// which nobody makes, and ends the link. The peer's Err is then that refusal.
func (l *Link) reject(code api.Code, cause error) {
	defer l.fail(cause)
	body, err := json.Marshal(api.Answer{JSONRPC: "2.0", Error: &api.Error{Code: code, Detail: cause.Error()}})
	if err != nil {
		return
	}
	select {
	case l.writing <- struct{}{}:
		defer func() { <-l.writing }()
		_, _ = l.send(body, clock.System{}.Now().Add(rejectTimeout))
	default: // a write is under way to a peer that does not read
	}
}

// answer replies to request id. A value that cannot be encoded, or is over the
// limit, is replaced by that refusal. turn is write's.
func (l *Link) answer(id int64, value any, err error, turn func()) {
	if err == nil {
		err = l.write(l.ctx, result{"2.0", id, value}, turn)
		if err == nil || l.ctx.Err() != nil {
			return
		}
	}
	var refusal *api.Error
	if !errors.As(err, &refusal) {
		refusal = &api.Error{Code: api.Internal, Detail: err.Error()}
	}
	_ = l.write(l.ctx, api.Answer{JSONRPC: "2.0", ID: id, Error: refusal}, turn)
}
