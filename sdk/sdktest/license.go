package sdktest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// licensed is the documented answer to a licence request.
func (a *Agent) licensed(form string) Event {
	e := Event{Type: api.EventLicenseVerify, Operate: api.OperateLicenseVerify, Params: map[string]string{
		"Status": api.StatusSuccess, "LicenseType": form, "state": a.license.State, "offline": strconv.FormatBool(a.license.Offline)}}
	if a.license.Code != api.OK {
		e.Params["Status"] = api.StatusFailed
		e.Params[api.ParamCode] = strconv.Itoa(int(a.license.Code))
		e.Params[api.ParamReason], e.Params[api.ParamHint] = api.Text(a.license.Code, "en")
		return e
	}
	if form == api.FormFile {
		path := filepath.Join(a.folder, "license.lic")
		if err := os.WriteFile(path, []byte(LicenseContent), 0o600); err != nil {
			a.t.Errorf("sdktest: write licence file: %v", err)
		}
		e.Params["LicenseFilePath"] = path
	} else {
		e.Params["LicenseContent"] = LicenseContent
	}
	return e
}

// PublisherWorks lets licences be made by their publisher: license.request then waits, with
// EVENT_LICENSE_PENDING, until DeliverLicense, Finish or a cancel.
func (a *Agent) PublisherWorks() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.pending = true
}

// pend is called with mu held.
func (a *Agent) pend(o *operation) {
	e := Event{Type: api.EventLicensePending, Operate: api.OperateLicensePending, Operation: o.state.Operation, ComeBack: o.comeBack, Params: map[string]string{
		"waitsFor": api.WaitsPublisher, "event": "87b94795-0603-4e24-8ae5-69420d60e3c8",
		"until":         a.clock.Now().Add(135 * time.Minute).UTC().Format(time.RFC3339),
		api.ParamReason: "The software's publisher is making the licence.", api.ParamHint: "Wait, it arrives by itself; or cancel and request it again later."}}
	kept := a.event(e, 0)
	o.state.State, o.state.Waits = api.OpQueued, &kept
	a.emit(e)
}

// DeliverLicense brings the licence that an operation waits for.
func (a *Agent) DeliverLicense(op api.Operation) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if o := a.ops[op]; o != nil && o.state.Method == api.MethodLicenseRequest {
		a.finish(o, a.licensed(o.form))
		return
	}
	a.t.Errorf("sdktest: operation %d waits for no licence", op)
}

// licenseImport is called with mu held.
func (a *Agent) licenseImport(p api.LicenseImport) (any, error) {
	if p.Offset == 0 {
		a.imported = nil
	}
	if a.imported = append(a.imported, p.Part...); len(a.imported) < p.Size {
		return api.LicenseImported{More: true}, nil
	}
	if strings.TrimSpace(string(a.imported)) != ImportDocument {
		return nil, Refusal(api.ImportNotDocument)
	}
	return api.LicenseImported{Product: "cad", Form: api.FormString, From: a.clock.Now(), Until: a.license.Until, Bound: true}, nil
}

// SetLicense changes the cached licence state and tells every session.
func (a *Agent) SetLicense(l api.LicenseState) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.setLicense(l)
}

func (a *Agent) setLicense(l api.LicenseState) {
	a.license = l
	params := map[string]string{
		"state": l.State, api.ParamCode: strconv.Itoa(int(l.Code)), "offline": strconv.FormatBool(l.Offline),
		api.ParamReason: l.Reason, api.ParamHint: l.Hint,
	}
	if !l.Until.IsZero() {
		params["until"] = l.Until.UTC().Format(time.RFC3339)
	}
	if !l.Checked.IsZero() {
		params["checked"] = l.Checked.UTC().Format(time.RFC3339)
	}
	a.emit(Event{Type: api.EventLicenseState, Operate: api.OperateLicenseState, Params: params})
}
