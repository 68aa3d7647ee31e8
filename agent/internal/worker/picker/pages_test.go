package picker

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const cloudName = "https://cloud.example.com:8443"

// TestPages runs each page in a browser, in both languages, by mouse.
func TestPages(t *testing.T) {
	chrome := browser(t)
	for _, lang := range []string{"en", "zh-CN"} {
		t.Run("pick-"+lang, func(t *testing.T) { pickRun(t, tab(t, chrome), lang) })
		t.Run("saveAs-"+lang, func(t *testing.T) { saveRun(t, tab(t, chrome), lang) })
		t.Run("signIn-"+lang, func(t *testing.T) { signInRun(t, tab(t, chrome), lang) })
		t.Run("trouble-"+lang, func(t *testing.T) { troubleRun(t, tab(t, chrome), lang) })
	}
	t.Run("keyboard", func(t *testing.T) { keyboardRun(t, tab(t, chrome)) })
	t.Run("keyboardSave", func(t *testing.T) { keyboardSaveRun(t, tab(t, chrome)) })
	t.Run("reload", func(t *testing.T) { reloadRun(t, tab(t, chrome)) })
	t.Run("window closed", func(t *testing.T) { closeRun(t, chrome) })
	t.Run("narrow and dark", func(t *testing.T) { narrowRun(t, tab(t, chrome)) })
}

func pickRun(t *testing.T, ctx context.Context, lang string) {
	r, service, _ := newTestRoom(t)
	url, base, token := open(t, r, workerapi.Page{Operation: 7, Purpose: purposePick, Language: lang, Product: "minicad", Cloud: cloudName, Account: "engineer"})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#rows"))
	if at := eval[string](t, ctx, "location.href"); at != base+"/" || strings.Contains(at, token) {
		t.Errorf("the address shows %q", at)
	}
	if got := eval[string](t, ctx, "document.documentElement.lang"); got != lang {
		t.Errorf("lang %q", got)
	}
	if kept := eval[string](t, ctx, "document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"); kept != `{}{}` && kept != `{}{"htmx-current-path-for-history":"/"}` {
		t.Errorf("the page keeps %s", kept)
	}
	accessible(t, ctx, "pick-"+lang)

	run(t, ctx, chromedp.Click(`input[value=ob1]`), chromedp.WaitVisible("#version"))
	accessible(t, ctx, "pick-chosen-"+lang)
	run(t, ctx, chromedp.Click(`input[value=ob2]`), chromedp.WaitVisible(`#choice[data-object=ob2]`))
	if !eval[bool](t, ctx, `document.getElementById("checkout").disabled && !document.getElementById("open").disabled`) {
		t.Error("a file that another holds: check out is offered, or open is not")
	}
	accessible(t, ctx, "pick-held-"+lang)

	// Down into an empty folder and up again by the breadcrumb.
	run(t, ctx, chromedp.Click(`#rows tr:first-child button`), chromedp.WaitVisible(`tr[data-name="upper housing.dxf"]`),
		chromedp.Click(`#rows tr:first-child button`), chromedp.WaitVisible(`.nothing`))
	accessible(t, ctx, "pick-empty-"+lang)
	run(t, ctx, chromedp.Click(`.path li:first-child button`), chromedp.WaitVisible(`input[value=ob0]`))

	// The filter, and its way back.
	run(t, ctx, chromedp.SendKeys("#filter", "shaft"), chromedp.WaitNotVisible(`tr[data-name="bearing cover.dxf"]`), chromedp.WaitVisible(`tr[data-name="input shaft.dxf"]`),
		chromedp.SendKeys("#filter", "zzz"), chromedp.WaitVisible("#none"))
	accessible(t, ctx, "pick-filter-"+lang)
	run(t, ctx, chromedp.Click("#unfilter"), chromedp.WaitVisible(`input[value=ob0]`))

	// An older version cannot be checked out; the newest can.
	run(t, ctx, chromedp.Click(`input[value=ob0]`), chromedp.WaitVisible(`#choice[data-object=ob0]`))
	if !eval[bool](t, ctx, `(v => { v.value = "11"; v.dispatchEvent(new Event("change", {bubbles: true})); return document.getElementById("checkout").disabled })(document.getElementById("version"))`) {
		t.Error("an older version can be checked out")
	}
	eval[bool](t, ctx, `(v => { v.value = "12"; v.dispatchEvent(new Event("change", {bubbles: true})); return true })(document.getElementById("version"))`)
	run(t, ctx, chromedp.Click("#checkout"), chromedp.WaitVisible(`[data-view=busy]`))
	service.hear(t)
	if got, n := service.lastChosen(); n != 1 || got.Operation != 7 || got.Object != "ob0" || !got.Checkout || got.Version != 0 {
		t.Fatalf("chosen %d times, last %+v", n, got)
	}
	r.Progress(workerapi.Progress{Operation: 7, Done: 100 << 20, Total: 275 << 20})
	run(t, ctx, chromedp.WaitReady(`#bar[max="288358400"]`))
	accessible(t, ctx, "pick-busy-"+lang)
	if err := r.PageEnd(ctx, workerapi.PageEnd{Operation: 7, Path: "/home/engineer/ISCDesk/Gearbox 传动箱/Gearbox GX-40"}); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.WaitVisible(`[data-view=done]`))
	accessible(t, ctx, "pick-done-"+lang)
}

