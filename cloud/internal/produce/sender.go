package produce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Target is where a call goes.
type Target struct {
	URL string // below a verified address of the merchant
	Key string // access key in the clear, for the signature
}

// Outcome is what one call came to.
type Outcome string

// Outcomes. Only the first three are answers of the merchant's program.
const (
	Done       Outcome = "done"       // 000000
	Processing Outcome = "processing" // 000004
	Refused    Outcome = "refused"    // another result code
	Invalid    Outcome = "invalid"    // answered, but not as documented
	Unreached  Outcome = "unreached"  // no answer within the time
)

// Exchange is one call with everything that a person who looks for a fault wants to see. It
// holds no secret: a signature tells nothing of its key.
type Exchange struct {
	Method  string
	URL     string // with signature, timestamp and nonce
	Request []byte
	Header  http.Header // as sent
	Begun   time.Time
	Took    time.Duration
	Status  int         // 0 without an answer
	Answer  []byte      // as received, at most MaxAnswer
	Given   http.Header // of the answer
	Signed  Signed      // what the answer's Body-Sign is
	Result  wire.Answer // the answer's members, zero unless Outcome is Done, Processing or Refused
	Outcome Outcome
	Verdict string // one English sentence
}

// Signed is the state of an answer's Body-Sign.
type Signed string

// The states.
const (
	SignAbsent Signed = "absent"
	SignGood   Signed = "good"
	SignWrong  Signed = "wrong"
)

// Sender makes single calls. Its methods may be called from several goroutines.
type Sender struct {
	caller *Caller
	clock  clock.Clock
	// required refuses answers without Body-Sign. The pages for licences do not name the header, those of
	// SaaS had it and lost it: so the reading is that it is checked when it is there.
	required bool
	limit    time.Duration
}

// SenderConfig is what a sender is made of.
type SenderConfig struct {
	Caller      *Caller
	Clock       clock.Clock
	RequireSign bool          // an answer without Body-Sign is none; with a wrong one it never is
	Limit       time.Duration // for one call; 0 takes CallTime
}

// NewSender makes a sender.
func NewSender(c SenderConfig) *Sender {
	if c.Limit == 0 {
		c.Limit = CallTime
	}
	return &Sender{caller: c.Caller, clock: c.Clock, required: c.RequireSign, limit: c.Limit}
}

// Post signs body, sends it once, and judges the answer as one of the activity. Everything
// that happens is in the Exchange; there is no other error.
func (s *Sender) Post(ctx context.Context, to Target, activity string, body []byte) Exchange {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	x := Exchange{Method: http.MethodPost, Request: body, Begun: s.clock.Now(), Signed: SignAbsent}
	x.URL = to.URL + "?" + sign.SignProduction(to.Key, sign.NewNonce(), x.Begun, body).Encode()
	if _, err := s.caller.Base(to.URL); err != nil {
		return x.end(s.clock, Unreached, "the address may not be called")
	}
	r, err := http.NewRequestWithContext(ctx, x.Method, x.URL, bytes.NewReader(body))
	if err != nil {
		return x.end(s.clock, Unreached, "the address cannot be used")
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json;charset=utf8")
	r.Header.Set("User-Agent", "iscdesk-cloud")
	x.Header = r.Header
	a, err := s.caller.Do(r)
	switch {
	case errors.Is(err, errLarge):
		return x.end(s.clock, Invalid, fmt.Sprintf("the answer is larger than %d bytes", MaxAnswer))
	case errors.Is(err, context.DeadlineExceeded):
		return x.end(s.clock, Unreached, fmt.Sprintf("no complete answer within %v", s.limit))
	case err != nil:
		return x.end(s.clock, Unreached, cause(err))
	}
	x.Status, x.Answer, x.Given = a.Status, a.Body, a.Header
	return s.judge(x, to.Key, activity)
}

func (x Exchange) end(c clock.Clock, o Outcome, verdict string) Exchange {
	x.Took, x.Outcome, x.Verdict = c.Now().Sub(x.Begun), o, verdict
	return x
}

// judge holds an answer against the documentation, its signature first: what somebody else
// wrote is not read.
func (s *Sender) judge(x Exchange, key, activity string) Exchange {
	end := func(o Outcome, verdict string) Exchange { return x.end(s.clock, o, verdict) }
	headers := x.Given.Values(sign.HeaderBodySign)
	switch {
	case len(headers) > 1:
		x.Signed = SignWrong
		return end(Invalid, "the answer has more than one Body-Sign header")
	case len(headers) == 1:
		if err := sign.VerifyBodySign(key, headers[0], x.Answer); err != nil {
			x.Signed = SignWrong
			return end(Invalid, "the answer's Body-Sign is not the signature of its body: the expected header is "+sign.HeaderBodySign+": "+sign.BodySign(key, x.Answer))
		}
		x.Signed = SignGood
	case s.required:
		return end(Invalid, "the answer has no Body-Sign header")
	}
	if x.Status != http.StatusOK {
		return end(Invalid, fmt.Sprintf("the answer has HTTP status %d instead of 200", x.Status))
	}
	a, err := wire.ParseAnswer(activity, x.Answer)
	if err != nil {
		return end(Invalid, "the answer is not as documented: "+err.Error())
	}
	x.Result = a
	switch a.ResultCode {
	case wire.Success:
		return end(Done, "success")
	case wire.Processing:
		return end(Processing, "the merchant is still at work")
	}
	text := a.ResultCode.Text()
	if text == "" {
		text = "a code that is not documented"
	}
	return end(Refused, fmt.Sprintf("result code %s: %s", a.ResultCode, text))
}
