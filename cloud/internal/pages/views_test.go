package pages_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/pages"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// every lists each page of the console with its path's values filled in by ids that do not exist.
func every(t *testing.T) (list []pages.Page) {
	t.Helper()
	c, err := pages.New(pages.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return c.Pages()
}

var value = regexp.MustCompile(`\{[a-z]+\}`)

// TestEveryPageWithEveryRole: a page that is added later is tried as well.
func TestEveryPageWithEveryRole(t *testing.T) {
	s := newShop(t)
	s.Stranger(t, "far") // administrator of another organisation
	s.Member(t, "ann", "member")
	people := map[string]*browser{}
	for _, name := range []string{"ann", "far", "isv", "boss"} {
		people[name] = newBrowser(t, s.Cloud)
		people[name].signIn(name)
	}
	nobody := newBrowser(t, s.Cloud)
	may := map[pages.Need]string{pages.Anyone: "ann far isv boss", pages.OfMember: "ann far isv boss", pages.OfAdmin: "far isv boss", pages.OfMerchant: "isv", pages.OfOperator: "boss"}
	for _, p := range every(t) {
		method, path, _ := strings.Cut(p.Pattern, " ")
		path = value.ReplaceAllString(strings.TrimSuffix(path, "{$}"), "nothing")
		if path == "/console/sign-out" {
			continue // it would end the test's own sessions; TestSession tries it
		}
		t.Run(p.Pattern, func(t *testing.T) {
			for _, b := range people {
				b.during(t)
			}
			for name, b := range people {
				allowed := strings.Contains(" "+may[p.Need]+" ", " "+name+" ")
				var a answer
				if method == http.MethodGet {
					a = b.do(method, path, nil, nil)
				} else {
					a = b.send(path, url.Values{})
				}
				if got := strings.Contains(a.body, "not for your role"); got == allowed || a.status >= 500 || !allowed && a.status != http.StatusForbidden {
					t.Errorf("%s: status %d, allowed %v\n%s", name, a.status, allowed, a.body)
				}
				if method != http.MethodPost || !allowed {
					continue
				}
				if p.Need != pages.Anyone {
					for what, token := range map[string]string{"no token": "", "a false token": strings.Repeat("0", 64), "another session's": people[map[string]string{"boss": "isv", "isv": "boss", "ann": "boss", "far": "boss"}[name]].csrf()} {
						if a := b.do(method, path, url.Values{"csrf": {token}}, nil); a.status != http.StatusForbidden || !strings.Contains(a.body, "another sign-in") {
							t.Errorf("%s, %s: status %d", name, what, a.status)
						}
					}
				}
				form := url.Values{"csrf": {b.csrf()}}
				for what, change := range map[string]func(http.Header){
					"another origin":           func(h http.Header) { h.Set("Origin", "https://evil.example") },
					"another site":             func(h http.Header) { h.Set("Sec-Fetch-Site", "cross-site") },
					"a sister site":            func(h http.Header) { h.Set("Sec-Fetch-Site", "same-site") },
					"typed by hand":            func(h http.Header) { h.Set("Sec-Fetch-Site", "none") },
					"nothing at all":           func(h http.Header) { h.Del("Origin"); h.Del("Sec-Fetch-Site") },
					"null without a word more": func(h http.Header) { h.Del("Sec-Fetch-Site") },
					"two origins":              func(h http.Header) { h.Add("Origin", "https://evil.example") },
				} {
					if a := b.do(method, path, form, func(r *http.Request) { change(r.Header) }); a.status != http.StatusForbidden || !strings.Contains(a.body, "did not come from this site") {
						t.Errorf("%s, %s: status %d", name, what, a.status)
					}
				}
			}
			nobody.during(t)
			var a answer
			if method == http.MethodGet {
				a = nobody.do(method, path, nil, nil)
			} else {
				a = nobody.do(method, path, url.Values{}, nil)
			}
			switch {
			case p.Need == pages.Anyone:
			case method == http.MethodGet && (a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), "/console/sign-in")):
				t.Errorf("nobody: status %d %s", a.status, a.header.Get("Location"))
			case method == http.MethodPost && (a.status != http.StatusUnauthorized || !strings.Contains(a.body, "Your session has ended")):
				t.Errorf("nobody: status %d\n%s", a.status, a.body)
			}
		})
	}
}

