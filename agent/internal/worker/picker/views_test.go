package picker

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// enter opens a page and exchanges its token.
func enter(t *testing.T, r *Room, ask workerapi.Page) *client {
	t.Helper()
	_, base, token := open(t, r, ask)
	c := newClient(t, base)
	c.login(token)
	return c
}

func TestPickViews(t *testing.T) {
	r, service, _ := newTestRoom(t)
	c := enter(t, r, workerapi.Page{Operation: 3, Purpose: purposePick, Language: "en", Product: "minicad", Account: "engineer", Cloud: cloudName})

	c.get("/ui/home", "Open a cloud file", "for minicad", "Signed in as engineer", cloudName, "Gearbox 传动箱", "View only",
		"bearing cover.dxf", "47.1 KiB", "Assembly", "Wang Wei on ws-17", "You, on this computer", "by li.na")
	c.get("/ui/list?space=sp1&folder=fo2", "Seals &lt;2026&gt;", "This folder is empty", `hx-swap-oob="true"`)
	c.get("/ui/list?space=nope", `id="listing"`)
	c.get("/ui/list?space=sp1")
	c.get("/ui/details?object=ob1", "bearing cover.dxf", "3 (newest)", `value="1"`, "Checking out reserves")
	c.get("/ui/details?object=ob2", "Cannot be checked out: Wang Wei on ws-17 has it until", `disabled data-never`)
	c.get("/ui/details?object=ob3", "You, on this computer")
	c.get("/ui/details?object=fo1", "no longer in the list")
	c.get("/ui/details?object=ob7", "no longer in the list") // never shown
	c.get("/ui/list?space=sp3")
	c.get("/ui/details?object=ob7", "you may only view this space")

	service.set(workerapi.MethodVersions, &api.Error{Code: api.CloudUnreachable, Message: "The cloud cannot be reached.", Hint: "Check the network."})
	c.get("/ui/details?object=ob1", "The cloud cannot be reached.", "Check the network.", `id="open">`)
	service.set(workerapi.MethodVersions, nil)

	c.post("/ui/choose", url.Values{"object": {"zzz"}}, http.StatusUnprocessableEntity, "no longer in the list")
	c.post("/ui/choose", url.Values{"object": {"ob1"}, "version": {"2"}, "checkout": {"true"}}, http.StatusUnprocessableEntity, "Only the newest version")
	service.set(workerapi.MethodChosen, &api.Error{Code: api.HeldByOther, Message: "Li Na checked it out a moment ago."})
	c.post("/ui/choose", url.Values{"object": {"ob1"}, "checkout": {"true"}}, http.StatusUnprocessableEntity, "Li Na checked it out a moment ago.")
	service.set(workerapi.MethodChosen, nil)
	c.post("/ui/choose", url.Values{"object": {"ob1"}, "version": {"2"}}, http.StatusOK, `data-view="busy"`)
	if got, n := service.lastChosen(); n != 1 || got != (workerapi.Chosen{Operation: 3, Object: "ob1", Version: 2}) {
		t.Fatalf("chosen %d times: %+v", n, got)
	}
	c.post("/ui/choose", url.Values{"object": {"ob4"}}, http.StatusOK, `data-view="busy"`) // a second answer changes nothing
	if _, n := service.lastChosen(); n != 1 {
		t.Fatalf("chosen %d times", n)
	}
	r.Progress(workerapi.Progress{Operation: 3, Done: 512, Total: 2048})
	c.post("/alive", url.Values{"seq": {"0"}}, http.StatusOK, `"phase":"working"`, `"done":512`, "512 B of 2.0 KiB")
	if err := r.PageEnd(t.Context(), workerapi.PageEnd{Operation: 3, Path: "/home/e/a.dxf"}); err != nil {
		t.Fatal(err)
	}
	c.post("/alive", url.Values{"seq": {"0"}}, http.StatusOK, `"phase":"ended"`)
	c.get("/ui/home", "The file is open in minicad", "/home/e/a.dxf", "You can close this page.")
	if by := service.closedBy(); len(by) != 0 {
		t.Errorf("an answered page was reported as closed: %v", by)
	}
}

