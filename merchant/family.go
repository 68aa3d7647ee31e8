package merchant

import (
	"context"
	"net/http"
	"time"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// family is one way in which the marketplace calls. Its methods may run at once; they keep nothing.
type family interface {
	// claims tells whether a request is of this family, by method, path and the names of
	// its parameters. Families are asked in the order of families; the first one has it.
	claims(r *http.Request) bool

	// limit is the greatest body in bytes, 0 for calls that have none.
	limit() int64

	// prove checks signature and time over the bytes of the body. Any error is answered with
	// BadSignature and its text is logged, never sent.
	prove(r *http.Request, body []byte, now time.Time) (proof, error)

	// read makes a call of a proved request. A *wire.Problem is answered with BadParameter and
	// its text, a *Refusal with its code; any other error with Internal. ctx ends when the answer is due.
	read(ctx context.Context, r *http.Request, body []byte, p proof) (*call, error)
}

// families lists them in the order in which they are asked.
func (h *Handler) families() []family {
	return []family{v1{h.options}, kit{h.options}, production{h.options}}
}

// proof is what prove has found out.
type proof struct {
	key   string    // the one that the request is signed with; it signs the answer
	nonce string    // remembered until a time, a second one is refused; "" for a family without nonces
	until time.Time // from when on the signature is too old anyway
}

// call is one request on its way to a callback. It is made by a family, used by one goroutine at
// a time.
type call struct {
	row        Repeat   // of the table
	test       bool     // kept apart from real ones
	key        []string // values of row.Key, in that order
	subject    []string // calls of one subject run one after the other; nil takes key
	others     []string // "name=value" of what is neither in the key nor new each time; nil for nothing
	instanceID string   // proposed by creating calls, else ""

	// run calls the callback. ctx ends when Handler.Close loses patience, at Options.WorkTime, and
	// for Present rows when the answer is due. An error that is no *Refusal is answered with Internal.
	run func(ctx context.Context, a Attempt) (outcome, error)

	// make and deliver stand in the place of run when something is made once and may be delivered again:
	// what make returns is stored, and deliver gets the same bytes each time. nil is not made yet.
	make    func(ctx context.Context, a Attempt) ([]byte, error)
	deliver func(ctx context.Context, kept []byte) (outcome, error)

	// saved is what the call can be made from again without a request (Handler.rebuild); nil for calls that only a
	// request begins. owed says that the marketplace does not ask again once it was told 000004, so that the
	// handler sees to it.
	saved []byte
	owed  bool

	// asks are the instances that a query is about: newInstance calls of theirs that were cut go on.
	asks []string

	// success is the answer that run is going to return when it succeeds, for Attempt.Record; nil
	// when that is not known before.
	success func(instanceID string) (outcome, error)

	// pending is the body of 000004 while the work goes on; nil is the one without an instance id.
	pending func(instanceID string) ([]byte, error)
}

// outcome is a success.
type outcome struct {
	body []byte // the answer's exact bytes
	open bool   // not finished: the next call of the key runs again (Attempt.Ordered)
}

// answered makes the outcome of an answer that a family can encode.
func answered(a interface{ Encode() ([]byte, error) }) (outcome, error) {
	body, err := a.Encode()
	return outcome{body: body}, err
}

// plain is the body of an answer without further members: all families share its form.
func plain(code wire.Code, msg string) []byte {
	body, err := wire.Answer{ResultCode: code, ResultMsg: msg}.Encode()
	if err != nil { // two strings: encoding/json has no error for them
		return []byte(`{"resultCode":"000005"}`)
	}
	return body
}
