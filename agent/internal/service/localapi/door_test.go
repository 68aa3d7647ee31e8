package localapi

import (
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// person_ is the who of the table; the test's clients are called person, too.
const person_ = person

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
		{"path at the limit", checkPath(root + long[len(root):]), api.OK},
		{"path over the limit", checkPath(root + long), api.TooLarge},
		{"no path", checkPath(""), api.InvalidArgument},
		{"relative path", checkPath("x/y"), api.InvalidArgument},
		{"path with NUL", checkPath(root + "x\x00y"), api.InvalidArgument},
		{"path not UTF-8", checkPath(root + "\xff"), api.InvalidArgument},
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
	api.MethodLicenseImport:  `{"part":"eA==","offset":0,"size":1}`,
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
	api.MethodLicenseImport:  `{"part":"eA==","offset":0,"size":"1"}`,
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
