package sdk

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Events that the client makes itself, in the documented form: they have no id
// of the agent's ring, and never move the cursor.

// request is what the client remembers of an operation that it began.
type request struct {
	method   string
	comeBack string // the application's note; "" for none
}

// made is an event of no operation of this client, or of one that brought no note.
func made(now time.Time, typ, operate string, op api.Operation, params map[string]string) api.Event {
	return request{}.made(now, typ, operate, op, params)
}

// made is an event of the request's operation, with its note.
func (r request) made(now time.Time, typ, operate string, op api.Operation, params map[string]string) api.Event {
	note := "{}"
	if r.comeBack != "" {
		note = r.comeBack
	}
	return api.Event{
		Time: now.UTC(), Type: typ, Operation: op,
		Envelope: api.Envelope{Operate: operate, Params: params, ComeBack: json.RawMessage(note)},
	}
}

// gapEvent shows that events were lost.
func gapEvent(now time.Time, g api.Gap) api.Event {
	return made(now, api.EventGap, api.OperateGap, 0, map[string]string{
		"from": strconv.FormatInt(g.From, 10), "next": strconv.FormatInt(g.Next, 10),
	})
}

// deskClosed tells once that the connection has gone; an agent that stops says
// so itself.
func (c *Client) deskClosed() {
	c.mu.Lock()
	told := c.stopping || c.closed
	c.stopping = false
	c.mu.Unlock()
	if told {
		return
	}
	_, hint := api.Text(api.AgentLost, c.opt.Language)
	c.queue.force(made(c.clock.Now(), api.EventDeskClosed, api.OperateDeskClosed, 0,
		map[string]string{api.ParamReason: "lost", api.ParamHint: hint}))
}

// lostEvent ends an operation whose outcome nobody knows any more.
func (c *Client) lostEvent(op api.Operation, r request, detail string) api.Event {
	message, hint := api.Text(api.AgentLost, c.opt.Language)
	params := map[string]string{
		api.ParamStatus: api.StatusFailed,
		api.ParamCode:   strconv.Itoa(int(api.AgentLost)),
		api.ParamReason: message,
		api.ParamHint:   hint,
		"detail":        detail,
	}
	typ, operate := api.EventSaveResult, api.OperateSaveResult
	switch r.method {
	case api.MethodLicenseRequest:
		typ, operate = api.EventLicenseVerify, api.OperateLicenseVerify
		params["Status"] = api.StatusFailed // spelled so in this envelope
		delete(params, api.ParamStatus)
	case api.MethodOpen, api.MethodPick:
		typ, operate = api.EventOpenResult, api.OperateOpenFile
		params["mainFile"], params["openType"], params["workState"], params["assembly"] = "", api.OpenOnly, api.WorkCheckin, "false"
	case api.MethodAuthPage:
		typ, operate = api.EventSignIn, api.OperateSignIn
	}
	return r.made(c.clock.Now(), typ, operate, op, params)
}

// endOf says whether e is the last event of its operation. A save that waits
// for the cloud has failed for now and gets another result later.
func endOf(e api.Event) bool {
	if e.Operation == 0 {
		return false
	}
	switch e.Type {
	case api.EventLicenseVerify, api.EventOpenResult, api.EventOpenCancelled, api.EventSignIn:
		return true
	case api.EventSaveResult:
		return e.Envelope.Params["queued"] != "true"
	}
	return false
}

// waits says whether e reports that its operation waits, for the cloud or for a publisher.
func waits(e api.Event) bool {
	return e.Operation != 0 && (e.Type == api.EventSaveResult && e.Envelope.Params["queued"] == "true" || e.Type == api.EventLicensePending)
}

// endings remembers which operations have had their end (or were told to wait), so
// that an end that was asked for is not told again when its event comes after all.
// It holds the last endingsKept and forgets older ones.
type endings struct {
	set   map[api.Operation]bool
	order []api.Operation
}

const endingsKept = 1024

func newEndings() endings { return endings{set: make(map[api.Operation]bool)} }

func (s *endings) has(op api.Operation) bool { return s.set[op] }

func (s *endings) add(op api.Operation) {
	if s.set[op] {
		return
	}
	s.set[op] = true
	s.order = append(s.order, op)
	if len(s.order) > endingsKept {
		delete(s.set, s.order[0])
		s.order = s.order[1:]
	}
}
