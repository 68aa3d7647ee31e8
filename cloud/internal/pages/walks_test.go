package pages_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestWalks goes through the console as people do, in both languages, each page looked at by axe.
func TestWalks(t *testing.T) {
	chrome := chromium(t)
	for _, lang := range []string{"en", "zh-CN"} {
		t.Run("members-"+lang, func(t *testing.T) { membersWalk(t, tab(t, chrome, lang), lang) })
		t.Run("buyer-"+lang, func(t *testing.T) { buyerWalk(t, tab(t, chrome, lang), lang) })
	}
	t.Run("narrow and dark", func(t *testing.T) { narrowWalk(t, tab(t, chrome, "zh-CN")) })
	t.Run("switch of language", func(t *testing.T) { languageWalk(t, tab(t, chrome, "en")) })
}

func signIn(t *testing.T, ctx context.Context, c *apitest.Cloud, to, account string) {
	t.Helper()
	run(t, ctx, chromedp.Navigate(c.URL+to), chromedp.WaitVisible("#account"), chromedp.SendKeys("#account", account),
		chromedp.SendKeys("#password", apitest.Password+kb.Enter), chromedp.WaitVisible(".nav"))
}

// notice waits for the page that a form leads to; the page before may show a notice of its own.
func notice(t *testing.T, ctx context.Context, done string) {
	t.Helper()
	run(t, ctx, chromedp.WaitVisible(`.notice[data-done="`+done+`"]`))
}

