package sdktest

import (
	"slices"
	"strconv"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// needCloud are the methods that have no answer while the cloud is away.
var needCloud = []string{
	api.MethodAuthLogin, api.MethodAuthPage, api.MethodSpaces, api.MethodList, api.MethodVersions,
	api.MethodOpen, api.MethodPick, api.MethodSaveAs, api.MethodSaveTo, api.MethodCheckin,
}

// CloudAway takes the cloud from the agent: what needs it is refused with
// api.CloudUnreachable, a save is kept and answered as queued, a licence is
// answered from the cache and says so.
func (a *Agent) CloudAway() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.setAway(true)
}

// setAway is called with mu held.
func (a *Agent) setAway(away bool) {
	a.away = away
	l := a.license
	l.Offline = away
	a.setLicense(l)
}

// CloudBack ends CloudAway: each save that waits gets its second result.
func (a *Agent) CloudBack() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.setAway(false)
	for _, s := range a.operationList().Operations {
		if s.State == api.OpQueued && s.Method != api.MethodLicenseRequest {
			op := a.ops[s.Operation]
			a.saved(op, op.path)
		}
	}
}

// refusedAway is called with mu held.
func (a *Agent) refusedAway(method string) error {
	if a.away && slices.Contains(needCloud, method) {
		return Refusal(api.CloudUnreachable)
	}
	return nil
}

// queued is a save's first result while the cloud is away.
func queued(path string) Event {
	reason, hint := api.Text(api.CloudUnreachable, "en")
	return Event{Type: api.EventSaveResult, Operate: api.OperateSaveResult, Params: map[string]string{
		api.ParamStatus: api.StatusFailed, api.ParamCode: strconv.Itoa(int(api.CloudUnreachable)),
		api.ParamReason: reason, api.ParamHint: hint, "queued": "true", "path": path}}
}