func TestPaging(t *testing.T) {
	r, service, _ := newTestRoom(t)
	service.pageSize = 10
	c := enter(t, r, workerapi.Page{Operation: 3, Purpose: purposePick})
	c.get("/ui/home")
	first := c.get("/ui/list?space=sp4", "drawing 00.dxf", "drawing 09.dxf", `id="more"`, "after=10")
	if strings.Contains(first, "drawing 10.dxf") {
		t.Error("first page holds the second")
	}
	second := c.get("/ui/list?space=sp4&after=10", "drawing 10.dxf", "after=20")
	if strings.Contains(second, "<table") || strings.Contains(second, "drawing 09.dxf") {
		t.Errorf("a continued list is more than rows:\n%s", second)
	}
	if third := c.get("/ui/list?space=sp4&after=20", "drawing 24.dxf"); strings.Contains(third, `id="more"`) {
		t.Error("the last page offers more")
	}
	c.post("/ui/choose", url.Values{"object": {"ar03"}}, http.StatusOK) // of the first page
}

func TestSaveViews(t *testing.T) {
	r, service, _ := newTestRoom(t)
	c := enter(t, r, workerapi.Page{Operation: 4, Purpose: purposeSaveAs, Product: "minicad", Name: "bracket.dxf"})
	c.get("/ui/home", "Save to the cloud", `value="bracket.dxf"`, "New folder", "Save in")
	c.get("/ui/list?space=sp3", "You may only view this space")
	c.get("/ui/list?space=sp1")
	for _, bad := range []struct{ name, space, file, want string }{
		{"empty", "sp1", "", "Enter a name."},
		{"slash", "sp1", "a/b.dxf", "cannot be stored"},
		{"dots", "sp1", "..", "cannot be stored"},
		{"windows device", "sp1", "CON", "cannot be stored"},
		{"blank at the end", "sp1", "a.dxf ", "cannot be stored"},
		{"too long", "sp1", strings.Repeat("x", 256), "cannot be stored"},
		{"exists", "sp1", "bearing cover.dxf", "exists here already"},
		{"exists in other case", "sp1", "BEARING cover.dxf", "exists here already"},
		{"folder of that name", "sp1", "Housing", "exists here already"},
		{"viewer", "sp3", "a.dxf", "only view this space"},
		{"unknown space", "sp9", "a.dxf", "no longer in the list"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			c.post("/ui/choose", url.Values{"space": {bad.space}, "name": {bad.file}}, http.StatusUnprocessableEntity, bad.want, `role="alert"`)
		})
	}
	c.post("/ui/folder", url.Values{"space": {"sp1"}, "name": {"Housing"}}, http.StatusUnprocessableEntity, "exists here already")
	c.post("/ui/folder", url.Values{"space": {"sp3"}, "name": {"Mine"}}, http.StatusUnprocessableEntity, "only view this space")
	c.post("/ui/folder", url.Values{"space": {"sp1"}, "folder": {"fo1"}, "name": {"Variants"}}, http.StatusOK, "Variants", `name="folder" value="newVariants"`)
	service.set(workerapi.MethodNewFolder, &api.Error{Code: api.CloudUnreachable, Message: "Away."})
	c.post("/ui/folder", url.Values{"space": {"sp1"}, "name": {"Other"}}, http.StatusUnprocessableEntity, "Away.")
	service.set(workerapi.MethodChosen, &api.Error{Code: api.NameExists, Message: "Someone was faster."})
	c.post("/ui/choose", url.Values{"space": {"sp1"}, "name": {"new.dxf"}}, http.StatusUnprocessableEntity, "Someone was faster.", `aria-invalid="true"`)
	service.set(workerapi.MethodChosen, nil)
	c.post("/ui/choose", url.Values{"space": {"sp1"}, "folder": {"newVariants"}, "name": {"支架 bracket.dxf"}}, http.StatusOK, `data-view="busy"`)
	if got, _ := service.lastChosen(); got != (workerapi.Chosen{Operation: 4, Space: "sp1", Folder: "newVariants", Name: "支架 bracket.dxf"}) {
		t.Fatalf("chosen %+v", got)
	}
	if err := r.PageEnd(t.Context(), workerapi.PageEnd{Operation: 4, Error: &api.Error{Code: api.DiskFull, Message: "The disk is full.", Detail: "write x"}}); err != nil {
		t.Fatal(err)
	}
	c.get("/ui/home", "could not be saved", "The disk is full.", "write x", "minicad")
}

