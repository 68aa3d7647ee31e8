package picker

import (
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/e2e/browserless"
)

// TestBrowserless holds the driver of demo and scenarios to the pages: whole runs
// by what the pages themselves say, in both languages.
func TestBrowserless(t *testing.T) {
	for _, c := range []struct {
		name    string
		ask     workerapi.Page
		out     bool // signed out at first
		task    browserless.Task
		chosen  workerapi.Chosen
		good    bool
		refused string
		closed  string
	}{
		{"pick with check-out", workerapi.Page{Purpose: purposePick}, false,
			browserless.Task{Do: "pick", Space: "Gearbox 传动箱", Folders: []string{"Housing"}, Name: "upper housing.dxf", Checkout: true},
			workerapi.Chosen{Operation: 1, Object: "ob5", Checkout: true}, true, "", ""},
		{"pick beyond the first page", workerapi.Page{Purpose: purposePick, Language: "zh"}, false,
			browserless.Task{Do: "pick", Space: "Archive", Name: "drawing 24.dxf"},
			workerapi.Chosen{Operation: 1, Object: "ar24"}, true, "", ""},
		{"sign in on the way", workerapi.Page{Purpose: purposePick}, true,
			browserless.Task{Do: "pick", Account: "li.na", Password: "right-1", Space: "Fixtures", Name: "clamp.dxf"},
			workerapi.Chosen{Operation: 1, Object: "ob6"}, true, "", ""},
		{"held by another", workerapi.Page{Purpose: purposePick}, false,
			browserless.Task{Do: "pick", Space: "Gearbox 传动箱", Name: "input shaft.dxf", Checkout: true},
			workerapi.Chosen{}, false, "Wang Wei", "user"},
		{"wrong password", workerapi.Page{Purpose: purposeSignIn}, true,
			browserless.Task{Do: "signIn", Account: "li.na", Password: "wrong-1"}, workerapi.Chosen{}, false, "password", "user"},
		{"sign in", workerapi.Page{Purpose: purposeSignIn}, true,
			browserless.Task{Do: "signIn", Account: "li.na", Password: "right-1"}, workerapi.Chosen{}, true, "", ""},
		{"save as in a new folder", workerapi.Page{Purpose: purposeSaveAs, Name: "bracket.dxf"}, false,
			browserless.Task{Do: "saveAs", Space: "Fixtures", NewFolder: "Brackets"},
			workerapi.Chosen{Operation: 1, Space: "sp2", Folder: "newBrackets", Name: "bracket.dxf"}, true, "", ""},
		{"save as over another name", workerapi.Page{Purpose: purposeSaveAs, Name: "bracket.dxf"}, false,
			browserless.Task{Do: "saveAs", Space: "Fixtures", Name: "clamp.dxf"},
			workerapi.Chosen{}, false, "exists here already", "user"},
		{"cancel", workerapi.Page{Purpose: purposePick}, false, browserless.Task{Do: "cancel"}, workerapi.Chosen{}, false, "", "user"},
		{"close the window", workerapi.Page{Purpose: purposePick}, false, browserless.Task{Do: "close"}, workerapi.Chosen{}, false, "", "user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, service, _ := newTestRoom(t)
			service.signedIn, service.pageSize = !c.out, 10
			c.ask.Operation = 1
			url, _, _ := open(t, r, c.ask)
			result := make(chan browserless.Report, 1)
			go func() { result <- browserless.Run(t.Context(), url, c.task) }()
			if c.chosen != (workerapi.Chosen{}) {
				service.hear(t)
				if err := r.PageEnd(t.Context(), workerapi.PageEnd{Operation: 1, Path: "/somewhere"}); err != nil {
					t.Fatal(err)
				}
			}
			var got browserless.Report
			select {
			case got = <-result:
			case <-time.After(time.Minute):
				t.Fatal("the driver did not end")
			}
			if got.Error != "" || got.Good != c.good || (c.refused == "") != (got.Refused == "") || !strings.Contains(got.Refused, c.refused) {
				t.Errorf("report %+v", got)
			}
			if chosen, _ := service.lastChosen(); chosen != c.chosen {
				t.Errorf("chosen %+v, want %+v", chosen, c.chosen)
			}
			if by := strings.Join(service.closedBy(), " "); by != c.closed {
				t.Errorf("closed by %q, want %q", by, c.closed)
			}
		})
	}
}
