package browserless

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
)

// Refusal is what the page itself says in the way of an action, in its language.
type Refusal struct{ Text string }

func (r *Refusal) Error() string { return r.Text }

// Title is the page's heading.
func (p *Page) Title() string { return text(find(p.main, element("h1"))) }

// Text is all that the page shows.
func (p *Page) Text() string { return text(p.main) }

// View names the view: pick, saveAs, signIn, busy, done, ended, problem.
func (p *Page) View() string {
	return value(find(p.main, func(n *html.Node) bool { return has(n, "data-view") }), "data-view")
}

// Good tells whether the operation ended well.
func (p *Page) Good() bool { return p.View() == "done" }

// Rows lists the names in the folder that is shown.
func (p *Page) Rows() []string {
	var out []string
	for _, n := range findAll(p.main, func(n *html.Node) bool { return has(n, "data-name") }) {
		out = append(out, value(n, "data-name"))
	}
	return out
}

// click does what the element says that it does.
func (p *Page) click(ctx context.Context, n *html.Node, form url.Values) error {
	method, path := http.MethodGet, value(n, "hx-get")
	if path == "" {
		method, path = http.MethodPost, value(n, "hx-post")
	}
	if path == "" {
		return errors.New("the element does nothing")
	}
	target := value(n, "hx-target")
	if target == "this" {
		target = "#" + value(n, "id")
	}
	if method == http.MethodPost && form == nil {
		form = url.Values{}
	}
	return p.follow(ctx, method, path, form, target, value(n, "hx-swap"))
}

// refusal is the page's alert, if it shows one.
func (p *Page) refusal() error {
	if alert := find(p.main, func(n *html.Node) bool { return value(n, "role") == "alert" }); alert != nil {
		return &Refusal{Text: text(alert)}
	}
	if p.View() == "problem" {
		return &Refusal{Text: p.Text()}
	}
	return nil
}

// SignIn fills the sign-in form in.
func (p *Page) SignIn(ctx context.Context, account, password string) error {
	form := find(p.main, element("form"))
	if p.View() != "signIn" || form == nil {
		return errors.New("sign in: the page does not ask for it")
	}
	values := fields(form)
	values.Set("account", account)
	values.Set("password", password)
	if err := p.click(ctx, form, values); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	return p.refusal()
}

// Enter clicks a space and then folders, each by its name.
func (p *Page) Enter(ctx context.Context, space string, folders ...string) error {
	for i, name := range append([]string{space}, folders...) {
		within := byID(p.main, "spaces")
		if i > 0 {
			within = byID(p.main, "rows")
		}
		n := p.named(ctx, within, name)
		if n == nil || n.Data != "button" {
			return fmt.Errorf("enter %q: not on the page", name)
		}
		if err := p.click(ctx, n, nil); err != nil {
			return fmt.Errorf("enter %q: %w", name, err)
		}
		if err := p.refusal(); err != nil {
			return err
		}
	}
	return nil
}

// Choose selects an object of the list.
func (p *Page) Choose(ctx context.Context, name string) error {
	n := p.named(ctx, byID(p.main, "rows"), name)
	if n == nil || n.Data != "input" {
		return fmt.Errorf("choose %q: not on the page", name)
	}
	if err := p.click(ctx, n, nil); err != nil {
		return fmt.Errorf("choose %q: %w", name, err)
	}
	return nil
}

// named finds the control of a row or of a space; a long list is unrolled.
func (p *Page) named(ctx context.Context, within *html.Node, name string) *html.Node {
	for {
		for _, n := range findAll(within, func(n *html.Node) bool { return has(n, "hx-get") }) {
			label := find(n, func(n *html.Node) bool { return strings.HasSuffix(value(n, "class"), "-name") })
			if n.Data == "input" {
				label = find(n.Parent, func(n *html.Node) bool { return value(n, "class") == "entry-name" })
			}
			if label != nil && text(label) == strings.Join(strings.Fields(name), " ") {
				return n
			}
		}
		more := find(byID(within, "more"), element("button"))
		if more == nil || p.click(ctx, more, nil) != nil {
			return nil
		}
	}
}

// Open presses "open", or "open and check out". A disabled button is a *Refusal
// with the reason that stands beside it.
func (p *Page) Open(ctx context.Context, checkout bool) error {
	form, id := byID(p.main, "choice"), "open"
	if checkout {
		id = "checkout"
	}
	button := byID(form, id)
	if button == nil {
		return errors.New("open: the page has no such button")
	}
	if has(button, "disabled") {
		return &Refusal{Text: text(byID(form, "why"))}
	}
	values := fields(form)
	if name := value(button, "name"); name != "" {
		values.Set(name, value(button, "value"))
	}
	if err := p.click(ctx, form, values); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	return p.refusal()
}

// NewFolder makes a folder in the one that is shown, and goes into it.
func (p *Page) NewFolder(ctx context.Context, name string) error {
	form := byID(p.main, "new-folder")
	if form == nil {
		return errors.New("make folder: the page does not offer it here")
	}
	values := fields(form)
	values.Set("name", name)
	if err := p.click(ctx, form, values); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	return p.refusal()
}

// Save presses "save" with a name; an empty one keeps what the page proposes.
func (p *Page) Save(ctx context.Context, name string) error {
	form := byID(p.main, "choice")
	if form == nil || byID(form, "name") == nil {
		return errors.New("save: the page does not ask for a name")
	}
	values := fields(form)
	if name != "" {
		values.Set("name", name)
	}
	if err := p.click(ctx, form, values); err != nil {
		return fmt.Errorf("save: %w", err)
	}
	return p.refusal()
}

// Cancel presses the page's cancel button.
func (p *Page) Cancel(ctx context.Context) error {
	n := find(p.main, func(n *html.Node) bool { return has(n, "data-cancel") })
	if n == nil {
		return errors.New("cancel: the page has no such button")
	}
	return p.click(ctx, n, nil)
}
