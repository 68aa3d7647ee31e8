package localapi

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestEveryMethodForEveryCaller(t *testing.T) {
	need.Root(t)
	a := start(t, nil)
	person, root := greet(t, a, alice, api.Hello{Product: "cad"}, alice), greet(t, a, 0, api.Hello{})
	names := make([]string, 0, len(methods))
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) != 25 {
		t.Errorf("the table has %d methods; name a new one in this test's tables", len(names))
	}
	call := func(c *client, name, params string) api.Code {
		var raw json.RawMessage
		if params != "" {
			raw = json.RawMessage(params)
		}
		return api.CodeOf(c.Call(t.Context(), name, raw, nil))
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			want := expected[name]
			if name == api.MethodCancel { // operation 1 is one of this user's from an earlier case
				if _, err := a.begin(caller.Actor{UID: user(alice), Product: "cad"}, "x"); err != nil {
					t.Fatal(err)
				}
			}
			if got := call(person, name, good[name]); got != want && !(name == api.MethodCancel && got == api.NotFound) {
				t.Errorf("a person gets %d, want %d", got, want)
			}
			wantRoot := want
			if methods[name].may == person_ {
				wantRoot = api.RootCaller
			}
			if got := call(root, name, good[name]); got != wantRoot && !(name == api.MethodCancel && got == api.NotFound) {
				t.Errorf("root gets %d, want %d", got, wantRoot)
			}
			if strings.HasPrefix(name, "files.") != (methods[name].may == person_) {
				t.Error("file methods, and only they, are closed to root")
			}
			if bad, ok := wrongType[name]; ok {
				if got := call(person, name, bad); got != api.InvalidArgument {
					t.Errorf("wrong types: %d", got)
				}
				// Permission comes before syntax: root learns nothing about it.
				if got := call(root, name, bad); methods[name].may == person_ && got != api.RootCaller {
					t.Errorf("root with wrong types: %d", got)
				}
			}
		})
	}
	for name, want := range map[string]api.Code{"": 0, "files.delete": api.NotSupported, "Hello": api.NotSupported, api.MethodHello: api.Protocol} {
		if name == "" {
			continue
		}
		if got := call(person, name, ""); got != want {
			t.Errorf("method %q: %d, want %d", name, got, want)
		}
	}
}

func TestActorIsTheKernelsWord(t *testing.T) {
	need.Root(t)
	a := start(t, nil)
	c := greet(t, a, alice, api.Hello{Product: "cad", AppVersion: "1.2", Language: "zh-CN"}, alice, 64260, 64270)
	if err := c.Call(t.Context(), api.MethodAuthStatus, map[string]any{"uid": 0, "UID": 0}, nil); err != nil {
		t.Fatal(err)
	}
	got := a.rooms.last
	if got.UID != user(alice) || got.GID != alice || !slices.Equal(got.Groups, []int{alice, 64260, 64270}) ||
		got.Product != "cad" || got.AppVersion != "1.2" || got.Language != "zh-CN" || got.Session == "" || got.Session == c.hello.Session {
		t.Errorf("actor %+v", got)
	}
	if c.hello.User != "uid:64201" || !c.hello.System || c.hello.Heartbeat != 30 {
		t.Errorf("hello %+v", c.hello)
	}
}
