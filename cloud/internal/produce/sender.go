package produce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/readings"
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
	Cause   Cause  // of Invalid and Unreached
	Problem error  // of CauseForm: a *wire.Problem
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
	readings readings.Readings
}

// SenderConfig is what a sender is made of.
type SenderConfig struct {
	Caller      *Caller
	Clock       clock.Clock
	RequireSign bool          // an answer without Body-Sign is none; with a wrong one it never is
	Limit       time.Duration // for one call; 0 takes CallTime
	Readings    readings.Readings
}

// NewSender makes a sender.
func NewSender(c SenderConfig) *Sender {
	if c.Limit == 0 {
		c.Limit = CallTime
	}
	return &Sender{caller: c.Caller, clock: c.Clock, required: c.RequireSign, limit: c.Limit, readings: c.Readings}
}

// Post signs body, sends it once, and judges the answer as one of the activity. Everything
// that happens is in the Exchange; there is no other error.
func (s *Sender) Post(ctx context.Context, to Target, activity string, body []byte) Exchange {
	return s.Send(ctx, s.Sign(to, body, s.Timestamp()), to, activity)
}

// Timestamp is now as calls carry it.
func (s *Sender) Timestamp() string { return s.readings.Signature.Timestamp(s.clock.Now()) }

// Sign makes the request of a production call and sends nothing. timestamp is Timestamp's, but for
// whoever tries how a server reads it.
func (s *Sender) Sign(to Target, body []byte, timestamp string) Exchange {
	x := s.request(to, body)
	nonce := sign.NewNonce()
	signature, _ := s.readings.Signature.Production(to.Key, nonce, timestamp, body) // fails for what is no JSON object, and bodies of ours are
	q := url.Values{sign.ParamSignature: {signature}, sign.ParamTimestamp: {timestamp}, sign.ParamNonce: {nonce}}
	if s.readings.ContentTypeParameter {
		q.Set("contentType", "application/json")
	}
	x.URL += "?" + q.Encode()
	return x
}

// SignKit makes the request of a call of the joint-operation kit; the target's URL has the call's path.
func (s *Sender) SignKit(to Target, body []byte) Exchange {
	x := s.request(to, body)
	_ = s.readings.Signature.SignKit(x.Header, to.Key, sign.NewNonce(), x.Begun, body) // as above
	return x
}

func (s *Sender) request(to Target, body []byte) Exchange {
	return Exchange{Method: http.MethodPost, URL: to.URL, Request: body, Begun: s.clock.Now(), Signed: SignAbsent, Header: http.Header{
		"Accept": {"application/json"}, "Content-Type": {"application/json;charset=utf8"}, "User-Agent": {"iscdesk-cloud"}}}
}

// Send sends a request that Sign or SignKit made, once, and judges the answer; see Post.
func (s *Sender) Send(ctx context.Context, x Exchange, to Target, activity string) Exchange {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	if _, err := s.caller.Base(to.URL); err != nil {
		x.Cause = CauseForbidden
		return x.end(s.clock, Unreached, "the address may not be called")
	}
	r, err := http.NewRequestWithContext(ctx, x.Method, x.URL, bytes.NewReader(x.Request))
	if err != nil {
		x.Cause = CauseForbidden
		return x.end(s.clock, Unreached, "the address cannot be used")
	}
	r.Header = x.Header.Clone()
	a, err := s.caller.Do(r)
	switch {
	case errors.Is(err, errLarge):
		x.Cause = CauseLarge
		return x.end(s.clock, Invalid, fmt.Sprintf("the answer is larger than %d bytes", MaxAnswer))
	case errors.Is(err, context.DeadlineExceeded):
		x.Cause = CauseTime
		return x.end(s.clock, Unreached, fmt.Sprintf("no complete answer within %v", s.limit))
	case err != nil:
		text := ""
		x.Cause, text = cause(err)
		return x.end(s.clock, Unreached, text)
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
	wrong := func(c Cause, verdict string) Exchange {
		x.Cause = c
		return end(Invalid, verdict)
	}
	headers := x.Given.Values(sign.HeaderBodySign)
	switch {
	case len(headers) > 1:
		x.Signed = SignWrong
		return wrong(CauseBodySign, "the answer has more than one Body-Sign header")
	case len(headers) == 1:
		if err := sign.VerifyBodySign(key, headers[0], x.Answer); err != nil {
			x.Signed = SignWrong
			return wrong(CauseBodySign, "the answer's Body-Sign is not the signature of its body: the expected header is "+sign.HeaderBodySign+": "+sign.BodySign(key, x.Answer))
		}
		x.Signed = SignGood
	case s.required:
		return wrong(CauseNoBodySign, "the answer has no Body-Sign header")
	}
	if x.Status != http.StatusOK {
		return wrong(CauseStatus, fmt.Sprintf("the answer has HTTP status %d instead of 200", x.Status))
	}
	answer := x.Answer
	if s.readings.SevenDigits {
		answer = bytes.Replace(answer, []byte(`"0000004"`), []byte(`"000004"`), 1)
	}
	a, err := wire.ParseAnswer(activity, answer)
	if err != nil {
		x.Problem = err
		return wrong(CauseForm, "the answer is not as documented: "+err.Error())
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
