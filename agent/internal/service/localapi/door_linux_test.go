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

// good are params with which each method succeeds (against the test's rooms); bad
// are params of a wrong type, where the method has any.
var good = map[string]string{
	api.MethodAuthLogin:      `{"account":"a","password":"p"}`,
	api.MethodCheckin:        `{"object":"o1"}`,
	api.MethodList:           `{"space":"s1"}`,
	api.MethodOpen:           `{"object":"o1","version":2}`,
	api.MethodSave:           `{"path":"/home/a/x"}`,
	api.MethodSaveAs:         `{"path":"/home/a/x"}`,
	api.MethodSaveTo:         `{"path":"/home/a/x","space":"s1"}`,
	api.MethodLicenseRequest: `{"form":"string"}`,
	api.MethodLicenseVerify:  `{"ok":true}`,
	api.MethodVersions:       `{"object":"o1"}`,
	api.MethodOperation:      `{"operation":1}`,
	api.MethodCancel:         `{"operation":1}`,
}

var wrongType = map[string]string{
	api.MethodAuthLogin:      `{"account":1,"password":"p"}`,
	api.MethodSubscribe:      `{"since":"x"}`,
	api.MethodCheckin:        `{"object":true}`,
	api.MethodList:           `{"space":[]}`,
	api.MethodOpen:           `{"object":"o1","version":"new"}`,
	api.MethodPick:           `{"comeBack":{}}`,
	api.MethodSave:           `{"path":{}}`,
	api.MethodSaveAs:         `{"path":"/x","assembly":"yes"}`,
	api.MethodSaveTo:         `[]`,
	api.MethodLicenseRequest: `{"form":7}`,
	api.MethodLicenseVerify:  `{"ok":"true"}`,
	api.MethodVersions:       `"o1"`,
	api.MethodOperation:      `{"operation":1.5}`,
	api.MethodCancel:         `{"operation":"1"}`,
}

// expected is the code of a good call where it is not OK.
var expected = map[string]api.Code{
	api.MethodVersions: api.NotFound, // as the room says
	api.MethodDoctor:   api.Internal, // the room panics
}

func TestEveryMethodForEveryCaller(t *testing.T) {
	need.Root(t)
	a := start(t, nil)
	person, root := greet(t, a, alice, api.Hello{Product: "cad"}, alice), greet(t, a, 0, api.Hello{})
	names := make([]string, 0, len(methods))
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) != 24 {
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

// person_ is the who of the table; the test's clients are called person, too.
const person_ = person

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

func TestRefusalsSpeakTheSessionsLanguage(t *testing.T) {
	a := start(t, nil)
	for _, lang := range []string{"en", "zh-CN", ""} {
		c := greet(t, a, geteuid(), api.Hello{Language: lang})
		err := c.Call(t.Context(), "no.such", nil, nil)
		message, hint := api.Text(api.NotSupported, lang)
		var refusal *api.Error
		if !asError(err, &refusal) || refusal.Message != message || refusal.Hint != hint || message == "" {
			t.Errorf("%q: %+v, want %q", lang, refusal, message)
		}
	}
}

func TestMeaning(t *testing.T) {
	long := strings.Repeat("x", api.MaxPath)
	tests := []struct {
		name string
		err  error
		want api.Code
	}{
		{"path at the limit", checkPath("/" + long[1:]), api.OK},
		{"path over the limit", checkPath("/" + long), api.TooLarge},
		{"no path", checkPath(""), api.InvalidArgument},
		{"relative path", checkPath("x/y"), api.InvalidArgument},
		{"path with NUL", checkPath("/x\x00y"), api.InvalidArgument},
		{"path not UTF-8", checkPath("/\xff"), api.InvalidArgument},
		{"login without account", checkLogin(api.AuthLogin{Password: "p"}), api.InvalidArgument},
		{"login without password", checkLogin(api.AuthLogin{Account: "a"}), api.InvalidArgument},
		{"open of a negative version", checkOpen(api.Open{Object: "o", Version: -1}), api.InvalidArgument},
		{"open of nothing", checkOpen(api.Open{}), api.InvalidArgument},
		{"check-in of both", checkCheckin(api.Checkin{Path: "/x", Object: "o"}), api.InvalidArgument},
		{"check-in of neither", checkCheckin(api.Checkin{}), api.InvalidArgument},
		{"licence in no form", checkLicenseRequest(api.LicenseRequest{}), api.InvalidArgument},
		{"licence file that climbs", checkLicenseRequest(api.LicenseRequest{Form: "file", FileName: "../x"}), api.NameInvalid},
		{"licence file above", checkLicenseRequest(api.LicenseRequest{Form: "file", FileName: ".."}), api.NameInvalid},
		{"devInfo at the limit", checkLicenseRequest(api.LicenseRequest{Form: "string", DevInfo: strings.Repeat("x", api.MaxDevInfo)}), api.OK},
		{"devInfo over the limit", checkLicenseRequest(api.LicenseRequest{Form: "string", DevInfo: strings.Repeat("x", api.MaxDevInfo+1)}), api.TooLarge},
		{"comeBack over the limit", checkPick(api.Pick{ComeBack: strings.Repeat("x", api.MaxComeBack+1)}), api.TooLarge},
		{"a failed verdict without a word", checkVerify(api.LicenseVerify{}), api.InvalidArgument},
		{"a failed verdict", checkVerify(api.LicenseVerify{Error: "signature"}), api.OK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := api.CodeOf(tt.err); got != tt.want {
				t.Errorf("got %v, want code %d", tt.err, tt.want)
			}
		})
	}
}
