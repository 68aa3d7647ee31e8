package pages_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// TestSellerWalks goes through a merchant's pages in Chromium, in both languages, each looked at by axe.
func TestSellerWalks(t *testing.T) {
	chrome := chromium(t)
	for _, lang := range []string{"en", "zh-CN"} {
		t.Run(lang, func(t *testing.T) { sellerWalk(t, tab(t, chrome, lang), lang) })
	}
}

func sellerWalk(t *testing.T, ctx context.Context, lang string) {
	s := newShop(t)
	open := func(path, name string) {
		t.Helper()
		run(t, ctx, chromedp.Navigate(s.URL+"/console/"+path), chromedp.WaitVisible("h1"))
		accessible(t, ctx, name+"-"+lang)
	}
	signIn(t, ctx, s.Cloud, "/console/seller", "isv")
	accessible(t, ctx, "seller-"+lang)

	open("seller/keys", "keys")
	run(t, ctx, chromedp.Click("#make-key"), chromedp.WaitVisible("#secret"))
	accessible(t, ctx, "keys-made-"+lang)
	open("seller/keys", "keys-again") // the secret of the first is not shown again, so the next one is the new one
	run(t, ctx, chromedp.Click("#make-access"), chromedp.WaitVisible("#secret"))
	open("seller/addresses", "addresses")
	run(t, ctx, chromedp.SendKeys("#address", "https://127.0.0.1"), chromedp.Click("#add-address"), chromedp.WaitVisible("#problem"))
	accessible(t, ctx, "addresses-refused-"+lang)
	run(t, ctx, chromedp.SetValue("#address", "https://localhost:1"), chromedp.Click("#add-address"), chromedp.WaitVisible(".notice"),
		chromedp.Click(`section:nth-of-type(2) form button`), chromedp.WaitVisible("#problem"))
	accessible(t, ctx, "address-unverified-"+lang)
	open("listings", "listings")
	run(t, ctx, chromedp.SendKeys("#product", "Not an id"), chromedp.SendKeys("#name", "Lathe"), chromedp.Click("#enter-product"), chromedp.WaitVisible("#problem"),
		chromedp.SetValue("#product", "lathe-"+strings.ToLower(lang)), chromedp.Click("#enter-product"), chromedp.WaitVisible(".notice"))
	open("listings/new", "listing-new")
	open("listings/cad", "listing")
	run(t, ctx, chromedp.SetValue("#productId", "OFFI101"), chromedp.SetValue("#sku", "sku-9"), chromedp.SetValue("#name", "Basic 基础版"), chromedp.Click("#put-spec"), chromedp.WaitVisible(".notice"))

	open("debugging", "debugging")
	run(t, ctx, chromedp.Click("#show"), chromedp.WaitVisible("#shown"))
	accessible(t, ctx, "debugging-shown-"+lang)
	run(t, ctx, chromedp.Click("#send"), chromedp.WaitVisible(".verdict"))
	accessible(t, ctx, "debugging-passed-"+lang)
	run(t, ctx, chromedp.SetValue("#scene", "queryInstance"), chromedp.Click("#choose"), chromedp.WaitVisible("#p-instanceId"))
	if got := eval[string](t, ctx, `document.getElementById("p-instanceId").value`); got != "theirs-MOCKPERIODYEARNEW" {
		t.Errorf("the instance of newInstance is not pre-set: %q", got)
	}
	run(t, ctx, chromedp.Click("#send"), chromedp.WaitVisible(".tag.warn"))
	accessible(t, ctx, "debugging-failed-"+lang)
	open("debugging?scene=applicationSync&product=cad", "debugging-kit")
	open("debugging/cases", "cases")
	run(t, ctx, chromedp.Click("#replay-all"), chromedp.WaitVisible(".verdict"))
	accessible(t, ctx, "cases-replayed-"+lang)

	open("sales", "sales-none")
	s.order(t, cloudapi.NewOrder{Type: "TRIAL", Spec: "OFFI200", Amount: 5}, meta.ResourceDelivering)
	open("sales", "sales")
	open("deliveries", "deliveries")
	open("calls", "calls")
	open("notices", "notices")
	open("codes", "codes")
	run(t, ctx, chromedp.EmulateViewport(360, 740), media("dark"))
	for _, path := range []string{"seller/keys", "seller/addresses", "listings/cad", "debugging", "debugging/cases", "calls"} {
		open(path, "narrow-"+strings.ReplaceAll(path, "/", "-"))
	}
	run(t, ctx, chromedp.EmulateViewport(1180, 760), media("light"), chromedp.Click(".top form button"), chromedp.WaitVisible("#account"))
	signIn(t, ctx, s.Cloud, "/console/organisations", "boss")
	accessible(t, ctx, "organisations-"+lang)
}