func TestSignIn(t *testing.T) {
	r, service, _ := newTestRoom(t)
	service.signedIn = false
	c := enter(t, r, workerapi.Page{Operation: 5, Purpose: purposeSignIn, Language: "zh-CN", Cloud: cloudName})
	c.get("/ui/home", "登录", "账号", cloudName, `type="password"`)
	c.post("/ui/sign-in", url.Values{"account": {"li.na"}}, http.StatusUnprocessableEntity, "请输入账号和密码")
	wrong := c.post("/ui/sign-in", url.Values{"account": {"li.na"}, "password": {"hunter-22"}}, http.StatusUnprocessableEntity, `value="li.na"`, `role="alert"`)
	if strings.Contains(wrong, "hunter-22") {
		t.Error("the password came back")
	}
	c.post("/ui/sign-in", url.Values{"account": {"li.na"}, "password": {"right-1"}}, http.StatusOK, "您已登录")
	if by := service.closedBy(); len(by) != 0 {
		t.Errorf("a page that signed in was reported as closed: %v", by)
	}
	if status, _, _ := c.do(http.MethodGet, "/ui/details?object=ob1", nil); status != http.StatusNotFound {
		t.Errorf("details on a sign-in page: %d", status)
	}
}

// TestSignInOnTheWay opens a pick page without a sign-in, then loses it.
func TestSignInOnTheWay(t *testing.T) {
	r, service, _ := newTestRoom(t)
	service.signedIn = false
	c := enter(t, r, workerapi.Page{Operation: 6, Purpose: purposePick})
	c.get("/ui/home", "Sign in to go on.")
	c.post("/ui/sign-in", url.Values{"account": {"li.na"}, "password": {"right-1"}}, http.StatusOK, "bearing cover.dxf", "Signed in as li.na")
	service.set(workerapi.MethodChosen, &api.Error{Code: api.SessionExpired})
	_, body, h := c.do(http.MethodPost, "/ui/choose", url.Values{"object": {"ob1"}})
	if h.Get("HX-Retarget") != "#main" || !strings.Contains(body, "sign-in has ended") {
		t.Errorf("expired on choosing: %v\n%s", h, body)
	}
	service.set(workerapi.MethodList, &api.Error{Code: api.NotSignedIn})
	c.get("/ui/list?space=sp1", "Sign in to go on.")
}

func TestTroubles(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		spaces bool
		want   []string
	}{
		{"cloud away", &api.Error{Code: api.CloudUnreachable, Message: "The cloud cannot be reached.", Hint: "Check the network.", Detail: "dial tcp"}, true,
			[]string{"The cloud cannot be reached.", "Check the network.", "Try again", "dial tcp", "-40"}},
		{"slow service", errSlowService, true, []string{"took too long", "Try again"}},
		{"unknown error", errors.New("link ended"), true, []string{"Try again"}},
		{"no space", nil, false, []string{"You have no space yet", "administrator"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, service, _ := newTestRoom(t)
			service.set(workerapi.MethodSpaces, c.err)
			if !c.spaces {
				service.spaces = nil
			}
			page := enter(t, r, workerapi.Page{Operation: 8, Purpose: purposePick})
			page.get("/ui/home", c.want...)
			service.set(workerapi.MethodSpaces, nil)
			service.spaces = newFakeService().spaces
			page.get("/ui/home", "bearing cover.dxf")
			service.set(workerapi.MethodList, c.err)
			if c.err != nil {
				page.get("/ui/list?space=sp1", c.want[0], `hx-get="/ui/list?space=sp1"`)
			}
		})
	}
}

// TestHostileNames shows that names of the cloud stay text.
func TestHostileNames(t *testing.T) {
	r, service, _ := newTestRoom(t)
	evil := `"><img src=x onerror=alert(1)>' & <script>`
	service.entries["sp1/"] = []api.Entry{
		{ID: `x" hx-get="/ui/cancel`, Kind: "file", Name: evil, Version: 1, By: evil},
		{ID: "f&space=sp9", Kind: "folder", Name: evil},
	}
	service.spaces[0].Name = evil
	c := enter(t, r, workerapi.Page{Operation: 9, Purpose: purposePick, Product: evil, Account: evil, Cloud: evil})
	home := c.get("/ui/home", "folder=f%26space%3Dsp9")
	details := c.get("/ui/details?object=" + url.QueryEscape(`x" hx-get="/ui/cancel`))
	for _, out := range []string{home, details} {
		if strings.Contains(out, "<img") || strings.Contains(out, "<script") || strings.Contains(out, `x" hx-get="/ui/cancel`) {
			t.Errorf("a name became markup:\n%s", out)
		}
	}
}

