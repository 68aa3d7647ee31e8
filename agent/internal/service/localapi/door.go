package localapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// who may call a method, decided by the Actor alone, before anything else is looked at.
type who int

const (
	anyone who = iota // every local user whom the server talks to
	person            // not root where the service is root: file work is done with the caller's own rights
)

// pace is what a method costs.
type pace int

const (
	waits  pace = iota // may wait for a disk, a worker or the cloud: in a goroutine of its own
	quick              // answers from memory: at once, on the goroutine that reads the connection
	costly             // waits, and few at a time for each user
	begins             // waits, and begins an operation: a record on disk, where everybody's lie
)

// method is one line of the door's table.
type method struct {
	may   who
	pace  pace
	serve serve
}

// serve answers a request; after, when not nil, runs once the answer was sent.
type serve func(c *conn, params json.RawMessage) (result any, after func(), err error)

// methods is everything that the local API does. hello is not here: it is the
// first request of a connection and only that.
var methods = map[string]method{
	api.MethodDoctor:         {anyone, costly, ask(agentRoom, Agent.Doctor)},
	api.MethodStatus:         {anyone, waits, ask(agentRoom, Agent.Status)},
	api.MethodAuthLogin:      {anyone, costly, call(authRoom, Auth.Login, checkLogin)},
	api.MethodAuthLogout:     {anyone, waits, askTell(authRoom, Auth.Logout)},
	api.MethodAuthPage:       {anyone, costly, call(authRoom, Auth.Page, checkAuthPage)},
	api.MethodAuthStatus:     {anyone, quick, ask(authRoom, Auth.Status)},
	api.MethodPing:           {anyone, quick, pong},
	api.MethodSubscribe:      {anyone, waits, (*conn).subscribe},
	api.MethodCheckin:        {person, waits, tell(filesRoom, Files.Checkin, checkCheckin)},
	api.MethodList:           {person, waits, call(filesRoom, Files.List, checkList)},
	api.MethodOpen:           {person, begins, call(filesRoom, Files.Open, checkOpen)},
	api.MethodPick:           {person, begins, call(filesRoom, Files.Pick, checkPick)},
	api.MethodSave:           {person, begins, call(filesRoom, Files.Save, checkSave)},
	api.MethodSaveAs:         {person, begins, call(filesRoom, Files.SaveAs, checkSave)},
	api.MethodSaveTo:         {person, begins, call(filesRoom, Files.SaveTo, checkSaveTo)},
	api.MethodSpaces:         {person, waits, ask(filesRoom, Files.Spaces)},
	api.MethodVersions:       {person, waits, call(filesRoom, Files.Versions, checkObject)},
	api.MethodFingerprint:    {anyone, waits, fingerprint},
	api.MethodLicenseImport:  {anyone, waits, call(licenseRoom, License.Import, checkLicenseImport)},
	api.MethodLicenseRequest: {anyone, begins, call(licenseRoom, License.Request, checkLicenseRequest)},
	api.MethodLicenseState:   {anyone, quick, licenseState},
	api.MethodLicenseVerify:  {anyone, waits, tell(licenseRoom, License.Verify, checkVerify)},
	api.MethodCancel:         {anyone, waits, (*conn).cancelOperation},
	api.MethodOperation:      {anyone, quick, (*conn).getOperation},
	api.MethodOperations:     {anyone, quick, (*conn).listOperations},
}

// answerTo is the door: permission, then method, then size, syntax and meaning.
func (c *conn) answerTo(name string, params json.RawMessage) (any, func(), error) {
	m, known := methods[name]
	if err := c.s.permit(m.may, c.actor); err != nil {
		return nil, nil, err
	}
	switch {
	case name == api.MethodHello:
		return nil, nil, &api.Error{Code: api.Protocol, Detail: "hello was said before"}
	case !known:
		return nil, nil, &api.Error{Code: api.NotSupported, Detail: "the agent has no method of that name"}
	}
	if err := c.s.limited(c.actor.UID, m.pace); err != nil {
		return nil, nil, err
	}
	return m.serve(c, params)
}