func saveRun(t *testing.T, ctx context.Context, lang string) {
	r, service, _ := newTestRoom(t)
	url, _, _ := open(t, r, workerapi.Page{Operation: 8, Purpose: purposeSaveAs, Language: lang, Product: "minicad", Cloud: cloudName, Account: "engineer", Name: "bearing cover.dxf"})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#name"))
	accessible(t, ctx, "save-"+lang)
	run(t, ctx, chromedp.Click("#save"), chromedp.WaitVisible(`#name[aria-invalid=true]`))
	accessible(t, ctx, "save-exists-"+lang)
	run(t, ctx, chromedp.Click("#space-sp3"), chromedp.WaitVisible("#viewer"))
	if !eval[bool](t, ctx, `document.getElementById("save").disabled`) {
		t.Error("saving is offered in a space that may only be viewed")
	}
	accessible(t, ctx, "save-viewer-"+lang)
	run(t, ctx, chromedp.Click("#space-sp2"), chromedp.WaitNotPresent("#viewer"), chromedp.Click(`[data-reveal=new-folder]`), chromedp.WaitVisible("#folder-name"),
		chromedp.SendKeys("#folder-name", "a:b"+kb.Enter), chromedp.WaitVisible(`#folder-name[aria-invalid=true]`))
	accessible(t, ctx, "save-folder-"+lang)
	run(t, ctx, chromedp.SetValue("#folder-name", "Brackets"), chromedp.SendKeys("#folder-name", kb.Enter), chromedp.WaitVisible(`.nothing`))
	if got := eval[string](t, ctx, `document.querySelector("#place [name=folder]").value + "|" + document.getElementById("name").value`); got != "newBrackets|bearing cover.dxf" {
		t.Errorf("place and name after a new folder: %q", got)
	}
	run(t, ctx, chromedp.Click("#save"), chromedp.WaitVisible(`[data-view=busy]`))
	if got, _ := service.lastChosen(); got != (workerapi.Chosen{Operation: 8, Space: "sp2", Folder: "newBrackets", Name: "bearing cover.dxf"}) {
		t.Errorf("chosen %+v", got)
	}
	end := &api.Error{Code: api.CloudUnreachable, Detail: "dial tcp 10.0.0.9:8443: no route to host"}
	if err := r.PageEnd(ctx, workerapi.PageEnd{Operation: 8, Error: end}); err != nil {
		t.Fatal(err)
	}
	run(t, ctx, chromedp.WaitVisible(`[data-view=ended]`))
	accessible(t, ctx, "save-failed-"+lang)
}

func signInRun(t *testing.T, ctx context.Context, lang string) {
	r, service, _ := newTestRoom(t)
	service.signedIn = false
	url, _, _ := open(t, r, workerapi.Page{Operation: 9, Purpose: purposeSignIn, Language: lang, Cloud: cloudName, Product: "minicad"})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#account"))
	accessible(t, ctx, "signin-"+lang)
	run(t, ctx, chromedp.SendKeys("#account", "li.na"), chromedp.SendKeys("#password", "wrong"+kb.Enter), chromedp.WaitVisible("#problem"))
	accessible(t, ctx, "signin-wrong-"+lang)
	run(t, ctx, chromedp.SendKeys("#password", "right-1"+kb.Enter), chromedp.WaitVisible(`[data-view=done]`))
	accessible(t, ctx, "signin-done-"+lang)
}

