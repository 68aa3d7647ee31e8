package sdktest

import "github.com/iscdesk/iscdesk/sdk/api"

// What every fake agent begins with.
const (
	// LicenseContent is the ISV's licence that license.request delivers.
	LicenseContent = "0078369f54-a3ce-4dc7-8a62-904555416f9000"
	// ImportDocument is the only licence document that license.import takes; any other file
	// is api.ImportNotDocument.
	ImportDocument = "sdktest.licence.document"
	// Password of the account mei@example.com.
	Password = "correct horse battery"
)

func (a *Agent) furnish() {
	now := a.clock.Now()
	a.passwd = Password
	a.signIn()
	a.license = api.LicenseState{State: api.StateValid, Until: now.AddDate(1, 0, 0), Checked: now}
	a.nextBeat = now.Add(api.HeartbeatPeriod)
	a.spaces = []api.Space{{ID: "s1", Name: "Pumps", Role: "editor"}}
	a.folders = map[string][]api.Entry{
		"s1/": {
			{ID: "f1", Kind: "folder", Name: "Housings"},
			{ID: "o1", Kind: "file", Name: "bracket.dxf", Size: 48213, Version: 3, Modified: now, By: "mei@example.com"},
			{ID: "o2", Kind: "assembly", Name: "pump", Size: 9437184, Version: 12, Modified: now, By: "li@example.com",
				Holder: &api.Holder{Account: "li@example.com", Name: "Li", Machine: "ws-7", Since: now, Until: now.AddDate(0, 0, 1)}},
		},
		"s1/f1": {
			{ID: "o3", Kind: "file", Name: "泵壳.stl", Size: 1 << 20, Version: 1, Modified: now, By: "mei@example.com"},
		},
	}
}