// permit decides once, by the Actor.
func (s *Server) permit(may who, a caller.Actor) error {
	if may == person && s.cfg.UID.System() && a.Root() {
		return &api.Error{Code: api.RootCaller, Detail: "the system's agent opens files only with a user's ordinary rights: " + caller.RootAdvice}
	}
	return nil
}

// refusal makes err ready for the wire: its code, and the sentences of the
// caller's language where the room gave none.
func (s *Server) refusal(err error, a caller.Actor) *api.Error {
	out := api.Error{Code: api.Internal, Detail: err.Error()}
	var known *api.Error
	switch {
	case errors.As(err, &known):
		out = *known
	case errors.Is(err, context.DeadlineExceeded):
		out.Code = api.Timeout
	case errors.Is(err, context.Canceled):
		out.Code = api.Cancelled
	default:
		s.cfg.Log.Error("request failed without a code", "uid", a.UID, "cause", err)
	}
	message, hint := api.Text(out.Code, a.Language)
	if out.Message == "" {
		out.Message = message
	}
	if out.Hint == "" {
		out.Hint = hint
	}
	return &out
}

// decode reads params as into. Unknown members are ignored, so that a newer
// library can talk to an older agent; wrong types are refused.
func decode(params json.RawMessage, into any) error {
	if len(params) == 0 || string(params) == "null" {
		params = json.RawMessage("{}")
	}
	if err := json.Unmarshal(params, into); err != nil {
		return &api.Error{Code: api.InvalidArgument, Detail: fmt.Sprintf("read the request's params: %v", err)}
	}
	return nil
}

// The rooms, for the table.

func agentRoom(s *Server) Agent     { return s.cfg.Agent }
func authRoom(s *Server) Auth       { return s.cfg.Auth }
func filesRoom(s *Server) Files     { return s.cfg.Files }
func licenseRoom(s *Server) License { return s.cfg.License }

// call serves a method of a room that takes P and gives R.
func call[T, P, R any](room func(*Server) T, fn func(T, context.Context, caller.Actor, P) (R, error), check func(P) error) serve {
	return func(c *conn, params json.RawMessage) (any, func(), error) {
		var p P
		if err := decode(params, &p); err != nil {
			return nil, nil, err
		}
		if err := check(p); err != nil {
			return nil, nil, err
		}
		r, err := fn(room(c.s), c.ctx, c.actor, p)
		return r, nil, err
	}
}

// tell serves a method that takes P and gives nothing.
func tell[T, P any](room func(*Server) T, fn func(T, context.Context, caller.Actor, P) error, check func(P) error) serve {
	return call(room, func(t T, ctx context.Context, a caller.Actor, p P) (api.None, error) {
		return api.None{}, fn(t, ctx, a, p)
	}, check)
}

// ask serves a method that takes nothing and gives R.
func ask[T, R any](room func(*Server) T, fn func(T, context.Context, caller.Actor) (R, error)) serve {
	return call(room, func(t T, ctx context.Context, a caller.Actor, _ api.None) (R, error) {
		return fn(t, ctx, a)
	}, func(api.None) error { return nil })
}

// askTell serves a method that takes and gives nothing.
func askTell[T any](room func(*Server) T, fn func(T, context.Context, caller.Actor) error) serve {
	return ask(room, func(t T, ctx context.Context, a caller.Actor) (api.None, error) {
		return api.None{}, fn(t, ctx, a)
	})
}

func pong(*conn, json.RawMessage) (any, func(), error) { return api.None{}, nil, nil }

func fingerprint(c *conn, _ json.RawMessage) (any, func(), error) {
	f, err := c.s.cfg.Identity.Fingerprint(c.ctx)
	return f, nil, err
}

func licenseState(c *conn, _ json.RawMessage) (any, func(), error) {
	return c.s.cfg.License.State(c.ctx, c.actor), nil, nil
}
