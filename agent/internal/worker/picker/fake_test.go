package picker

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// fakeService plays the service: a small drive in memory, refusals on demand.
type fakeService struct {
	mu       sync.Mutex // guards all below
	signedIn bool
	spaces   []api.Space
	entries  map[string][]api.Entry // by space + "/" + folder
	path     map[string][]api.Entry // by folder
	refuse   map[string]error       // by method
	wait     map[string]chan struct{}
	pageSize int
	chosen   []workerapi.Chosen
	notices  []workerapi.PageClosed
	logins   []api.AuthLogin
	calls    []string
	heard    chan struct{} // one for each notice and choice
}

var day = time.Date(2026, 3, 14, 9, 30, 0, 0, time.UTC)

func newFakeService() *fakeService {
	until := day.Add(50 * time.Hour)
	f := &fakeService{
		signedIn: true, pageSize: 200,
		spaces: []api.Space{
			{ID: "sp1", Name: "Gearbox 传动箱", Role: cloudapi.RoleOwner},
			{ID: "sp2", Name: "Fixtures", Role: cloudapi.RoleEditor},
			{ID: "sp3", Name: "Standard parts", Role: cloudapi.RoleViewer},
			{ID: "sp4", Name: "Archive", Role: cloudapi.RoleEditor},
		},
		refuse: map[string]error{}, wait: map[string]chan struct{}{},
		heard: make(chan struct{}, 1024),
	}
	housing := api.Entry{ID: "fo1", Kind: "folder", Name: "Housing", Modified: day}
	seals := api.Entry{ID: "fo2", Kind: "folder", Name: "Seals <2026>", Modified: day.Add(-time.Hour)}
	f.path = map[string][]api.Entry{"fo1": {housing}, "fo2": {housing, seals}}
	f.entries = map[string][]api.Entry{
		"sp1/": {
			housing,
			{ID: "ob0", Kind: "assembly", Name: "Gearbox GX-40", Size: 288358400, Version: 12, Modified: day.Add(20 * time.Minute), By: "li.na"},
			{ID: "ob1", Kind: "file", Name: "bearing cover.dxf", Size: 48211, Version: 3, Modified: day, By: "li.na"},
			{ID: "ob2", Kind: "file", Name: "input shaft.dxf", Size: 1258291, Version: 7, Modified: day.Add(-26 * time.Hour), By: "wang.wei",
				Holder: &api.Holder{Account: "wang.wei", Name: "Wang Wei", Machine: "ws-17", Since: day, Until: until}},
			{ID: "ob3", Kind: "file", Name: "output flange.dxf", Size: 903, Version: 1, Modified: day.Add(-90 * time.Hour), By: "engineer",
				Holder: &api.Holder{Account: "engineer", Name: "Engineer", Machine: "here", Since: day, Until: until, Mine: true}},
			{ID: "ob4", Kind: "file", Name: "输出轴 总图.dxf", Size: 77123, Version: 2, Modified: day, By: "li.na"},
		},
		"sp1/fo1": {seals, {ID: "ob5", Kind: "file", Name: "upper housing.dxf", Size: 52000, Version: 4, Modified: day, By: "li.na"}},
		"sp1/fo2": {},
		"sp2/":    {{ID: "ob6", Kind: "file", Name: "clamp.dxf", Size: 12000, Version: 1, Modified: day, By: "engineer"}},
		"sp3/":    {{ID: "ob7", Kind: "file", Name: "DIN 912 M8.dxf", Size: 8000, Version: 1, Modified: day, By: "library"}},
	}
	for i := range 25 {
		f.entries["sp4/"] = append(f.entries["sp4/"], api.Entry{ID: fmt.Sprintf("ar%02d", i), Kind: "file", Name: fmt.Sprintf("drawing %02d.dxf", i), Size: 1000, Version: 1, Modified: day, By: "li.na"})
	}
	return f
}

func (f *fakeService) Notify(method string, params any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if method == workerapi.NoticeClosed {
		f.notices = append(f.notices, params.(workerapi.PageClosed))
		f.heard <- struct{}{}
	}
	return nil
}

