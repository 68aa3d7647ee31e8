package browserless

import (
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

func withAtom(n *html.Node) *html.Node {
	n.DataAtom = atom.Lookup([]byte(n.Data))
	return n
}

func attr(n *html.Node, name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func has(n *html.Node, name string) bool { _, ok := attr(n, name); return ok }

func value(n *html.Node, name string) string { v, _ := attr(n, name); return v }

// find returns the first element of the tree that fits.
func find(n *html.Node, fits func(*html.Node) bool) *html.Node {
	if n == nil {
		return nil
	}
	if n.Type == html.ElementNode && fits(n) {
		return n
	}
	for c := n.FirstChild; c != nil; c = c.NextSibling {
		if got := find(c, fits); got != nil {
			return got
		}
	}
	return nil
}

func findAll(n *html.Node, fits func(*html.Node) bool) []*html.Node {
	var out []*html.Node
	find(n, func(n *html.Node) bool {
		if fits(n) {
			out = append(out, n)
		}
		return false
	})
	return out
}

func byID(n *html.Node, id string) *html.Node {
	return find(n, func(n *html.Node) bool { return value(n, "id") == id })
}

func element(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name }
}

// text is what a reader sees of a node, blanks folded. A span stands in its line: what
// it marks goes on in the same word.
func text(n *html.Node) string {
	var b strings.Builder
	var walk func(*html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.TextNode {
			b.WriteString(n.Data)
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		if n.Type == html.ElementNode && n.Data != "span" {
			b.WriteByte(' ')
		}
	}
	if n != nil {
		walk(n)
	}
	return strings.Join(strings.Fields(b.String()), " ")
}

// swap puts nodes where target says: into it, or in its place. Nodes that are
// marked for a place of their own go there.
func (p *Page) swap(target *html.Node, nodes []*html.Node, how string) {
	var here []*html.Node
	for _, n := range nodes {
		if n.Type == html.ElementNode && has(n, "hx-swap-oob") {
			if old := byID(p.main, value(n, "id")); old != nil {
				replace(old, []*html.Node{n})
			}
			continue
		}
		here = append(here, n)
	}
	if how == "outerHTML" {
		replace(target, here)
		return
	}
	for target.FirstChild != nil {
		target.RemoveChild(target.FirstChild)
	}
	for _, n := range here {
		target.AppendChild(n)
	}
}

func replace(old *html.Node, with []*html.Node) {
	parent := old.Parent
	if parent == nil {
		return
	}
	for _, n := range with {
		parent.InsertBefore(n, old)
	}
	parent.RemoveChild(old)
}

// fields gathers what a form would send, without buttons.
func fields(form *html.Node) url.Values {
	out := url.Values{}
	for _, n := range findAll(form, func(n *html.Node) bool { return (n.Data == "input" || n.Data == "select") && has(n, "name") }) {
		switch {
		case n.Data == "select":
			for _, o := range findAll(n, element("option")) {
				if has(o, "selected") || !out.Has(value(n, "name")) {
					out.Set(value(n, "name"), value(o, "value"))
				}
			}
		case value(n, "type") == "radio" && !has(n, "checked"):
		default:
			out.Add(value(n, "name"), value(n, "value"))
		}
	}
	return out
}