var secretShown = regexp.MustCompile(`id="secret">([^<]+)<`)

// TestSecretsAreShownOnce: a new key's secret stands in the answer to the form and nowhere else.
func TestSecretsAreShownOnce(t *testing.T) {
	s := newShop(t)
	b := newBrowser(t, s.Cloud)
	b.signIn("isv")
	for path, form := range map[string]url.Values{"/console/seller/keys": {"category": {"kit"}}, "/console/seller/access": {}} {
		a := b.holds(b.send(path, form), http.StatusOK, []string{"shown this once"})
		m := secretShown.FindStringSubmatch(a.body)
		if m == nil {
			t.Fatalf("%s: no secret in\n%s", path, a.body)
		}
		if again := b.get("/console/seller/keys"); strings.Contains(again.body, m[1]) {
			t.Errorf("%s: the secret is shown again", path)
		}
	}
	b.refused("/console/seller/keys", url.Values{"category": {"none"}}, http.StatusBadRequest)
}

// TestDebuggingByHand: the forms' own rules; what a verdict is worth is package cases' test.
func TestDebuggingByHand(t *testing.T) {
	s := newShop(t)
	b := newBrowser(t, s.Cloud)
	b.signIn("isv")
	b.get("/console/debugging?scene=getLicenseAsync", `name="deviceFingerprint"`, `name="eventId"`)
	for _, sc := range cases.Scenes() {
		b.get("/console/debugging?scene="+url.QueryEscape(sc.ID)+"&product=cad", "<code>"+sc.ID+"</code>")
	}
	order := url.Values{"product": {"cad"}, "scene": {"newInstance"}, "orderId": {"MOCKPERIODYEARNEW"}, "orderLineId": {"MOCKPERIODYEARNEW-000001"}}
	a := b.holds(b.send("/console/debugging/show", order), http.StatusOK, []string{"signature=", "&#34;testFlag&#34;:&#34;1&#34;"})
	if strings.Contains(a.body, s.key) {
		t.Error("the key is shown")
	}
	b.holds(b.send("/console/debugging/send", order), http.StatusOK, []string{"Passed"})
	query := url.Values{"product": {"cad"}, "scene": {"queryInstance"}, "instanceId": {"one"}}
	b.holds(b.send("/console/debugging/send", query), http.StatusOK, []string{"Not passed", "tells nothing of the instance one"})
	order.Set("url", "https://elsewhere.example.com/x")
	order.Set("product", "")
	b.refused("/console/debugging/send", order, http.StatusBadRequest, "This address with path cannot be used")
	b.refused("/console/debugging/send", url.Values{"product": {"cad"}, "scene": {"tenantSync"}, "flag": {"1"}}, http.StatusConflict, "no key of the category kit")
	b.refused("/console/debugging/cases/replay", url.Values{"case": {"cas_none"}}, http.StatusNotFound)
	list, err := s.Store.Cases(t.Context(), s.seller.ID)
	if err != nil || len(list) != 1 {
		t.Fatalf("cases %+v, %v", list, err)
	}
	b.post("/console/debugging/cases/forget", url.Values{"case": {list[0].ID}}, "The case is forgotten.")
}