func TestForms(t *testing.T) {
	_, b := start(t)
	csrf := b.csrf()
	for _, tt := range []struct {
		name   string
		form   url.Values
		change func(*http.Request)
		status int
		want   string
	}{
		{"too large", url.Values{"csrf": {csrf}, "name": {strings.Repeat("x", 65<<10)}}, nil, http.StatusRequestEntityTooLarge, "The form is too large"},
		{"another kind of body", url.Values{"csrf": {csrf}}, func(r *http.Request) { r.Header.Set("Content-Type", "application/json") }, http.StatusBadRequest, "could not be read"},
		{"no kind of body", url.Values{"csrf": {csrf}}, func(r *http.Request) { r.Header.Del("Content-Type") }, http.StatusBadRequest, "could not be read"},
		{"own origin", url.Values{"csrf": {csrf}, "name": {"Own"}}, func(r *http.Request) { r.Header.Set("Origin", "https://"+r.Host); r.Header.Del("Sec-Fetch-Site") }, http.StatusSeeOther, ""},
		{"own origin in clear", url.Values{"csrf": {csrf}, "name": {"Clear"}}, func(r *http.Request) { r.Header.Set("Origin", "http://"+r.Host) }, http.StatusForbidden, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b.during(t)
			b.holds(b.do("POST", "/console/departments/add", tt.form, tt.change), tt.status, []string{tt.want})
		})
	}
	broken := func(r *http.Request) {
		r.Body, r.ContentLength = http.NoBody, 0
		r.URL.RawQuery = "name=in+the+address"
	}
	if a := b.do("POST", "/console/departments/add", nil, broken); a.status != http.StatusForbidden {
		t.Errorf("a form in the address: %d", a.status)
	}
}

func TestMembersWalk(t *testing.T) {
	c, b := start(t)
	b.post("/console/members/add", url.Values{"account": {"Li.Na"}, "name": {"李娜 Li Na"}, "password": {"a2345678"}, "role": {"member"}}, "The member is added.", "李娜 Li Na", "li.na")
	for _, bad := range []struct{ field, value, want string }{
		{"account", "li na", "This account name cannot be used"}, {"account", "li.na", "This name is taken"}, {"name", "", "The name is missing"},
		{"name", strings.Repeat("x", 129), "The name is missing, too long"}, {"password", "short1", "This password cannot be used"}, {"role", "owner", "This role does not exist"},
	} {
		form := url.Values{"account": {"new"}, "name": {"Kept Name"}, "password": {"a2345678"}, "role": {"admin"}}
		form.Set(bad.field, bad.value)
		a := b.send("/console/members/add", form)
		b.holds(a, a.status, []string{bad.want, `role="alert"`})
		if a.status < 400 || strings.Contains(a.body, "a2345678") || bad.field != "name" && !strings.Contains(a.body, `value="Kept Name"`) {
			t.Errorf("%s %q: %d\n%s", bad.field, bad.value, a.status, a.body)
		}
	}
	b.refused("/console/members/role", url.Values{"account": {"boss"}, "role": {"member"}}, http.StatusForbidden, "The last administrator has to stay one", "Make another member an administrator first")
	b.refused("/console/members/remove", url.Values{"account": {"boss"}}, http.StatusForbidden, "The last administrator")
	b.post("/console/members/role", url.Values{"account": {"li.na"}, "role": {"admin"}}, "The role is changed.")
	b.post("/console/members/password", url.Values{"account": {"li.na"}, "password": {"fresh2horse"}}, "The password is reset")
	c.Refused(t, "POST", "/v1/login", nil, cloudapi.Login{Account: "li.na", Password: "a2345678"}, cloudapi.ErrWrongCredentials)

	// Another organisation's account does not exist here.
	c.Stranger(t, "far")
	for _, path := range []string{"role", "password", "remove", "department"} {
		b.refused("/console/members/"+path, url.Values{"account": {"far"}, "role": {"member"}, "password": {"fresh2horse"}}, http.StatusNotFound, "It does not exist")
	}
	b.holds(b.do("GET", "/console/members/of/far", nil, nil), http.StatusNotFound, []string{"It does not exist"})
	b.post("/console/members/remove", url.Values{"account": {"li.na"}}, "The member is removed.")
}

