package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// app is one run of the command: its flags, its process and, once a command
// asks for it, its connection.
type app struct {
	options
	env      environment
	language string
	client   *sdk.Client
	product  string // that it is connected for, or empty
}

// connect makes the client, once in a run; product is the one that the command
// speaks for, or empty.
func (a *app) connect(product string) (*sdk.Client, error) {
	c, err := sdk.Init(context.Background(), a.sdkOptions(product))
	if err != nil {
		return nil, err
	}
	a.client, a.product = c, product
	return c, nil
}

func (a *app) sdkOptions(product string) sdk.Options {
	return sdk.Options{
		Product: product, Language: a.language, Build: "iscdesk " + build, Endpoint: a.Endpoint,
		Timeout: time.Duration(a.Timeout) * time.Second,
		OpenURL: a.openPage,
	}
}

// openPage shows a page, or its address where there is no browser. It never
// fails: a user can open the address by hand.
func (a *app) openPage(url string) error {
	if a.env.browse(url) == nil {
		fmt.Fprintln(a.env.err, a.say("A page has been opened in your browser.", "已在浏览器中打开页面。"))
		return nil
	}
	fmt.Fprintf(a.env.err, "%s\n  %s\n", a.say("Open this address in your browser:", "请在浏览器中打开此地址："), url)
	return nil
}

func (a *app) close() {
	if a.client != nil {
		_ = a.client.ShutOut()
	}
}

// say picks a sentence by the command's language.
func (a *app) say(en, zh string) string {
	if api.Chinese(a.language) {
		return zh
	}
	return en
}

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.env.out, format, args...) }

// printJSON prints v as one indented JSON value.
func (a *app) printJSON(v any) {
	enc := json.NewEncoder(a.env.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v) // a reader that has gone cannot be told
}

// show prints v with --json, and otherwise what text prints.
func (a *app) show(v any, text func()) {
	if a.JSON {
		a.printJSON(v)
		return
	}
	text()
}

// when prints a time in the user's zone; an absent one as a dash.
func (a *app) when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04")
}

// size prints bytes for a person.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		f /= 1024
		if f < 1024 || unit == "TiB" {
			return fmt.Sprintf("%.1f %s", f, unit)
		}
	}
	return ""
}

// languageOf finds the language before the command line is parsed, because the
// help itself is in it. Without a flag and the environment's word the system is asked.
func languageOf(args []string, getenv func(string) string) string {
	for i, arg := range args {
		if tag, ok := strings.CutPrefix(arg, "--language="); ok {
			return tag
		}
		if arg == "--language" && i+1 < len(args) {
			return args[i+1]
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := getenv(name); v != "" {
			return strings.ReplaceAll(strings.SplitN(v, ".", 2)[0], "_", "-")
		}
	}
	return cmp.Or(systemLanguage(), "en")
}
