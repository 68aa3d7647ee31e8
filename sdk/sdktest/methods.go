package sdktest

import (
	"encoding/json"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// answer is the default for every method but hello and subscribe.
func (a *Agent) answer(method string, params json.RawMessage) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.refusedAway(method); err != nil {
		return nil, err
	}
	switch method {
	case api.MethodPing, api.MethodLicenseVerify, api.MethodCheckin:
		return api.None{}, nil
	case api.MethodAuthStatus:
		return a.auth, nil
	case api.MethodAuthLogin:
		return with(params, a.login)
	case api.MethodAuthLogout:
		a.auth = api.AuthStatus{Reason: api.NotSignedIn, Cloud: a.auth.Cloud}
		return api.None{}, nil
	case api.MethodFingerprint:
		return fingerprint(), nil
	case api.MethodLicenseState:
		return a.license, nil
	case api.MethodLicenseImport:
		return with(params, a.licenseImport)
	case api.MethodOperation:
		return with(params, a.operationGet)
	case api.MethodOperations:
		return a.operationList(), nil
	case api.MethodCancel:
		return with(params, a.cancel)
	case api.MethodStatus:
		return a.status(), nil
	case api.MethodDoctor:
		return doctor(), nil
	case api.MethodSpaces, api.MethodList, api.MethodVersions:
		if err := a.signedIn(); err != nil {
			return nil, err
		}
		return a.drive(method, params)
	case api.MethodAuthPage, api.MethodLicenseRequest, api.MethodOpen, api.MethodPick,
		api.MethodSave, api.MethodSaveAs, api.MethodSaveTo:
		if err := a.signedIn(); err != nil && method != api.MethodAuthPage {
			return nil, err
		}
		return a.begin(method, params)
	}
	return nil, &api.Error{Code: api.NotSupported, Detail: "no method " + method}
}

func (a *Agent) signedIn() error {
	if !a.auth.SignedIn {
		return Refusal(api.NotSignedIn)
	}
	return nil
}

func (a *Agent) login(l api.AuthLogin) (any, error) {
	if l.Account != "mei@example.com" || l.Password != a.passwd {
		return nil, Refusal(api.WrongCredentials)
	}
	a.signIn()
	return a.auth, nil
}

// signIn is called with mu held.
func (a *Agent) signIn() {
	a.auth = api.AuthStatus{
		SignedIn: true, Account: "mei@example.com", Name: "Mei", Organisation: "Example Works",
		Cloud: "https://cloud.example.com", Expires: a.clock.Now().AddDate(0, 0, 30),
	}
}

// SignOut ends the sign-in from outside, as an administrator would.
func (a *Agent) SignOut() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.auth = api.AuthStatus{Reason: api.NotSignedIn, Cloud: a.auth.Cloud}
	a.emit(Event{Type: api.EventSignIn, Operate: api.OperateSignIn, Params: map[string]string{
		api.ParamStatus: "signedOut", "account": "mei@example.com"}})
}

// drive answers for the one space "s1".
func (a *Agent) drive(method string, params json.RawMessage) (any, error) {
	switch method {
	case api.MethodSpaces:
		return api.Spaces{Spaces: a.spaces}, nil
	case api.MethodVersions:
		return with(params, func(r api.ObjectRef) (any, error) {
			for _, list := range a.folders {
				for _, e := range list {
					if e.ID == r.Object && e.Kind != "folder" {
						return api.Versions{Versions: []api.Version{
							{Number: e.Version, Size: e.Size, Created: e.Modified, By: e.By}}}, nil
					}
				}
			}
			return nil, Refusal(api.NotFound)
		})
	}
	return with(params, func(l api.List) (any, error) {
		entries, ok := a.folders[l.Space+"/"+l.Folder]
		if !ok {
			return nil, Refusal(api.NotFound)
		}
		return api.Listing{Path: []api.Entry{}, Entries: entries}, nil
	})
}

func (a *Agent) status() api.Status {
	return api.Status{
		Build: "sdktest", Protocol: api.ProtocolVersion, Started: a.clock.Now(), Endpoint: a.endpoint,
		Cloud: "https://cloud.example.com", Reachable: !a.away, Device: "device-1", Auth: a.auth,
	}
}

func doctor() api.Doctor {
	return api.Doctor{Checks: []api.Check{
		{Name: "cloud", Result: "ok", Tried: "GET https://cloud.example.com/v1/about", Found: "answered in 12 ms"},
		{Name: "clock", Result: "warning", Tried: "compared with the cloud", Found: "90 s behind", Do: "set the clock"},
		{Name: "disk", Result: "failed", Tried: "free space of /var/lib/iscdesk", Found: "0 bytes", Do: "free some space", Code: api.DiskFull},
	}}
}

func fingerprint() api.Fingerprint {
	return api.Fingerprint{
		Fingerprint: "04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672",
		Parts: []api.FingerprintPart{
			{Name: "mac", Values: []string{"04:7C:16:5E:E3:5D"}},
			{Name: "disk", Values: []string{"001B_444A_488B_5CEC."}},
			{Name: "board", Absent: "only root can read the board's serial number"},
			{Name: "cpu", Values: []string{"BFEBFBFF00090672"}},
		},
	}
}