func membersWalk(t *testing.T, ctx context.Context, lang string) {
	c := apitest.Start(t)
	boss, err := c.Store.Account(ctx, "boss")
	if err != nil {
		t.Fatal(err)
	}
	org := boss.Org
	for i, name := range []string{"王伟", "Li Na 李娜", "Zhang Min", "Grace Okafor"} {
		if err := c.Store.AddMember(ctx, meta.Account{Account: fmt.Sprint("engineer", i), Name: name, Role: "member", Org: org, Password: "x", Created: c.Clock.Now()}, meta.Entry{}); err != nil {
			t.Fatal(err)
		}
	}
	inst := instance(t, c, 2)
	run(t, ctx, chromedp.Navigate(c.URL+"/console/members"), chromedp.WaitVisible("#account"))
	if got := eval[string](t, ctx, "document.documentElement.lang"); got != lang {
		t.Errorf("lang %q", got)
	}
	accessible(t, ctx, "signin-"+lang)
	run(t, ctx, chromedp.SendKeys("#account", "boss"), chromedp.SendKeys("#password", "wrong1horse"+kb.Enter), chromedp.WaitVisible("#problem"))
	accessible(t, ctx, "signin-wrong-"+lang)
	if got := eval[string](t, ctx, "document.activeElement.id + '|' + document.getElementById('account').value"); got != "problem|boss" {
		t.Errorf("after a refusal: %q", got)
	}
	run(t, ctx, chromedp.SendKeys("#password", apitest.Password+kb.Enter), chromedp.WaitVisible(`a[href="/console/members/new"]`)) // where the address pointed
	if got := eval[string](t, ctx, "document.cookie + JSON.stringify(localStorage)"); got != "{}" {
		t.Errorf("a script can read %q", got)
	}

	// Departments, one below the other.
	names := map[string][2]string{"en": {"Design", "Chassis"}, "zh-CN": {"设计部", "底盘组"}}[lang]
	run(t, ctx, chromedp.Navigate(c.URL+"/console/departments"), chromedp.WaitVisible("#name"))
	accessible(t, ctx, "departments-none-"+lang)
	run(t, ctx, chromedp.SendKeys("#name", names[0]), chromedp.Click("#add-button"))
	notice(t, ctx, "department.added")
	run(t, ctx, chromedp.SendKeys("#name", names[1]), chromedp.SetValue("#parent", eval[string](t, ctx, `document.querySelector("#parent option:last-child").value`)), chromedp.Click("#add-button"),
		chromedp.WaitVisible(".tree ul ul"))
	accessible(t, ctx, "departments-"+lang)

	// A new member in the lower one.
	run(t, ctx, chromedp.Navigate(c.URL+"/console/members/new"), chromedp.WaitVisible("#name"))
	accessible(t, ctx, "member-new-"+lang)
	lower := eval[string](t, ctx, `document.querySelector("#department option:last-child").value`)
	run(t, ctx, chromedp.SendKeys("#account", "chen.yu"), chromedp.SendKeys("#name", "陈宇 Chen Yu"), chromedp.SetValue("#department", lower), chromedp.SendKeys("#password", "first1horse"+kb.Enter))
	notice(t, ctx, "member.added")
	accessible(t, ctx, "member-"+lang)
	for i := range 2 {
		run(t, ctx, chromedp.Navigate(fmt.Sprintf("%s/console/members/of/engineer%d", c.URL, i)), chromedp.WaitVisible("#move"), chromedp.SetValue("#department", lower), chromedp.Click("#move"))
		notice(t, ctx, "member.department")
	}

	// Three in the department, two seats: nobody gets one. One seat given by hand, then withdrawn.
	run(t, ctx, chromedp.Navigate(c.URL+"/console/licences"), chromedp.WaitVisible("meter"))
	accessible(t, ctx, "licences-"+lang)
	run(t, ctx, chromedp.Click(`.list a`), chromedp.WaitVisible("#assign-department"), chromedp.SetValue("#id", lower), chromedp.Click("#assign-department"), chromedp.WaitVisible("#problem"))
	accessible(t, ctx, "licence-few-"+lang)
	if list, err := c.Store.Instances(ctx, org); err != nil || len(list[0].Assigned) != 0 {
		t.Errorf("after too few seats: %+v, %v", list, err)
	}
	run(t, ctx, chromedp.SetValue("#account", "chen.yu"), chromedp.Click("#assign"))
	notice(t, ctx, "assigned")
	accessible(t, ctx, "licence-"+lang)
	run(t, ctx, chromedp.Click(`.list button`))
	notice(t, ctx, "withdrawn")
	run(t, ctx, chromedp.Navigate(c.URL+"/console/members"), chromedp.WaitVisible(".list"))
	if err := c.Store.Assign(ctx, org, inst, "engineer1", meta.Entry{}); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.SendKeys("#q", "engineer"+kb.Enter), chromedp.WaitVisible(`.tools a`))
	accessible(t, ctx, "members-"+lang)

	// Removing asks first.
	run(t, ctx, chromedp.Navigate(c.URL+"/console/members/of/engineer3"), chromedp.WaitVisible("#remove-open"))
	if eval[bool](t, ctx, `document.getElementById("remove").checkVisibility()`) {
		t.Error("a member can be removed by one click")
	}
	run(t, ctx, chromedp.Click("#remove-open"), chromedp.WaitVisible("#remove"))
	accessible(t, ctx, "member-remove-"+lang)
	run(t, ctx, chromedp.Click("#remove"))
	notice(t, ctx, "member.removed")
	run(t, ctx, chromedp.Navigate(c.URL+"/console/"), chromedp.WaitVisible("#change"))
	accessible(t, ctx, "home-"+lang)
	run(t, ctx, chromedp.Click(".top form button"), chromedp.WaitVisible("#account"))
	accessible(t, ctx, "signed-out-"+lang)
	run(t, ctx, chromedp.Navigate(c.URL+"/console/nothing"), chromedp.WaitVisible(".note"))
	accessible(t, ctx, "nothing-"+lang)
}

const device = "04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672"

