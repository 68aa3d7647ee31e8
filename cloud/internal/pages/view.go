package pages

import (
	"html/template"
	"strings"
	"time"
)

// View is what a template is given: the page's own data as D, and what every page has.
type View struct {
	D    any
	Body template.HTML // shell only
	v    *Visit
}

// Sub is the view for a template inside a page: with other data. Templates call it as sub.
func (w View) Sub(data any) View { return View{D: data, v: w.v} }

// T is a sentence in the page's language.
func (w View) T(key string, args ...any) string { return w.v.T(key, args...) }

// Lang is the value of the lang attribute.
func (w View) Lang() string { return w.v.language.tag() }

// User is who is signed in.
func (w View) User() User { return w.v.User }

// Merchant is the name that the user's organisation sells under, "" for none.
func (w View) Merchant() string { return w.v.Merchant.Name }

// CSRF is the token of the session's forms.
func (w View) CSRF() string {
	if !w.v.SignedIn() {
		return ""
	}
	return csrfOf(w.v.secret)
}

// In is a value of the form that is shown again; never ask it for a password.
func (w View) In(name string) string { return w.v.In(name) }

// Query is a value of the address.
func (w View) Query(name string) string { return w.v.Query(name) }

// Link builds a path with a query.
func (w View) Link(path string, pairs ...string) string { return Link(path, pairs...) }

// Problem is the refusal on top of the page, or nil.
func (w View) Problem() *problem { return w.v.problem }

// Notice is what a POST has done, from the address; only our own sentences are shown.
func (w View) Notice() string {
	key := "done." + w.v.Query("done")
	if _, known := w.v.c.words[key]; !known || w.v.problem != nil || w.v.form != nil {
		return ""
	}
	return w.T(key)
}

// Asset is the address of a file of the console.
func (w View) Asset(name string) string { return Root + "assets/" + name + "?v=" + w.v.c.version }

// navEntry is one place in the navigation.
type navEntry struct {
	Text, Path string
	Here       bool
}

// Nav lists the pages that the user may open.
func (w View) Nav() (list []navEntry) {
	here := w.v.R.URL.Path
	best := -1
	for _, p := range w.v.c.list {
		if p.Nav == "" || !w.v.allowed(p.Need) {
			continue
		}
		path := strings.TrimSuffix(strings.TrimPrefix(p.Pattern, "GET "), "{$}")
		if (here == path || strings.HasPrefix(here, strings.TrimSuffix(path, "/")+"/")) && (best < 0 || len(path) > len(list[best].Path)) && (path != Root || here == Root) {
			best = len(list)
		}
		list = append(list, navEntry{Text: w.T(p.Nav), Path: path})
	}
	if best >= 0 {
		list[best].Here = true
	}
	return list
}

// Title is the heading of the window: the template "title" of the page's own is its h1.
func (w View) Title() string {
	if w.v.problem != nil {
		return w.v.problem.Title
	}
	if w.v.page.Nav != "" {
		return w.T(w.v.page.Nav)
	}
	return w.T("console")
}

// Other is the switch to the other language: its own name, and the address.
func (w View) Other() navEntry {
	q := w.v.R.URL.Query()
	to := "zh"
	if w.v.language == chinese {
		to = "en"
	}
	path := w.v.R.URL.Path
	if w.v.R.Method != "GET" { // the address of a form cannot be opened
		path, q = Root, nil
	}
	if q == nil {
		return navEntry{Text: w.T("language.other"), Path: Link(path, "lang", to)}
	}
	q.Set("lang", to)
	q.Del("done")
	return navEntry{Text: w.T("language.other"), Path: path + "?" + q.Encode()}
}

// OtherTag is the language of the switch's own words.
func (w View) OtherTag() string {
	if w.v.language == chinese {
		return english.tag()
	}
	return chinese.tag()
}

const stampForm = "2006-01-02 15:04"

// Time is a moment as every page shows it: in UTC, which the script changes to the reader's zone.
func (w View) Time(t time.Time) template.HTML {
	if t.IsZero() {
		return "–"
	}
	t = t.UTC()
	return template.HTML(`<time datetime="` + t.Format(time.RFC3339) + `">` + t.Format(stampForm) + ` UTC</time>`) // digits only
}