func TestDepartmentsAndSeats(t *testing.T) {
	c, b := start(t)
	for i := range 3 {
		c.Member(t, fmt.Sprint("m", i), "member")
	}
	b.post("/console/departments/add", url.Values{"name": {"Design"}}, "The department is added.")
	dep := func(name string) string {
		t.Helper()
		list, err := c.Store.ListDepartments(t.Context(), b.org())
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range list {
			if d.Name == name {
				return d.ID
			}
		}
		t.Fatalf("no department %s", name)
		return ""
	}
	design := dep("Design")
	b.post("/console/departments/add", url.Values{"name": {"Chassis"}, "parent": {design}})
	chassis := dep("Chassis")
	b.refused("/console/departments/add", url.Values{"name": {"design"}}, http.StatusConflict, "A department of this name stands there already", `value="design"`)
	b.refused("/console/departments/move", url.Values{"id": {design}, "parent": {chassis}}, http.StatusConflict, "A department cannot stand below itself")
	b.refused("/console/departments/remove", url.Values{"id": {design}}, http.StatusConflict, "Other departments stand below this one")
	b.refused("/console/departments/rename", url.Values{"id": {"dep_none"}, "name": {"X"}}, http.StatusNotFound, "It does not exist")
	b.post("/console/departments/rename", url.Values{"id": {chassis}, "name": {"Body"}}, "The department is renamed.")
	b.post("/console/members/department", url.Values{"account": {"m0"}, "department": {design}}, "The department is changed.")
	b.post("/console/members/department", url.Values{"account": {"m1"}, "department": {chassis}})
	b.get("/console/departments", "1 members, 2 with those below")
	b.get("/console/members?department="+design, "Member m0", "Design › Body")
	if a := b.get("/console/members?department=none", "Member m2"); strings.Contains(a.body, "Member m0") {
		t.Error("a member of a department stands among those without one")
	}
	if a := b.get("/console/members?q=MEMBER+m1", "Member m1"); strings.Contains(a.body, "Member m0") {
		t.Error("the filter lets others through")
	}

	inst := instance(t, c, 1)
	b.get("/console/licences", "0 of 1 assigned", "usable")
	b.refused("/console/licences/assign-department", url.Values{"instance": {inst}, "id": {design}}, http.StatusConflict, "Too few seats: 2 are needed, 1 of 1 are free", "Nobody has got one")
	b.post("/console/licences/assign-department", url.Values{"instance": {inst}, "id": {chassis}}, "Everyone in the department now holds the licence", "Member m1")
	b.post("/console/licences/assign-department", url.Values{"instance": {inst}, "id": {chassis}}, "held it already")
	b.refused("/console/licences/assign", url.Values{"instance": {inst}, "account": {"m0"}, "at": {"member"}}, http.StatusConflict, "All 1 seats are taken", "Member m0")
	b.refused("/console/licences/assign", url.Values{"instance": {inst}, "account": {"nobody"}}, http.StatusNotFound, "It does not exist", `value="nobody"`)
	b.refused("/console/licences/withdraw", url.Values{"instance": {inst}, "account": {"m0"}}, http.StatusNotFound, "It does not exist")
	b.post("/console/licences/withdraw-department", url.Values{"instance": {inst}, "id": {design}, "at": {"department"}}, "withdrawn from everyone")
	b.post("/console/licences/withdraw-department", url.Values{"instance": {inst}, "id": {design}}, "Nobody in the department held it")
	b.post("/console/departments/move", url.Values{"id": {chassis}, "parent": {""}}, "The department is moved.")
	b.post("/console/departments/remove", url.Values{"id": {chassis}}, "The department is removed.")
	b.post("/console/licences/assign-department", url.Values{"instance": {inst}, "id": {design}})
	m := newBrowser(t, c)
	m.signIn("m0")
	m.get("/console/", "You are a member of Works.", "cad")
}