func buyerWalk(t *testing.T, ctx context.Context, lang string) {
	s := newShop(t)
	signIn(t, ctx, s.Cloud, "/console/resources", "boss")
	accessible(t, ctx, "resources-none-"+lang)

	// The operator orders two products.
	run(t, ctx, chromedp.Navigate(s.URL+"/console/orders/new"), chromedp.WaitVisible("#order"))
	accessible(t, ctx, "order-new-"+lang)
	run(t, ctx, chromedp.SetValue("#org", s.org), chromedp.SetValue("#spec", "OFFI100"), chromedp.SetValue("#amount", "2"), chromedp.SetValue("#periods", "1"), chromedp.Click("#order"))
	notice(t, ctx, "ordered")
	cad := s.bought(t, ctx, "cad")
	s.until(t, cad, func(r meta.Resource) bool { return r.State == meta.ResourceActive })
	cae := s.order(t, cloudapi.NewOrder{Type: "TRIAL", Spec: "OFFI200", Amount: 5}, meta.ResourceDelivering).ID
	run(t, ctx, chromedp.Navigate(s.URL+"/console/orders"), chromedp.WaitVisible(".list"))
	accessible(t, ctx, "orders-"+lang)
	run(t, ctx, chromedp.Navigate(s.URL+"/console/orders/change?resource="+cad), chromedp.WaitVisible("#renew"))
	accessible(t, ctx, "order-change-"+lang)
	run(t, ctx, chromedp.Navigate(s.URL+"/console/resources"), chromedp.WaitVisible(".list"))
	accessible(t, ctx, "resources-"+lang)

	// A licence: refused without a fingerprint, asked for with one, followed without a reload, downloaded.
	run(t, ctx, chromedp.Navigate(s.URL+"/console/resources/"+cad), chromedp.WaitVisible("#apply"))
	accessible(t, ctx, "resource-"+lang)
	eval[bool](t, ctx, `document.getElementById("device").required = false; true`)
	run(t, ctx, chromedp.Click("#apply"), chromedp.WaitVisible("#problem"))
	accessible(t, ctx, "apply-refused-"+lang)
	run(t, ctx, chromedp.SendKeys("#device", device), chromedp.Click("#apply"), chromedp.WaitVisible("#state[hx-get]"))
	accessible(t, ctx, "application-waiting-"+lang)
	event := eval[string](t, ctx, `location.pathname.split("/").pop()`)
	s.deliver(t, event, "FEATURE draw 2027 SIGN=0078369f54-a3ce-4dc7-8a62-904555416f9000")
	run(t, ctx, chromedp.WaitVisible("#content"))
	accessible(t, ctx, "application-"+lang)
	for path, want := range map[string]string{"content": "FEATURE draw 2027 SIGN=0078369f54-a3ce-4dc7-8a62-904555416f9000", "document": "ey"} {
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](`fetch("/console/resources/applications/`+event+`/`+path+`").then(r => r.text().then(b => (r.headers.get("Content-Disposition") || "").slice(0, 10) + "|" + b))`, chromedp.EvalAwaitPromise))
		if err != nil || !strings.HasPrefix(got, "attachment|"+want) {
			t.Errorf("%s: %.80q, %v", path, got, err)
		}
	}

	// The merchant refuses the next one.
	s.says(wire.QuotaInsufficient, "no seats are left at the licence server")
	run(t, ctx, chromedp.Navigate(s.URL+"/console/resources/"+cad), chromedp.WaitVisible("#apply"), chromedp.Click(`input[value=code]`), chromedp.SendKeys("#device", "HW-7788"), chromedp.Click("#apply"),
		chromedp.WaitVisible("#problem"))
	accessible(t, ctx, "application-refused-"+lang)

	// A delivery: what is needed, the merchant's two steps, a rejection, the acceptance.
	run(t, ctx, chromedp.Navigate(s.URL+"/console/resources/"+cae), chromedp.WaitVisible("#requirement"))
	accessible(t, ctx, "delivery-submit-"+lang)
	run(t, ctx, chromedp.SendKeys("#requirement", "Solver on the cluster, 5 users. 在集群上安装求解器。"), chromedp.Click("#submit-requirement"))
	notice(t, ctx, "requirement")
	s.delivered(t, cae, true)
	run(t, ctx, chromedp.Reload(), chromedp.WaitVisible("#accept"))
	accessible(t, ctx, "delivery-accept-"+lang)
	run(t, ctx, chromedp.Click("#reject-open"), chromedp.WaitVisible("#reason"), chromedp.SendKeys("#reason", "The solver does not start. 求解器无法启动。"), chromedp.Click("#reject"))
	notice(t, ctx, "rejected")
	accessible(t, ctx, "delivery-rejected-"+lang)
	s.delivered(t, cae, false)
	run(t, ctx, chromedp.Reload(), chromedp.WaitVisible("#accept"), chromedp.Click("#accept"))
	notice(t, ctx, "accepted")
	if r := s.until(t, cae, func(r meta.Resource) bool { return r.State == meta.ResourceActive }); r.Delivery != meta.DeliveryDone || r.Rejected != 1 {
		t.Errorf("delivery %+v", r)
	}

	// A year later it is frozen, with the days that are left.
	s.Clock.Advance(366 * 24 * time.Hour)
	s.until(t, cad, func(r meta.Resource) bool { return r.State == meta.ResourceFrozen })
	signIn(t, ctx, s.Cloud, "/console/resources/"+cad, "boss")
	accessible(t, ctx, "resource-frozen-"+lang)
}