func (f *fakeService) Call(ctx context.Context, method string, params, result any) error {
	f.mu.Lock()
	f.calls = append(f.calls, method)
	gate, refusal := f.wait[method], f.refuse[method]
	f.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if refusal != nil {
		return refusal
	}
	answer, err := f.answer(method, params)
	if err != nil || result == nil {
		return err
	}
	raw, err := json.Marshal(answer) // as the link would carry it
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, result)
}

func (f *fakeService) answer(method string, params any) (any, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if method == workerapi.MethodSignIn {
		login := params.(workerapi.SignIn).AuthLogin
		f.logins = append(f.logins, login)
		if login.Password != "right-1" {
			return nil, &api.Error{Code: api.WrongCredentials, Detail: "cloud answered 401"}
		}
		f.signedIn = true
		return api.AuthStatus{SignedIn: true, Account: login.Account}, nil
	}
	if !f.signedIn {
		return nil, &api.Error{Code: api.NotSignedIn}
	}
	switch p := params.(type) {
	case api.OperationRef:
		return api.Spaces{Spaces: f.spaces}, nil
	case workerapi.List:
		all, ok := f.entries[p.Space+"/"+p.Folder]
		if !ok {
			return nil, &api.Error{Code: api.NotFound}
		}
		from := 0
		if p.After != "" {
			if _, err := fmt.Sscan(p.After, &from); err != nil {
				return nil, err
			}
		}
		out := api.Listing{Path: f.path[p.Folder], Entries: all[from:min(from+f.pageSize, len(all))]}
		if from+f.pageSize < len(all) {
			out.Next = fmt.Sprint(from + f.pageSize)
		}
		return out, nil
	case workerapi.Versions:
		for _, list := range f.entries {
			for _, e := range list {
				if e.ID != p.Object {
					continue
				}
				var out api.Versions
				for n := e.Version; n >= 1; n-- {
					out.Versions = append(out.Versions, api.Version{Number: n, Size: e.Size - 10*(e.Version-n), Created: e.Modified.Add(-24 * time.Hour * time.Duration(e.Version-n)), By: e.By})
				}
				return out, nil
			}
		}
		return nil, &api.Error{Code: api.NotFound}
	case workerapi.NewFolder:
		made := api.Entry{ID: "new" + p.Name, Kind: "folder", Name: p.Name, Modified: day}
		key := p.Space + "/" + p.Parent
		f.entries[key] = append([]api.Entry{made}, f.entries[key]...)
		f.entries[p.Space+"/"+made.ID] = nil
		f.path[made.ID] = append(append([]api.Entry{}, f.path[p.Parent]...), made)
		return made, nil
	case workerapi.Chosen:
		f.chosen = append(f.chosen, p)
		f.heard <- struct{}{}
		return api.None{}, nil
	}
	return nil, fmt.Errorf("fake service: %s with %T", method, params)
}

func (f *fakeService) set(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse[method] = err
}

func (f *fakeService) lastChosen() (workerapi.Chosen, int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.chosen) == 0 {
		return workerapi.Chosen{}, 0
	}
	return f.chosen[len(f.chosen)-1], len(f.chosen)
}

func (f *fakeService) closedBy() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var by []string
	for _, n := range f.notices {
		by = append(by, n.By)
	}
	return by
}

// hear waits for the next notice or choice.
func (f *fakeService) hear(t *testing.T) {
	t.Helper()
	select {
	case <-f.heard:
	case <-time.After(time.Minute):
		t.Fatal("the service heard nothing")
	}
}

// newTestRoom is a Room of the test's own user.
func newTestRoom(t *testing.T) (*Room, *fakeService, *clocktest.Clock) {
	t.Helper()
	service, clock := newFakeService(), clocktest.New(day)
	r := New(Config{Service: service, Clock: clock, User: ownUser(t)})
	t.Cleanup(r.Close)
	return r, service, clock
}

// open opens a page and splits its address.
func open(t *testing.T, r *Room, ask workerapi.Page) (url, base, token string) {
	t.Helper()
	got, err := r.Page(t.Context(), ask)
	if err != nil {
		t.Fatalf("open page: %v", err)
	}
	base, token, ok := strings.Cut(got.URL, "/#")
	if !ok {
		t.Fatalf("address without a fragment: %q", got.URL)
	}
	return got.URL, base, token
}