func (b *browser) org() string {
	b.t.Helper()
	a, err := b.c.Store.Account(b.t.Context(), "boss")
	if err != nil {
		b.t.Fatal(err)
	}
	return a.Org
}

// TestHostileNames: whatever people and merchants write stays text.
func TestHostileNames(t *testing.T) {
	c, b := start(t)
	const hostile = `"><script>alert(1)</script>'&{{.D}}`
	b.post("/console/members/add", url.Values{"account": {"eve"}, "name": {hostile}, "password": {"a2345678"}, "role": {"member"}}, "The member is added.")
	b.post("/console/departments/add", url.Values{"name": {hostile}}, "The department is added.")
	list, err := c.Store.ListDepartments(t.Context(), b.org())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/console/members", "/console/members?q=" + url.QueryEscape(hostile), "/console/members/of/eve", "/console/departments", "/console/departments/" + list[0].ID,
		"/console/sign-in?to=" + url.QueryEscape(hostile), "/console/?lang=" + url.QueryEscape(hostile), "/console/?done=" + url.QueryEscape(hostile), "/console/" + url.PathEscape(hostile)} {
		a := b.follow(b.do("GET", path, nil, nil))
		if strings.Contains(a.body, "<script>") || strings.Contains(a.body, `""><`) || a.status >= 500 {
			t.Errorf("%s: %d\n%s", path, a.status, a.body)
		}
	}
	a := b.send("/console/members/add", url.Values{"account": {hostile}, "name": {hostile}})
	if strings.Contains(a.body, "<script>") {
		t.Errorf("a refused form lets it out:\n%s", a.body)
	}
}

// TestAnOrderWhoseResourceHasEnded: no merchant has answered anything, and the page says what happened.
func TestAnOrderWhoseResourceHasEnded(t *testing.T) {
	s := newShop(t)
	res := s.order(t, cloudapi.NewOrder{Type: "NEW", Spec: "OFFI200", Amount: 2, Periods: 1}, meta.ResourceDelivering)
	boss := apitest.Bearer(s.Login(t, "boss").AccessToken)
	s.Must(t, "POST", "/v1/market/orders", boss, cloudapi.NewOrder{Organisation: s.org, Type: "UNSUBSCRIBE", Resource: res.ID}, nil, http.StatusCreated)
	b := newBrowser(t, s.Cloud)
	b.signIn("boss")
	b.get("/console/resources/"+res.ID, "the resource ended before the order was settled")
}

func TestLongLists(t *testing.T) {
	c, b := start(t)
	for i := range 119 { // and boss
		if err := c.Store.AddMember(t.Context(), meta.Account{Account: fmt.Sprintf("m%03d", i), Name: fmt.Sprintf("Name %03d", i), Role: "member", Org: b.org(), Password: "x"}, meta.Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	first := b.get("/console/members", "1 to 50 of 120", "Name 000", `href="/console/members?page=2"`)
	if strings.Contains(first.body, "Name 049") || strings.Contains(first.body, ">Previous page<") {
		t.Error("the first page holds more")
	}
	b.get("/console/members?page=2&q=name", "51 to 100 of 119", `href="/console/members?page=3&amp;q=name"`, `href="/console/members?page=1&amp;q=name"`)
	if last := b.get("/console/members?page=3", "101 to 120 of 120"); strings.Contains(last.body, ">Next page<") {
		t.Error("the last page offers more")
	}
	for _, page := range []string{"0", "-1", "99", "x", "99999999999999999999"} {
		b.get("/console/members?page="+page, " of 120")
	}
}

// instance makes a licence instance of product cad for a year.
func instance(t *testing.T, c *apitest.Cloud, seats int) string {
	t.Helper()
	boss := apitest.Bearer(c.Login(t, "boss").AccessToken)
	c.Do(t, "POST", "/v1/products", boss, cloudapi.Product{ID: "cad", Name: "Gear CAD"})
	var out cloudapi.Instance
	now := c.Clock.Now()
	c.Must(t, "POST", "/v1/instances", boss, cloudapi.NewInstance{Product: "cad", Features: []string{"draw"}, Seats: seats, From: now.Add(-24 * time.Hour), Until: now.Add(365 * 24 * time.Hour)}, &out, http.StatusCreated)
	return out.ID
}