// bought is the newest resource of a product.
func (s *shop) bought(t *testing.T, ctx context.Context, product string) string {
	t.Helper()
	list, err := s.Store.Resources(ctx, meta.ResourceFilter{Org: s.org, Page: meta.Page{Limit: 10}})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Product == product {
			return r.ID
		}
	}
	t.Fatalf("nothing of %s is bought", product)
	return ""
}

// delivered is the merchant's work on a delivery, until the buyer is asked.
func (s *shop) delivered(t *testing.T, id string, first bool) {
	t.Helper()
	isv := apitest.Bearer(s.Login(t, "isv").AccessToken)
	if first {
		s.Must(t, "POST", "/v1/market/deliveries/"+id+"/confirmation", isv, cloudapi.DeliveryVerdict{Accepted: true}, nil, http.StatusOK)
	}
	s.Must(t, "POST", "/v1/market/deliveries/"+id+"/proof", isv, cloudapi.DeliveryText{Text: "Installed on node 1 to 4; see the protocol of 10 March."}, nil, http.StatusOK)
	s.until(t, id, func(r meta.Resource) bool { return r.Delivery == meta.DeliveryAccept })
}

// narrowWalk looks at long content in a narrow, dark window.
func narrowWalk(t *testing.T, ctx context.Context) {
	s := newShop(t)
	id := s.order(t, cloudapi.NewOrder{Type: "NEW", Spec: "OFFI100", Amount: 2, Periods: 1}, meta.ResourceActive).ID
	if err := s.Store.AddMember(ctx, meta.Account{Account: strings.Repeat("x", 64), Name: strings.Repeat("Langername", 12), Role: "member", Org: s.org, Password: "x"}, meta.Entry{}); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.EmulateViewport(360, 740), media("dark"))
	signIn(t, ctx, s.Cloud, "/console/members", "boss")
	accessible(t, ctx, "narrow-members")
	for _, path := range []string{"resources", "resources/" + id, "licences/" + id, "departments", "orders", "members/of/" + strings.Repeat("x", 64)} {
		run(t, ctx, chromedp.Navigate(s.URL+"/console/"+path), chromedp.WaitVisible("h1"))
		accessible(t, ctx, "narrow-"+strings.NewReplacer("/"+id, "-one", "/of/"+strings.Repeat("x", 64), "-one").Replace(path))
	}
}

// languageWalk: the switch keeps the page and what it shows.
func languageWalk(t *testing.T, ctx context.Context) {
	c := apitest.Start(t)
	signIn(t, ctx, c, "/console/members?q=boss", "boss")
	run(t, ctx, chromedp.Click(".language"), chromedp.WaitVisible(`html[lang="zh-CN"]`))
	if got := eval[string](t, ctx, `location.pathname + location.search + "|" + document.querySelector("h1").textContent`); got != "/console/members?q=boss|成员" {
		t.Errorf("after the switch: %q", got)
	}
	run(t, ctx, chromedp.Click(".language"), chromedp.WaitVisible(`html[lang="en"]`), chromedp.Reload(), chromedp.WaitVisible(`html[lang="en"]`))
}
