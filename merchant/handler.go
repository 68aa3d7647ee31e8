package merchant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// wellKnown is where the challenge is shown.
const wellKnown = "/.well-known/iscdesk-merchant.txt"

// Handler answers the marketplace. New makes it; it serves any number of requests at once.
type Handler struct {
	options Options
	asked   []family
	slots   chan struct{}   // one for each running callback
	uploads chan struct{}   // one for each of them that makes and uploads a licence
	root    context.Context // of callbacks; ends with quit
	quit    context.CancelFunc
	running sync.WaitGroup // callbacks, those that go on after their answer included, and the look-out for what is owed
	grace   time.Duration  // for callbacks to return after their context has ended
	shut    chan struct{}  // closed by the first Close
	look    chan struct{}  // holds one: look at once for what is owed

	mu      sync.Mutex // guards what is below, for moments
	flights map[string]*flight
	late    map[string]lateAnswer
	busy    map[string]int // callbacks at work, by activity
	owing   int            // flights for what is owed
	closed  bool
}

// New checks the options and makes the handler. Close it before the store.
func New(o Options) (*Handler, error) {
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("make merchant handler: %w", err)
	}
	h := &Handler{options: o.withDefaults(), grace: grace, shut: make(chan struct{}), look: make(chan struct{}, 1),
		flights: map[string]*flight{}, late: map[string]lateAnswer{}, busy: map[string]int{}}
	h.asked = h.families()
	h.slots = make(chan struct{}, h.options.Workers)
	h.uploads = make(chan struct{}, h.options.Workers-h.options.Workers/4)
	h.root, h.quit = context.WithCancel(context.Background())
	if h.options.Calls.GetLicenseAsync != nil {
		h.running.Go(h.payUp) // ends with Close
	}
	return h, nil
}

// ServeHTTP implements http.Handler. The order of its checks is: method, size, signature and time,
// nonce, form, fields, callback.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == wellKnown {
		h.showChallenge(w, r)
		return
	}
	due, end := context.WithTimeout(r.Context(), h.options.AnswerWithin) // also when the caller has gone
	defer end()
	began := h.options.Now()
	reply := h.answer(r, due)
	if _, _, ok := kitCall(r.URL.Path); ok && h.options.Readings.KitBlankCode {
		reply.body = kitBlanks(reply.body)
	}
	level := slog.LevelInfo
	if reply.code == wire.Internal {
		level = slog.LevelError
	}
	h.options.Log.Log(r.Context(), level, "marketplace call", "activity", reply.activity, "test", reply.test, "code", reply.code,
		"why", reply.why, "took", h.options.Now().Sub(began))
	h.write(w, reply)
}

func (h *Handler) showChallenge(w http.ResponseWriter, r *http.Request) {
	if h.options.Challenge == "" || r.Method != http.MethodGet && r.Method != http.MethodHead {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, h.options.Challenge+"\n") // a caller that has gone reads nothing
}

// reply is what is sent, and what the log is told.
type reply struct {
	code     wire.Code
	body     []byte
	key      string // signs the body
	activity string // "" when it was never known
	test     bool
	why      string // not sent
}

// answer does all but the writing.
func (h *Handler) answer(r *http.Request, due context.Context) (out reply) {
	out.key = h.options.Keys.all()[0]
	defer func() {
		if p := recover(); p != nil {
			h.options.Log.ErrorContext(r.Context(), "panic in a marketplace call", "panic", p, "stack", string(debug.Stack()))
			out.refuse(wire.Internal, "internal error", "panic")
		}
	}()
	f := h.family(r)
	if f == nil {
		out.refuse(wire.BadParameter, "no interface is called by "+r.Method+" here", "")
		return out
	}
	body, err := readBody(r, f.limit())
	if err != nil {
		out.refuse(wire.BadParameter, err.Error(), "")
		return out
	}
	now := h.options.Now()
	p, err := f.prove(r, body, now)
	if err != nil {
		out.refuse(wire.BadSignature, wire.BadSignature.Text(), err.Error())
		return out
	}
	out.key = p.key
	if p.nonce != "" {
		ctx, end := context.WithTimeout(r.Context(), storeTime)
		fresh, err := h.options.Store.Remember(ctx, p.nonce, p.until, now)
		end()
		if err != nil {
			out.refuse(wire.Internal, wire.Internal.Text(), err.Error())
			return out
		}
		if !fresh {
			out.refuse(wire.BadSignature, wire.BadSignature.Text(), "replayed nonce")
			return out
		}
	}
	c, err := f.read(due, r, body, p)
	if err != nil {
		out.fail(err)
		return out
	}
	out.activity, out.test = c.row.Activity, c.test
	out.body, err = h.do(c, due)
	if err != nil {
		out.fail(err)
		return out
	}
	out.code = wire.Success
	return out
}

func (h *Handler) family(r *http.Request) family {
	for _, f := range h.asked {
		if f.claims(r) {
			return f
		}
	}
	return nil
}

// refuse makes an answer without further members.
func (r *reply) refuse(code wire.Code, msg, why string) {
	r.code, r.body, r.why = code, plain(code, msg), why
}

// fail turns an error into its code. Only a Problem's and a Refusal's text is sent.
func (r *reply) fail(err error) {
	var problem *wire.Problem
	var refusal *Refusal
	var pending *pendingError
	switch {
	case errors.As(err, &pending):
		r.code, r.body, r.why = wire.Processing, pending.body, "answer is due"
	case errors.As(err, &problem):
		r.refuse(wire.BadParameter, problem.Error(), problem.Error())
	case errors.As(err, &refusal) && !refusal.refuses():
		r.refuse(wire.Internal, wire.Internal.Text(), fmt.Sprintf("a callback refused with %q, which is no refusal's code", refusal.Code))
	case errors.As(err, &refusal):
		r.refuse(refusal.Code, refusal.Msg, refusal.Msg)
	default:
		r.refuse(wire.Internal, wire.Internal.Text(), err.Error())
	}
}

// readBody reads at most limit bytes; a body that says that it is longer is not read at all.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if limit == 0 {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, fmt.Errorf("the body is longer than %d bytes", limit)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	switch {
	case int64(len(body)) > limit:
		return nil, fmt.Errorf("the body is longer than %d bytes", limit)
	case err != nil:
		return nil, errors.New("the body was cut off")
	case len(body) == 0:
		return nil, errors.New("the body is empty")
	}
	return body, nil
}

func (h *Handler) write(w http.ResponseWriter, r reply) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(r.body)))
	if !h.options.Readings.OmitBodySign {
		w.Header().Set(sign.HeaderBodySign, sign.BodySign(r.key, r.body))
	}
	w.WriteHeader(h.status(r.code))
	_, _ = w.Write(r.body) // a marketplace that has gone asks again
}

func (h *Handler) status(code wire.Code) int {
	if !h.options.Readings.StatusByCode {
		return http.StatusOK
	}
	switch code {
	case wire.BadSignature:
		return http.StatusUnauthorized
	case wire.BadParameter:
		return http.StatusBadRequest
	case wire.Internal:
		return http.StatusInternalServerError
	}
	return http.StatusOK
}