func troubleRun(t *testing.T, ctx context.Context, lang string) {
	r, service, clock := newTestRoom(t)
	service.set(workerapi.MethodSpaces, &api.Error{Code: api.CloudUnreachable, Detail: "dial tcp: no route"})
	url, _, _ := open(t, r, workerapi.Page{Operation: 10, Purpose: purposePick, Language: lang, Cloud: cloudName, Product: "minicad", Account: "engineer"})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible(`[data-view=problem]`))
	accessible(t, ctx, "trouble-"+lang)
	service.set(workerapi.MethodSpaces, nil)
	run(t, ctx, chromedp.Click(`[data-view=problem] .primary`), chromedp.WaitVisible("#rows"))
	service.set(workerapi.MethodList, &api.Error{Code: api.NotSignedIn})
	run(t, ctx, chromedp.Click("#space-sp2"), chromedp.WaitVisible("#account"))
	accessible(t, ctx, "trouble-signedout-"+lang)
	clock.Advance(api.PageSilence)
	run(t, ctx, chromedp.WaitVisible(`[data-view=ended]`))
	accessible(t, ctx, "trouble-silence-"+lang)
	r.Close()
	url, _, _ = open(t, newRoom(t), workerapi.Page{Operation: 10, Purpose: purposePick, Language: lang})
	run(t, ctx, chromedp.Navigate("about:blank"), chromedp.Navigate(url[:len(url)-1]), chromedp.WaitVisible(`[data-used]`))
	accessible(t, ctx, "trouble-used-"+lang)
}

func newRoom(t *testing.T) *Room {
	r, _, _ := newTestRoom(t)
	return r
}

// keyboardRun goes the whole way without a mouse: folder, up, filter, arrows, open.
func keyboardRun(t *testing.T, ctx context.Context) {
	r, service, _ := newTestRoom(t)
	url, _, _ := open(t, r, workerapi.Page{Operation: 11, Purpose: purposePick, Language: "en", Product: "minicad", Account: "engineer", Cloud: cloudName})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#rows"))
	focused(t, ctx, "Housing")
	run(t, ctx, chromedp.KeyEvent(kb.Enter), chromedp.WaitVisible(`tr[data-name="upper housing.dxf"]`))
	focused(t, ctx, "Seals <2026>")
	run(t, ctx, chromedp.KeyEvent(kb.Backspace), chromedp.WaitVisible(`tr[data-name="bearing cover.dxf"]`))
	focused(t, ctx, "Housing")
	run(t, ctx, chromedp.KeyEvent(kb.ArrowDown+kb.ArrowDown), chromedp.WaitVisible(`#choice[data-object=ob1]`))
	focused(t, ctx, "bearing cover.dxf")
	shoot(t, ctx, "keyboard-focus")
	run(t, ctx, chromedp.KeyEvent(kb.End), chromedp.WaitVisible(`#choice[data-object=ob4]`))
	focused(t, ctx, "输出轴 总图.dxf")
	// One tab stop for the list: the next are version, open, check out, cancel.
	for _, want := range []string{"version", "open", "checkout"} {
		run(t, ctx, chromedp.KeyEvent(kb.Tab))
		if got := eval[string](t, ctx, "document.activeElement.id"); got != want {
			t.Fatalf("tab reached %q, want %q", got, want)
		}
	}
	run(t, ctx, chromedp.KeyEvent(" "), chromedp.WaitVisible(`[data-view=busy]`))
	if got, _ := service.lastChosen(); got.Object != "ob4" || !got.Checkout {
		t.Errorf("chosen %+v", got)
	}
	if got := eval[string](t, ctx, "document.activeElement.tagName"); got != "H1" {
		t.Errorf("focus after the choice is on %s", got)
	}
	_ = r.PageEnd(ctx, workerapi.PageEnd{Operation: 11, Path: "/x"})
	run(t, ctx, chromedp.WaitVisible(`[data-view=done]`))

	// Filter and Enter; arrows run ahead of the details and still open what they reach.
	url, _, _ = open(t, r, workerapi.Page{Operation: 12, Purpose: purposePick})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#rows"), chromedp.Focus("#filter"),
		chromedp.KeyEvent("shaft"), chromedp.KeyEvent(kb.ArrowDown+kb.Enter), chromedp.WaitVisible(`[data-view=busy]`))
	if got, _ := service.lastChosen(); got.Object != "ob2" || got.Checkout {
		t.Errorf("chosen %+v", got)
	}
	// Escape: first the filter, then the page.
	url, _, _ = open(t, r, workerapi.Page{Operation: 13, Purpose: purposePick})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#rows"), chromedp.Focus("#filter"), chromedp.KeyEvent("shaft"+kb.Escape),
		chromedp.WaitVisible(`tr[data-name="bearing cover.dxf"]`), chromedp.KeyEvent(kb.Escape), chromedp.WaitVisible(`[data-view=ended]`))
}

