package pages_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/iscdesk/iscdesk/internal/need"
)

// shots is where the pictures of the pages go: test output, looked at by people.
const shots = "../../../build/test-output/console"

// chromium starts a headless Chromium for one test and its subtests.
func chromium(t *testing.T) context.Context {
	t.Helper()
	program := need.Command(t, "chromium")
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(program), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1180, 760), chromedp.Env("TMPDIR="+t.TempDir()),
		chromedp.IgnoreCertErrors) // the test server's certificate
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox) // Chromium refuses root otherwise
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stopBrowser := chromedp.NewContext(alloc)
	t.Cleanup(stopBrowser)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start chromium: %v", err)
	}
	return ctx
}

// tab opens a window of its own, without the others' cookies, that asks for a language.
func tab(t *testing.T, browser context.Context, lang string) context.Context {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	ctx, stop := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(func() { closeTab(); stop() })
	if err := chromedp.Do(ctx); err != nil { // the window lives as long as the context of its first step
		t.Fatalf("open a window: %v", err)
	}
	run(t, ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": lang}})
		return err
	}))
	return ctx
}

func run(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	bound, stop := context.WithTimeout(ctx, 30*time.Second)
	defer stop()
	if err := chromedp.Do(bound, steps...); err != nil {
		shoot(t, ctx, "failed-"+filepath.Base(t.Name()))
		t.Fatalf("browser: %v", err)
	}
}

func eval[T any](t *testing.T, ctx context.Context, script string) T {
	t.Helper()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](script))
	if err != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return v
}

// shoot writes a picture of the whole page.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Logf("picture %s: %v", name, err)
		return
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(shots, name+".png"), png, 0o644); err != nil {
		t.Fatal(err)
	}
}

// media sets the colour scheme that the page is told: "dark" or "light".
func media(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// axeFile is the picker's copy: test data, read and never imported.
const axeFile = "../../../agent/internal/worker/picker/testdata/axe/axe.min.js"

// finding is one rule that axe sees broken.
type finding struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

const axeRun = `(async () => {
	const got = await axe.run(document, {resultTypes: ["violations"]});
	return got.violations.map(v => ({id: v.id, impact: v.impact || "", help: v.help, nodes: v.nodes.map(n => n.html.slice(0, 200))}));
})()`

func axe(t *testing.T, ctx context.Context) []finding {
	t.Helper()
	source, err := os.ReadFile(axeFile)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any]("if (!window.axe) {"+string(source)+"}; null")); err != nil {
		t.Fatalf("load axe: %v", err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]finding](axeRun, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("run axe: %v", err)
	}
	return found
}

// accessible fails for anything that axe finds, and takes the view's picture.
func accessible(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	shoot(t, ctx, name)
	for _, f := range axe(t, ctx) {
		t.Errorf("%s: axe: %s (%s): %s\n%v", name, f.ID, f.Impact, f.Help, f.Nodes)
	}
	if wide := eval[bool](t, ctx, `document.documentElement.scrollWidth > document.documentElement.clientWidth`); wide {
		t.Errorf("%s: the page is wider than its window", name)
	}
}

// TestAxeSees plants a fault, so that a silent axe is not taken for a clean page.
func TestAxeSees(t *testing.T) {
	ctx := tab(t, chromium(t), "en")
	run(t, ctx, chromedp.Navigate(`data:text/html,<html><body><img src="x"><button></button></body></html>`))
	if len(axe(t, ctx)) == 0 {
		t.Error("axe found nothing on a page without names")
	}
}
