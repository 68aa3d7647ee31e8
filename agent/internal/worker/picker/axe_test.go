package picker

import (
	"context"
	_ "embed"
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"
)

//go:embed testdata/axe/axe.min.js
var axeSource string

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

// axe checks the view that stands and returns what it finds.
func axe(t *testing.T, ctx context.Context) []finding {
	t.Helper()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[any]("if (!window.axe) {"+axeSource+"}; null")); err != nil {
		t.Fatalf("load axe: %v", err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]finding](axeRun, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("run axe: %v", err)
	}
	return found
}

// accessible fails for anything serious or critical, and takes the view's picture.
func accessible(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	shoot(t, ctx, name)
	for _, f := range axe(t, ctx) {
		line := fmt.Sprintf("%s: axe: %s (%s): %s\n%v", name, f.ID, f.Impact, f.Help, f.Nodes)
		if f.Impact == "serious" || f.Impact == "critical" {
			t.Error(line)
		} else {
			t.Log(line)
		}
	}
}

// TestAxeSees plants a fault, so that a silent axe is not taken for a clean page.
func TestAxeSees(t *testing.T) {
	ctx := tab(t, browser(t))
	run(t, ctx, chromedp.Navigate(`data:text/html,<html><body><img src="x"><button></button></body></html>`))
	for _, f := range axe(t, ctx) {
		if f.Impact == "critical" {
			return
		}
	}
	t.Error("axe found nothing critical on a page without names")
}
