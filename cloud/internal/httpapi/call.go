package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// User is who shows a user's or a transfer token.
type User struct {
	Account string
	Name    string
	Role    string // meta.RoleAdmin or RoleMember
	Org     string
	OrgName string
	Family  string // of the sign-in; tokens made for this user carry it and end with it
	Device  string // the device that the sign-in named; a claim, see Call.Device for the proof
}

// Scope is what a transfer token is good for. It stands as JSON in meta.Token.Scope.
type Scope struct {
	Space     string `json:"space"`
	Mode      string `json:"mode"` // read, write
	Operation string `json:"operation"`
	Object    string `json:"object,omitempty"`
}

// Call is one request on its way. It belongs to the request's goroutine.
type Call struct {
	R       *http.Request // Body is limited to the route's MaxBody
	W       http.ResponseWriter
	ID      string    // request id, also in the log
	Pattern string    // of the route
	Now     time.Time // read once, so that one request sees one time

	User     User          // zero on open routes
	Device   string        // id of the device whose token came along, "" without one
	Transfer *Scope        // set for transfer tokens only
	Merchant meta.Merchant // set on routes that are OfMerchant only

	max int64
	api *API
}

type callKey struct{}

func withCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

func callOf(ctx context.Context) *Call { return ctx.Value(callKey{}).(*Call) }

// Context ends when the client goes away.
func (c *Call) Context() context.Context { return c.R.Context() }

// Path is a value of the route's pattern.
func (c *Call) Path(name string) string { return c.R.PathValue(name) }

// Why begins the audit entry of what this call does; pairs are name, value, ….
func (c *Call) Why(action string, pairs ...string) meta.Entry {
	e := meta.Entry{Org: c.User.Org, Time: meta.Stamp(c.Now), Account: c.User.Account, Device: c.Device, Action: action}
	if e.Device == "" {
		e.Device = c.User.Device
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if e.Params == nil {
			e.Params = map[string]string{}
		}
		e.Params[pairs[i]] = pairs[i+1]
	}
	return e
}

// Decode reads the body as one JSON value into the pointer: size first, then
// syntax. Unknown members are ignored, so that a newer agent can speak to an older cloud.
func (c *Call) Decode(into any) error {
	if t, _, err := mime.ParseMediaType(c.R.Header.Get("Content-Type")); err != nil || t != "application/json" {
		return Invalid("body", "the body must be application/json")
	}
	b, err := io.ReadAll(c.R.Body)
	if err != nil {
		return c.bodyError(err)
	}
	c.unhurried()
	if !utf8.Valid(b) {
		return Invalid("body", "the body is not UTF-8")
	}
	if err := json.Unmarshal(b, into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) && wrong.Field != "" {
			return Invalid(wrong.Field, "the member has the wrong type")
		}
		return Invalid("body", "the body is not the JSON object that belongs here")
	}
	return nil
}

// bodyError says why a body could not be read, also for handlers that stream one.
func (c *Call) bodyError(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge(large.Limit)
	}
	return Invalid("body", "the body did not arrive whole and in time")
}

// JSON answers v. It is always the handler's last act.
func (c *Call) JSON(status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	c.W.Header().Set("Content-Type", "application/json")
	c.W.WriteHeader(status)
	// An answer that the client does not take is the client's loss, not an error of the request.
	_, _ = c.W.Write(append(b, '\n'))
	return nil
}

// None answers 204.
func (c *Call) None() error {
	c.W.WriteHeader(http.StatusNoContent)
	return nil
}

// Invalid is the refusal of one argument; member names it as JSON spells it.
func Invalid(member, message string) error {
	return meta.Refuse(cloudapi.ErrInvalid, message, "member", member)
}

func tooLarge(limit int64) error {
	return meta.Refuse(cloudapi.ErrTooLarge, "the body is too large", "limit", fmt.Sprint(limit))
}

// deadline counts from now on the machine's clock: that is what the network stack compares with.
func deadline(d time.Duration) time.Time { return systemNow().Add(d) }
