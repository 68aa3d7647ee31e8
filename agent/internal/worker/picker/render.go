package picker

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
)

//go:embed templates/*.html
var templates embed.FS

// renderer holds the parsed templates; it is only read after it is made.
type renderer struct {
	t *template.Template
}

func newRenderer() *renderer {
	t, err := template.New("").ParseFS(templates, "templates/*.html")
	if err != nil {
		panic("picker: templates: " + err.Error())
	}
	return &renderer{t: t}
}

// view is what every template may use: the page's words and its frame.
type view struct {
	Ask      workerapi.Page
	language language
}

func (p *page) view() view { return view{Ask: p.ask, language: p.language} }

func (p *page) say(key string, args ...any) string { return say(p.language, key, args...) }

// T is a sentence of the page's language.
func (v view) T(key string, args ...any) string { return say(v.language, key, args...) }

// Lang is the value of the lang attribute.
func (v view) Lang() string { return v.language.tag() }

// Product is who asked, in words.
func (v view) Product() string {
	if v.Ask.Product == "" {
		return v.T("app.unnamed")
	}
	return v.Ask.Product
}

// For says whom the page is for. One that gave no product id, such as the command line,
// is no application with a name.
func (v view) For() string {
	if v.Ask.Product == "" {
		return v.T("for.unnamed")
	}
	return v.T("for.product", v.Ask.Product)
}

// Title is the heading of the page's purpose.
func (v view) Title() string {
	switch {
	case v.Ask.Purpose == purposeSignIn:
		return v.T("sign.title")
	case v.Ask.Purpose == purposeSaveAs && v.Ask.Assembly:
		return v.T("save.title.assembly")
	case v.Ask.Purpose == purposeSaveAs:
		return v.T("save.title")
	}
	return v.T("pick.title")
}

// Saving tells the save-as page from the pick page.
func (v view) Saving() bool { return v.Ask.Purpose == purposeSaveAs }

// show renders one template as a whole answer. It renders into memory first, so
// that a defect is a 500 and never half a page.
func (p *page) show(w http.ResponseWriter, status int, name string, data any) {
	var out bytes.Buffer
	if err := p.room.render.t.ExecuteTemplate(&out, name, data); err != nil {
		http.Error(w, "render "+name+": "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(out.Bytes()) // the browser's loss only
}

// retarget sends an answer elsewhere than the request asked for: a sign-in form or
// a result replaces the whole page.
func retarget(w http.ResponseWriter, selector string) {
	w.Header().Set("HX-Retarget", selector)
	w.Header().Set("HX-Reswap", "innerHTML")
}

// link builds a path with a query; pairs are name, value.
func link(path string, pairs ...string) string {
	q := make(url.Values, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// size prints bytes as people read them, in steps of 1024, as iscdesk prints them.
func size(n int64) string {
	const step = 1024
	if n < step {
		return fmt.Sprintf("%d B", n)
	}
	value := float64(n) / step
	for _, unit := range []string{"KiB", "MiB", "GiB"} {
		if value < step {
			return fmt.Sprintf("%.1f %s", value, unit)
		}
		value /= step
	}
	return fmt.Sprintf("%.1f TiB", value)
}

// moment prints a time in the user's zone, or nothing for none.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}
