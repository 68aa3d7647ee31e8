package openapi

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// gateway answers in the shape of the gateway's own refusals.
func (c *Call) gateway(status int, code, message string) {
	c.JSON(status, wire.APIAnswer{ErrorCode: code, ErrorMsg: message, RequestID: c.ID})
}

func (c *Call) tooLarge() {
	c.gateway(http.StatusRequestEntityTooLarge, "APIGW.0201", "Request entity too large.")
}

// throttled asks the merchant to come again; the marketplace says after 2 to 5 seconds.
func (c *Call) throttled(wait time.Duration) {
	c.w.Header().Set("Retry-After", fmt.Sprint(max(2, int64(wait/time.Second)+1)))
	c.gateway(http.StatusTooManyRequests, "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit")
}

// pass is the gateway for a path that exists: signature of the head, limit, body, signature of the
// body; only then the route.
func (a *API) pass(c *Call) {
	if c.R.ContentLength > c.route.Max {
		c.tooLarge()
		return
	}
	in, err := sign.VerifyRequest(c.R, func(access string) (string, error) { return a.secret(c, access) }, c.Now)
	if err == nil && in.Payload == sign.Unsigned && c.on.HashUploads {
		err = fmt.Errorf("read %s, every body is hashed here: %w", sign.HeaderPayload, sign.ErrMalformed)
	}
	if err == nil && in.Payload == sign.Unsigned && !multipartForm(c.R) {
		err = fmt.Errorf("read %s, only multipart/form-data may go unsigned: %w", sign.HeaderPayload, sign.ErrMalformed)
	}
	if err != nil {
		a.refuse(c, err)
		return
	}
	// A head that does not say the hash of its body proves nothing yet: anybody can write another merchant's access
	// key, and must not use up that merchant's requests, nor the places of those who have proved theirs.
	proved := in.Payload != ""
	if proved && a.limited(c) {
		return
	}
	if c.route.Max > maxJSON && (c.R.ContentLength < 0 || c.R.ContentLength > maxJSON) {
		leave, ok := a.place(c.Merchant, proved)
		if !ok {
			c.throttled(0)
			return
		}
		defer leave()
	}
	if !c.read() {
		return
	}
	if err := in.CheckBody(sign.PayloadHash(c.Body)); err != nil {
		a.refuse(c, err)
		return
	}
	if !proved && a.limited(c) {
		return
	}
	if err := c.route.Serve(c); err != nil {
		a.c.Log.Error("request failed", "request", c.ID, "pattern", c.pattern, "error", err)
		c.route.Broken(c)
	}
}

// place takes a place for a large body; leave gives it back. ok is false when there is none: of all, or of
// this merchant's share.
func (a *API) place(merchant string, proved bool) (leave func(), ok bool) {
	places := a.large
	if !proved {
		places = a.unproved // whose merchant is only claimed: nobody's share
	} else {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.holding[merchant] >= merchantAtOnce {
			return nil, false
		}
	}
	select {
	case places <- struct{}{}:
	default:
		return nil, false
	}
	if !proved {
		return func() { <-places }, true
	}
	a.holding[merchant]++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.holding[merchant]--; a.holding[merchant] == 0 {
			delete(a.holding, merchant)
		}
		<-places
	}, true
}

// limited takes one of the merchant's requests; true: there is none left, and it is answered.
func (a *API) limited(c *Call) bool {
	wait := a.c.Gates.Account.Take("merchant "+c.Merchant, c.Now)
	switch {
	case wait <= 0:
		return false
	case c.route.Limited != nil:
		c.route.Limited(c)
	default:
		c.throttled(wait)
	}
	return true
}

// multipartForm says whether the body is one whose parts have checksums of their own.
func multipartForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "multipart/form-data"
}

// read takes the whole body within its bounds of size and time; false when it has answered.
func (c *Call) read() bool {
	// Deadlines count on the machine's clock, whatever the configured one says. A connection that
	// cannot have one (a test's recorder) is served without.
	ctl := http.NewResponseController(c.w)
	_ = ctl.SetReadDeadline(clock.System{}.Now().Add(bodyTime))
	b, err := io.ReadAll(http.MaxBytesReader(c.w, c.R.Body, c.route.Max))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		c.tooLarge()
		return false
	case err != nil:
		c.gateway(http.StatusBadRequest, "APIGW.0201", "API request error.")
		return false
	}
	c.Body = b
	_ = ctl.SetReadDeadline(time.Time{})
	return true
}

// errRevoked is the refusal of a pair that was good once.
var errRevoked = errors.New("the access key is revoked")

// secret finds the SK of an access key, and the merchant whose it is.
func (a *API) secret(c *Call, access string) (string, error) {
	k, err := a.c.Store.AccessKey(c.R.Context(), access)
	switch {
	case meta.CodeOf(err) == cloudapi.ErrNotFound:
		return "", sign.ErrUnknown
	case err != nil:
		return "", err
	case !k.Revoked.IsZero():
		return "", errRevoked
	}
	c.Merchant, c.access = k.Merchant, access
	return a.c.Box.Open(seal.AccessKey, access, k.Sealed)
}

// refuse answers a request that is not signed as it must be. Who signed another canonical request is shown the
// one that counts here; it holds nothing but what the request itself says.
func (a *API) refuse(c *Call, err error) {
	const incorrect = "Incorrect IAM authentication information: "
	message := ""
	switch {
	case errors.Is(err, sign.ErrWrong):
		message = "verify aksk signature fail, canonicalRequest:" + sign.Echo(c.R, sign.PayloadHash(c.Body))
	case errors.Is(err, sign.ErrUnknown):
		message = "the access key does not exist"
	case errors.Is(err, errRevoked):
		message = errRevoked.Error()
	case errors.Is(err, sign.ErrOld):
		message = sign.HeaderDate + " is more than 15 minutes from the time of this server, " + c.Now.UTC().Format(time.RFC3339)
	case errors.Is(err, sign.ErrMissing), errors.Is(err, sign.ErrMalformed):
		message = err.Error()
	default:
		a.c.Log.Error("request failed", "request", c.ID, "pattern", c.pattern, "error", err)
		c.gateway(http.StatusBadGateway, "APIGW.0201", "Backend unavailable.")
		return
	}
	a.c.Log.Info("signature refused", "request", c.ID, "access", c.access, "error", err)
	c.gateway(http.StatusUnauthorized, "APIGW.0301", incorrect+message)
}

// guard turns a defect into an answer: one request fails, the cloud goes on.
func (a *API) guard(c *Call) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p) // net/http's own way to cut a connection
	}
	a.c.Log.Error("panic in a request", "request", c.ID, "pattern", c.pattern, "panic", p, "stack", string(debug.Stack()))
	if c.w.Status != 0 || c.route.Broken == nil {
		panic(http.ErrAbortHandler) // half an answer must not look whole
	}
	c.route.Broken(c)
}

// access writes one line for each request: no signature, no body and no query. It is never an error: the
// marketplace's pages print status 500 for what a merchant asked wrongly, and defects of ours have a line of their own.
func (a *API) access(c *Call) {
	a.c.Log.Info("open api", "request", c.ID, "method", c.R.Method, "pattern", c.pattern, "status", c.w.Status,
		"bytes", c.w.Bytes, "ms", a.c.Clock.Now().Sub(c.Now).Milliseconds(), "address", c.R.RemoteAddr, "access", c.access, "merchant", c.Merchant)
}

// size is how much of a request its headers are.
func size(h http.Header) (n int) {
	for name, values := range h {
		for _, v := range values {
			n += len(name) + len(v) + 4 // colon, blank and line end
		}
	}
	return n
}
