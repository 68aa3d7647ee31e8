package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// path fills a route's pattern with ids that do not exist.
func path(pattern string) (method, p string) {
	method, p, _ = strings.Cut(pattern, " ")
	for strings.Contains(p, "{") {
		a, b := strings.Index(p, "{"), strings.Index(p, "}")
		p = p[:a] + "nothing" + p[b+1:]
	}
	return method, p
}

// TestEachCallAsksWhoCalls walks every registered route, so that a route that is added later is tried
// as well: without a token, with a token of each wrong kind, and with a role that is too small.
// The bodies are missing: the token and the role are checked before.
func TestEachCallAsksWhoCalls(t *testing.T) {
	c := apitest.Start(t)
	member := c.Member(t, "ann", "member")
	device := c.Enrol(t, "desk")
	stranger := c.Stranger(t, "eve")
	ended := c.Login(t, "boss")
	c.Must(t, "POST", "/v1/logout", apitest.Bearer(ended.AccessToken), nil, nil, http.StatusNoContent)
	for _, r := range c.App.API.Routes() {
		method, p := path(r.Pattern)
		t.Run(r.Pattern, func(t *testing.T) {
			try := func(who string, h http.Header, want string) {
				t.Helper()
				if got := c.Do(t, method, p, h, nil).Code(); got != want {
					t.Errorf("%s: code %q, want %q", who, got, want)
				}
			}
			if r.Need == httpapi.Open {
				if got := c.Do(t, method, p, nil, nil).Code(); got == cloudapi.ErrUnauthenticated || got == cloudapi.ErrInternal {
					t.Errorf("an open route without a token: %q", got)
				}
				return
			}
			try("nobody", nil, cloudapi.ErrUnauthenticated)
			try("a refresh token", apitest.Bearer(c.Boss.RefreshToken), cloudapi.ErrUnauthenticated)
			try("a device token", apitest.Bearer(device.Token), cloudapi.ErrUnauthenticated)
			try("a revoked token", apitest.Bearer(ended.AccessToken), cloudapi.ErrUnauthenticated)
			switch r.Need {
			case httpapi.OfAdmin:
				try("a member", apitest.Bearer(member.AccessToken), cloudapi.ErrForbidden)
			case httpapi.OfOperator:
				try("a member", apitest.Bearer(member.AccessToken), cloudapi.ErrForbidden)
				try("an administrator of another organisation", apitest.Bearer(stranger.AccessToken), cloudapi.ErrForbidden)
			case httpapi.OfMerchant:
				try("a member", apitest.Bearer(member.AccessToken), cloudapi.ErrForbidden)
				try("the operator, who does not sell", apitest.Bearer(c.Boss.AccessToken), cloudapi.ErrForbidden)
			case httpapi.OfUserOnDevice:
				try("a user without a device", apitest.Bearer(member.AccessToken), cloudapi.ErrUnauthenticated)
				try("a user with a false device", apitest.OnDevice(member.AccessToken, "iscd_false"), cloudapi.ErrUnauthenticated)
				try("a user with a user's token as device", apitest.OnDevice(member.AccessToken, member.AccessToken), cloudapi.ErrUnauthenticated)
			case httpapi.OfTransfer, httpapi.OfTransferWrite:
				try("a user's token", apitest.Bearer(member.AccessToken), cloudapi.ErrUnauthenticated)
			}
		})
	}
}

// TestPathsAndMethodsThatDoNotExist: only someone with a token learns what exists, except on open paths.
func TestPathsAndMethodsThatDoNotExist(t *testing.T) {
	c := apitest.Start(t)
	boss := apitest.Bearer(c.Boss.AccessToken)
	for _, tt := range []struct {
		name, method, path string
		header             http.Header
		status             int
		allow              string
	}{
		{"path, nobody", "GET", "/v1/nothing", nil, 401, ""},
		{"path, user", "GET", "/v1/nothing", boss, 404, ""},
		{"dots in a route's path, nobody", "GET", "/v1/spaces/%2e%2e%2fx/entries", nil, 401, ""},
		{"dots in a route's path, user", "GET", "/v1/spaces/%2e%2e%2fx/entries", boss, 404, ""},
		{"two slashes in a route's path", "GET", "/v1/spaces/a%2f%2fb/entries", boss, 404, ""},
		{"root", "GET", "/", boss, 404, ""},
		{"double slash", "GET", "/v1//me", boss, 404, ""},
		{"dots", "GET", "/v1/members/../me", boss, 404, ""},
		{"trailing slash", "GET", "/v1/me/", boss, 404, ""},
		{"method, nobody", "DELETE", "/v1/members", nil, 401, ""},
		{"method, user", "DELETE", "/v1/members", boss, 405, "GET, HEAD, POST"},
		{"method of an open path", "GET", "/v1/login", nil, 405, "POST"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := c.Do(t, tt.method, tt.path, tt.header, nil)
			if a.Status != tt.status || a.Header.Get("Allow") != tt.allow || a.Code() == "" {
				t.Errorf("status %d allow %q body %s, want %d %q", a.Status, a.Header.Get("Allow"), a.Body, tt.status, tt.allow)
			}
		})
	}
}

