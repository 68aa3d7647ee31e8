package sdktest

import (
	"os"
	"path/filepath"
	"strconv"
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
