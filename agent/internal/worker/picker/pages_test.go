package picker

import (
	"context"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const cloudName = "https://cloud.example.com:8443"

// TestPages runs each page in a browser, in both languages.
func TestPages(t *testing.T) {
	chrome := browser(t)
	for _, lang := range []string{"en", "zh-CN"} {
		t.Run("pick/"+lang, func(t *testing.T) { pickRun(t, tab(t, chrome), lang) })
	}
}

func pickRun(t *testing.T, ctx context.Context, lang string) {
	r, service, _ := newTestRoom(t)
	url, _, _ := open(t, r, workerapi.Page{Operation: 7, Purpose: purposePick, Language: lang, Product: "minicad", Cloud: cloudName, Account: "engineer"})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#rows"))
	shoot(t, ctx, "pick-"+lang)
	run(t, ctx, chromedp.Click(`input[value=ob1]`), chromedp.WaitVisible("#version"))
	shoot(t, ctx, "pick-chosen-"+lang)
	run(t, ctx, chromedp.Click(`input[value=ob2]`), chromedp.WaitVisible(`#choice[data-object=ob2]`))
	shoot(t, ctx, "pick-held-"+lang)
	run(t, ctx, chromedp.Click(`input[value=ob0]`), chromedp.WaitVisible(`#choice[data-object=ob0]`), chromedp.Click("#checkout"), chromedp.WaitVisible(`[data-view=busy]`))
	service.hear(t)
	if got, n := service.lastChosen(); n != 1 || got != (workerapi.Chosen{Operation: 7, Object: "ob0", Checkout: true}) {
		t.Fatalf("chosen %d times, last %+v", n, got)
	}
	r.Progress(workerapi.Progress{Operation: 7, Done: 100 << 20, Total: 275 << 20})
	run(t, ctx, chromedp.WaitVisible(`#bar[value]`))
	shoot(t, ctx, "pick-busy-"+lang)
	if err := r.PageEnd(ctx, workerapi.PageEnd{Operation: 7, Path: "/home/engineer/ISCDesk/Gearbox/Gearbox GX-40"}); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.WaitVisible(`[data-view=done]`))
	shoot(t, ctx, "pick-done-"+lang)
	_ = api.OK
}