func TestMembers(t *testing.T) {
	c := apitest.Start(t)
	boss := apitest.Bearer(c.Boss.AccessToken)
	good := cloudapi.NewMember{Account: "ann", Name: "安娜 Ann", Password: "a2345678", Role: "member"}
	for _, tt := range []struct {
		name   string
		change func(*cloudapi.NewMember)
		want   string
	}{
		{"good", func(*cloudapi.NewMember) {}, ""},
		{"again", func(*cloudapi.NewMember) {}, cloudapi.ErrNameExists},
		{"again in capitals", func(m *cloudapi.NewMember) { m.Account = "ANN" }, cloudapi.ErrNameExists},
		{"account of 64", func(m *cloudapi.NewMember) { m.Account = strings.Repeat("a", 64) }, ""},
		{"account of 65", func(m *cloudapi.NewMember) { m.Account = strings.Repeat("a", 65) }, cloudapi.ErrInvalid},
		{"account empty", func(m *cloudapi.NewMember) { m.Account = "" }, cloudapi.ErrInvalid},
		{"account with a blank", func(m *cloudapi.NewMember) { m.Account = "a b" }, cloudapi.ErrInvalid},
		{"name empty", func(m *cloudapi.NewMember) { m.Name = "" }, cloudapi.ErrInvalid},
		{"password of 7", func(m *cloudapi.NewMember) { m.Password = "a234567" }, cloudapi.ErrInvalid},
		{"password of 8", func(m *cloudapi.NewMember) { m.Account, m.Password = "a8", "a2345678" }, ""},
		{"password of 128", func(m *cloudapi.NewMember) { m.Account, m.Password = "a128", strings.Repeat("a1", 64) }, ""},
		{"password of 129", func(m *cloudapi.NewMember) { m.Password = strings.Repeat("a1", 64) + "x" }, cloudapi.ErrInvalid},
		{"password without a digit", func(m *cloudapi.NewMember) { m.Password = "abcdefgh" }, cloudapi.ErrInvalid},
		{"password without a letter", func(m *cloudapi.NewMember) { m.Password = "12345678" }, cloudapi.ErrInvalid},
		{"password with a blank", func(m *cloudapi.NewMember) { m.Password = "a1 345678" }, cloudapi.ErrInvalid},
		{"password in Chinese", func(m *cloudapi.NewMember) { m.Account, m.Password = "zh", "密码密码密码密码1" }, ""},
		{"role unknown", func(m *cloudapi.NewMember) { m.Role = "owner" }, cloudapi.ErrInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := good
			tt.change(&m)
			c.Refused(t, "POST", "/v1/members", boss, m, tt.want)
		})
	}
	var list cloudapi.Members
	c.Must(t, "GET", "/v1/members", boss, nil, &list, http.StatusOK)
	if len(list.Members) != 6 || list.Members[0].Account != "a128" {
		t.Errorf("members: %+v", list)
	}
	c.Refused(t, "DELETE", "/v1/members/boss", boss, nil, cloudapi.ErrForbidden) // the last administrator
	c.Member(t, "vice", "admin")
	c.Must(t, "DELETE", "/v1/members/boss", boss, nil, nil, http.StatusNoContent)
	c.Refused(t, "GET", "/v1/me", boss, nil, cloudapi.ErrUnauthenticated)
}

// TestOrganisationsDoNotSeeEachOther: another organisation's administrator gets not_found, as if there were nothing.
func TestOrganisationsDoNotSeeEachOther(t *testing.T) {
	c := apitest.Start(t)
	c.Member(t, "ann", "member")
	boss, far := apitest.Bearer(c.Boss.AccessToken), apitest.Bearer(c.Stranger(t, "far").AccessToken)
	inst := instance(t, c, "cad", 2)
	for _, call := range []struct {
		method, path string
		body         any
	}{
		{"DELETE", "/v1/members/ann", nil},
		{"POST", "/v1/members/ann/revoke", nil},
		{"PUT", "/v1/instances/" + inst.ID + "/status", cloudapi.InstanceStatus{Status: "frozen"}},
		{"PUT", "/v1/instances/" + inst.ID + "/assignments/far", nil},
		{"PUT", "/v1/instances/" + inst.ID + "/assignments/ann", nil},
		{"DELETE", "/v1/instances/" + inst.ID + "/assignments/ann", nil},
	} {
		c.Refused(t, call.method, call.path, far, call.body, cloudapi.ErrNotFound)
	}
	c.Refused(t, "PUT", "/v1/instances/"+inst.ID+"/assignments/far", boss, nil, cloudapi.ErrNotFound)
	var members cloudapi.Members
	c.Must(t, "GET", "/v1/members", far, nil, &members, http.StatusOK)
	var instances cloudapi.Instances
	c.Must(t, "GET", "/v1/instances", far, nil, &instances, http.StatusOK)
	var audit cloudapi.Audit
	c.Must(t, "GET", "/v1/audit", far, nil, &audit, http.StatusOK)
	if len(members.Members) != 1 || len(instances.Instances) != 0 {
		t.Errorf("the stranger sees %+v, %+v", members, instances)
	}
	for _, e := range audit.Entries {
		if e.Account != "far" {
			t.Errorf("the stranger sees %+v", e)
		}
	}
}

// instance adds a product (when it is new) and an instance of it from yesterday for a year.
func instance(t *testing.T, c *apitest.Cloud, product string, seats int) cloudapi.Instance {
	t.Helper()
	boss := apitest.Bearer(c.Login(t, "boss").AccessToken)
	c.Do(t, "POST", "/v1/products", boss, cloudapi.Product{ID: product, Name: "Product " + product})
	var out cloudapi.Instance
	now := c.Clock.Now()
	c.Must(t, "POST", "/v1/instances", boss, cloudapi.NewInstance{Product: product, Features: []string{"draw", "step.export"}, Seats: seats,
		From: now.Add(-24 * time.Hour), Until: now.Add(365 * 24 * time.Hour)}, &out, http.StatusCreated)
	return out
}
