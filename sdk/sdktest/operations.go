package sdktest

import (
	"encoding/json"
	"os"
	"slices"
	"strconv"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// operation is one entry of the ledger, which outlives Restart.
type operation struct {
	state    api.OperationState
	comeBack string
	path     string
	form     string // of a licence
}

// Manual stops operations from ending by themselves: they run until Finish.
// Without it each one succeeds at once, with the documented events.
func (a *Agent) Manual() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.manual = true
}

// Page gives the operations that want a person this address.
func (a *Agent) Page(url string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pageURL = url
}

// purposes are the pages of the methods that open one.
var purposes = map[string]string{api.MethodPick: "pick", api.MethodSaveAs: "saveAs", api.MethodAuthPage: "signIn"}

// begin is called with mu held.
func (a *Agent) begin(method string, params json.RawMessage) (any, error) {
	var p struct {
		ComeBack string `json:"comeBack"`
		Path     string `json:"path"`
		Object   string `json:"object"`
		Form     string `json:"form"`
		Checkout bool   `json:"checkout"`
		Assembly bool   `json:"assembly"`
	}
	if err := json.Unmarshal(params, &p); err != nil {
		return nil, &api.Error{Code: api.InvalidArgument, Detail: err.Error()}
	}
	if method == api.MethodSave || method == api.MethodSaveAs || method == api.MethodSaveTo {
		if _, err := os.Stat(p.Path); err != nil {
			return nil, Refusal(api.PathNotFound)
		}
	}
	a.lastOp++
	op := &operation{comeBack: p.ComeBack, path: p.Path, form: p.Form, state: api.OperationState{
		Operation: a.lastOp, Method: method, State: api.OpRunning, Started: a.clock.Now()}}
	a.ops[a.lastOp] = op
	started := api.Started{Operation: a.lastOp}
	if method == api.MethodPick || method == api.MethodSaveAs || method == api.MethodAuthPage {
		started.URL = a.pageURL
		if a.pageURL != "" {
			a.emit(Event{Type: api.EventPage, Operate: api.OperatePage, Operation: a.lastOp,
				Params: map[string]string{"url": a.pageURL, "purpose": purposes[method]}})
		}
	}
	if a.manual {
		return started, nil
	}
	switch method {
	case api.MethodLicenseRequest:
		if a.pending {
			a.pend(op)
			break
		}
		a.finish(op, a.licensed(p.Form))
	case api.MethodOpen, api.MethodPick:
		e, err := a.opened(p.Object, p.Checkout)
		if err != nil {
			return nil, err
		}
		a.finish(op, e)
	case api.MethodAuthPage:
		a.signIn()
		a.finish(op, Event{Type: api.EventSignIn, Operate: api.OperateSignIn, Params: map[string]string{
			api.ParamStatus: api.StatusSuccess, "account": a.auth.Account}})
	default:
		if a.away {
			a.finish(op, queued(p.Path))
		} else {
			a.saved(op, p.Path)
		}
	}
	return started, nil
}

// Finish ends an operation with e; its number is filled in.
func (a *Agent) Finish(op api.Operation, e Event) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o := a.ops[op]; o != nil {
		a.finish(o, e)
		return
	}
	a.t.Errorf("sdktest: no operation %d", op)
}

// finish is called with mu held. A save that waits for the cloud stays open.
func (a *Agent) finish(o *operation, e Event) {
	e.Operation = o.state.Operation
	e.ComeBack = o.comeBack
	o.state.State = api.OpDone
	switch {
	case e.Params["queued"] == "true":
		o.state.State = api.OpQueued
	case e.Params[api.ParamStatus] == api.StatusFailed, e.Params["Status"] == api.StatusFailed, e.Type == api.EventOpenCancelled:
		o.state.State = api.OpFailed
	}
	kept := a.event(e, 0)
	if o.state.State == api.OpQueued {
		o.state.Waits = &kept
	} else {
		o.state.Event, o.state.Waits = &kept, nil
	}
	a.emit(e)
}

// Forget removes an operation from the ledger, as if its result had been
// delivered long ago.
func (a *Agent) Forget(op api.Operation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.ops, op)
}

func (a *Agent) operationGet(r api.OperationRef) (any, error) {
	if o := a.ops[r.Operation]; o != nil {
		return o.state, nil
	}
	return api.OperationState{Operation: r.Operation, State: api.OpUnknown}, nil
}

func (a *Agent) operationList() api.Operations {
	list := api.Operations{Operations: []api.OperationState{}}
	for _, o := range a.ops {
		list.Operations = append(list.Operations, o.state)
	}
	slices.SortFunc(list.Operations, func(x, y api.OperationState) int { return int(x.Operation - y.Operation) })
	return list
}

func (a *Agent) cancel(r api.OperationRef) (any, error) {
	o := a.ops[r.Operation]
	if o == nil {
		return nil, Refusal(api.NotFound)
	}
	if o.state.State != api.OpRunning && o.state.State != api.OpQueued {
		return api.None{}, nil
	}
	reason, hint := api.Text(api.Cancelled, "en")
	params := map[string]string{api.ParamCode: strconv.Itoa(int(api.Cancelled)), api.ParamReason: reason, api.ParamHint: hint}
	switch o.state.Method {
	case api.MethodPick, api.MethodOpen:
		params["by"] = "application"
		a.finish(o, Event{Type: api.EventOpenCancelled, Operate: api.OperateOpenCancelled, Params: params})
	case api.MethodLicenseRequest:
		params["Status"], params["LicenseType"] = api.StatusFailed, o.form
		a.finish(o, Event{Type: api.EventLicenseVerify, Operate: api.OperateLicenseVerify, Params: params})
	default:
		params[api.ParamStatus] = api.StatusFailed
		a.finish(o, Event{Type: api.EventSaveResult, Operate: api.OperateSaveResult, Params: params})
	}
	return api.None{}, nil
}
