package pages

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// User is who is signed in; zero for a stranger.
type User struct {
	Account, Name, Role, Org, OrgName string
	Operator                          bool // administrator of the organisation that runs the cloud
}

// Admin tells administrators.
func (u User) Admin() bool { return u.Role == meta.RoleAdmin }

// Visit is one request on its way. It belongs to the request's goroutine.
type Visit struct {
	R        *http.Request
	W        http.ResponseWriter
	Now      time.Time // read once
	ID       string    // of the request, also in the log
	User     User
	Merchant meta.Merchant // what the user's organisation sells as; zero for none

	c        *Console
	page     Page
	language language
	secret   string // of the session
	family   string
	form     url.Values // of a POST
	problem  *problem   // what is shown on top
	ready    bool       // all checks are passed
}

// SignedIn tells a session's visit from a stranger's.
func (v *Visit) SignedIn() bool { return v.User.Account != "" }

// Who is the visit's user as the rooms know one.
func (v *Visit) Who() meta.Who {
	return meta.Who{Account: v.User.Account, Org: v.User.Org, Now: v.Now}
}

// Why begins the audit entry of what a page does; pairs are name, value, ….
func (v *Visit) Why(action string, pairs ...string) meta.Entry {
	e := meta.Entry{Org: v.User.Org, Time: meta.Stamp(v.Now), Account: v.User.Account, Action: action}
	for i := 0; i+1 < len(pairs); i += 2 {
		if e.Params == nil {
			e.Params = map[string]string{}
		}
		e.Params[pairs[i]] = pairs[i+1]
	}
	return e
}

// In is a value of the form, with blanks around it taken off; "" on a GET.
func (v *Visit) In(name string) string { return strings.TrimSpace(v.form.Get(name)) }

// Secret is a value of the form as it is: blanks belong to a password.
func (v *Visit) Secret(name string) string { return v.form.Get(name) }

// Query is a value of the address, bounded.
func (v *Visit) Query(name string) string {
	q := strings.TrimSpace(v.R.URL.Query().Get(name))
	if len(q) > 256 {
		return ""
	}
	return q
}

// Redirect ends the visit with another page.
func (v *Visit) Redirect(to string) error {
	v.W.Header().Set("Location", to)
	v.W.WriteHeader(http.StatusSeeOther)
	return nil
}

// Done ends a POST: the page at path shows the sentence of key, which begins with "done.".
func (v *Visit) Done(path, key string) error {
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return v.Redirect(path + sep + "done=" + url.QueryEscape(strings.TrimPrefix(key, "done.")))
}

// Show ends the visit with a whole page: the template of that name, given a View with data as .D.
// It renders into memory first, so that a defect is an error and never half a page.
func (v *Visit) Show(name string, data any) error {
	view := View{v: v, D: data}
	body, err := v.render(name, view)
	if err != nil {
		return err
	}
	view.Body = template.HTML(body) // came out of html/template
	page, err := v.render("shell", view)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if v.problem != nil {
		status = v.problem.Status
	}
	return v.write(status, page)
}

// Part ends the visit with a piece of a page, for htmx.
func (v *Visit) Part(name string, data any) error {
	body, err := v.render(name, View{v: v, D: data})
	if err != nil {
		return err
	}
	return v.write(http.StatusOK, body)
}

func (v *Visit) render(name string, view View) ([]byte, error) {
	var out bytes.Buffer
	if err := v.c.templates.ExecuteTemplate(&out, name, view); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return out.Bytes(), nil
}

func (v *Visit) write(status int, body []byte) error {
	if v.problem != nil && v.problem.Wait != "" {
		v.W.Header().Set("Retry-After", v.problem.Wait)
	}
	v.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.W.WriteHeader(status)
	_, _ = v.W.Write(body) // the browser's loss only
	return nil
}

// Link builds a path with a query; pairs are name, value, and empty values are left out.
func Link(path string, pairs ...string) string {
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
