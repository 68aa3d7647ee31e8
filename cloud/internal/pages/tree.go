package pages

import (
	"context"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// node is a department as pages show it.
type node struct {
	meta.Department
	Depth   int
	Path    string // names from the top, with › between
	Members int    // its own
	Total   int    // with those below
	Inside  []*node
}

// Option is the department's name in a list of choices, with its place in the tree.
func (n *node) Option() string { return strings.Repeat("\u2003", n.Depth) + n.Name }

// tree is an organisation's departments.
type tree struct {
	Top  []*node
	All  []*node // in the order of the tree
	byID map[string]*node
	of   map[string]string // account: department
}

// name is the path of an account's department, "" for none.
func (t *tree) name(account string) string {
	if n := t.byID[t.of[account]]; n != nil {
		return n.Path
	}
	return ""
}

// inside says whether a department is id or below it.
func (t *tree) inside(department, id string) bool {
	for n := t.byID[department]; n != nil; n = t.byID[n.Parent] {
		if n.ID == id {
			return true
		}
	}
	return false
}

func (c *Console) tree(ctx context.Context, org string) (*tree, error) {
	list, err := c.c.Store.ListDepartments(ctx, org)
	if err != nil {
		return nil, err
	}
	of, err := c.c.Store.MemberDepartments(ctx, org)
	if err != nil {
		return nil, err
	}
	t := &tree{byID: map[string]*node{}, of: of}
	for _, d := range list {
		t.byID[d.ID] = &node{Department: d}
	}
	for _, id := range of {
		if n := t.byID[id]; n != nil {
			n.Members++
		}
	}
	for _, d := range list { // by name, so siblings come by name
		n := t.byID[d.ID]
		if up := t.byID[d.Parent]; up != nil {
			up.Inside = append(up.Inside, n)
		} else {
			t.Top = append(t.Top, n)
		}
	}
	for _, n := range t.Top {
		t.walk(n, 0, "")
	}
	return t, nil
}

// walk gives depth, path and totals; the store keeps the tree free of circles and 16 deep at most.
func (t *tree) walk(n *node, depth int, above string) int {
	n.Depth, n.Path, n.Total = depth, above+n.Name, n.Members
	t.All = append(t.All, n)
	for _, child := range n.Inside {
		n.Total += t.walk(child, depth+1, n.Path+" › ")
	}
	return n.Total
}