func keyboardSaveRun(t *testing.T, ctx context.Context) {
	r, service, _ := newTestRoom(t)
	url, _, _ := open(t, r, workerapi.Page{Operation: 14, Purpose: purposeSaveAs, Name: "bracket.dxf"})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#name"))
	if got := eval[string](t, ctx, "getSelection().toString()"); got != "bracket" {
		t.Errorf("selected is %q", got)
	}
	run(t, ctx, chromedp.KeyEvent("plate"+kb.Enter), chromedp.WaitVisible(`[data-view=busy]`))
	if got, _ := service.lastChosen(); got.Name != "plate.dxf" || got.Space != "sp1" {
		t.Errorf("chosen %+v", got)
	}
}

// reloadRun presses reload: the service hears that the page is gone, the person why.
func reloadRun(t *testing.T, ctx context.Context) {
	r, service, _ := newTestRoom(t)
	url, _, _ := open(t, r, workerapi.Page{Operation: 15, Purpose: purposePick, Product: "minicad"})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#rows"), chromedp.Reload(), chromedp.WaitVisible(`[data-used]`))
	service.hear(t)
	if by := service.closedBy(); len(by) != 1 || by[0] != byUser {
		t.Errorf("closed by %v", by)
	}
	shoot(t, ctx, "reload")
}

func closeRun(t *testing.T, chrome context.Context) {
	r, service, _ := newTestRoom(t)
	url, _, _ := open(t, r, workerapi.Page{Operation: 16, Purpose: purposePick})
	ctx, closeTab := chromedp.NewContext(chrome)
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#rows"))
	closeTab()
	service.hear(t)
	if by := service.closedBy(); len(by) != 1 || by[0] != byUser {
		t.Errorf("closed by %v", by)
	}
}

// narrowRun looks at 320 pixels (400 % zoom of 1280) and at the dark scheme: nothing
// may be cut off sideways.
func narrowRun(t *testing.T, ctx context.Context) {
	r, _, _ := newTestRoom(t)
	url, _, _ := open(t, r, workerapi.Page{Operation: 17, Purpose: purposePick, Language: "zh-CN", Product: "minicad", Account: "engineer", Cloud: cloudName})
	run(t, ctx, media("dark"), chromedp.Navigate(url), chromedp.WaitVisible("#rows"), chromedp.Click(`input[value=ob2]`), chromedp.WaitVisible(`#choice[data-object=ob2]`))
	accessible(t, ctx, "pick-dark-zh-CN")
	run(t, ctx, chromedp.EmulateViewport(320, 640))
	if over := eval[int](t, ctx, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		t.Errorf("%d pixels are cut off at 320", over)
	}
	accessible(t, ctx, "pick-narrow-dark-zh-CN")
	run(t, ctx, media("light"))
	url, _, _ = open(t, r, workerapi.Page{Operation: 18, Purpose: purposeSaveAs, Name: "bracket.dxf", Product: "minicad", Account: "engineer", Cloud: cloudName})
	run(t, ctx, chromedp.Navigate(url), chromedp.WaitVisible("#name"))
	if over := eval[int](t, ctx, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
		t.Errorf("%d pixels are cut off at 320", over)
	}
	accessible(t, ctx, "save-narrow-en")
	run(t, ctx, media("dark"), chromedp.ResetViewport())
	accessible(t, ctx, "save-dark-en")
}

// focused wants the keyboard's focus on the row of that name.
func focused(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	const row = `(n => { const r = n && n.closest("tr"); return r ? r.dataset.name : String(n && n.tagName) })(document.activeElement)`
	got := ""
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if got = eval[string](t, ctx, row); got == name {
			return
		}
	}
	t.Fatalf("focus is on %q, want %q", got, name)
}

func eval[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	got, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("evaluate %s: %v", script, err)
	}
	return got
}