func TestSentences(t *testing.T) {
	for _, lang := range []language{english, chinese} {
		for _, purpose := range []string{purposePick, purposeSaveAs, purposeSignIn} {
			v := view{Ask: workerapi.Page{Purpose: purpose, Assembly: true}, language: lang}
			if v.Title() == "" || v.Product() == "" {
				t.Errorf("%v %s: title %q, product %q", lang, purpose, v.Title(), v.Product())
			}
		}
	}
	for tag, want := range map[string]language{"": english, "en": english, "zh": chinese, "ZH-cn": chinese, "zh_CN.UTF-8": chinese, "de": english} {
		if got := languageOf(tag); got != want {
			t.Errorf("language of %q is %v", tag, got)
		}
	}
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1 << 20: "1.0 MiB", 275 << 20: "275.0 MiB", 1 << 30: "1.0 GiB", 1 << 40: "1.0 TiB", 1<<63 - 1: "8388608.0 TiB"} {
		if got := size(n); got != want {
			t.Errorf("size %d is %q, want %q", n, got, want)
		}
	}
}

// TestEverySentence finds the sentences that templates and code ask for, and
// compares what both languages take.
func TestEverySentence(t *testing.T) {
	sources, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	asked := map[string]bool{}
	ask := regexp.MustCompile(`(?:\bT|\.say\(|\bT\() ?"([a-z.]+)"`)
	for _, name := range append(sources, pages...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range ask.FindAllStringSubmatch(string(text), -1) {
			if !strings.HasSuffix(m[1], ".") { // completed at run time
				asked[m[1]] = true
			}
		}
	}
	if len(asked) < 60 {
		t.Fatalf("only %d sentences are asked for: the search is wrong", len(asked))
	}
	verbs := regexp.MustCompile(`%[a-z]`)
	for key := range asked {
		pair, ok := sentences(key)
		if !ok || pair[english] == "" || pair[chinese] == "" {
			t.Errorf("sentence %q is missing in a language", key)
			continue
		}
		if en, zh := verbs.FindAllString(pair[english], -1), verbs.FindAllString(pair[chinese], -1); !slices.Equal(en, zh) {
			t.Errorf("sentence %q takes %v in English, %v in Chinese", key, en, zh)
		}
	}
}

// TestVendored compares the vendored script with the checksum that its README tells.
func TestVendored(t *testing.T) {
	readme, err := os.ReadFile("assets/vendor/README.md")
	if err != nil {
		t.Fatal(err)
	}
	script, err := assets.ReadFile("assets/vendor/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	if sum := fmt.Sprintf("%x", sha256.Sum256(script)); !strings.Contains(string(readme), sum) {
		t.Errorf("htmx.min.js has %s, which README.md does not tell", sum)
	}
}

// TestExtensionStaysWhole: what a line must not break is the extension alone.
func TestExtensionStaysWhole(t *testing.T) {
	for _, c := range []struct {
		name, stem, ext string
		folder          bool
	}{
		{"gear_m2.5_z24.dxf", "gear_m2.5_z24", ".dxf", false},
		{"传动箱.sldasm", "传动箱", ".sldasm", false},
		{"pump.v2", "pump.v2", "", true},
		{"README", "README", "", false},
		{"dot.", "dot.", "", false},
		{".hidden", ".hidden", "", false},
		{"a.long-extension", "a.long-extension", "", false},
	} {
		r := row{Entry: api.Entry{Name: c.name}, Folder: c.folder}
		if r.Stem() != c.stem || r.Ext() != c.ext {
			t.Errorf("%s: %q and %q", c.name, r.Stem(), r.Ext())
		}
	}
}

func TestForWhom(t *testing.T) {
	for product, want := range map[string][2]string{"": {"for a program that you started", "由您启动的程序请求"}, "minicad": {"for minicad", "用于 minicad"}} {
		for l := range want {
			v := view{language: language(l)}
			v.Ask.Product = product
			if got := v.For(); got != want[l] {
				t.Errorf("%q: %q, want %q", product, got, want[l])
			}
		}
	}
}
