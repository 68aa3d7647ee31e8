// Command gen writes docs/errors.md from package api: the codes with their
// comments, names and sentences. Run by go generate ./sdk/api; a test fails when
// the file is stale. It is a tool of the build and of nobody else.
package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func main() {
	root, err := moduleRoot()
	if err == nil {
		err = write(root)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "gen:", err)
		os.Exit(1)
	}
}

// moduleRoot finds go.mod upwards, so that the command works from any folder of the tree.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		up := filepath.Dir(dir)
		if up == dir {
			return "", fmt.Errorf("find go.mod: not in the project's tree")
		}
		dir = up
	}
}

func target(root string) string { return filepath.Join(root, "docs", "errors.md") }

func write(root string) error {
	text, err := render(root)
	if err != nil {
		return err
	}
	return os.WriteFile(target(root), []byte(text), 0o644)
}

// code is one constant of code.go in its group.
type code struct {
	group, remark string
	value         api.Code
}

// codes reads the groups and remarks out of the source: they stand nowhere else.
func codes(root string) ([]code, error) {
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, "sdk", "api", "code.go"), nil, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	var list []code
	known := api.Codes()
	group := ""
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if spec.Doc != nil {
			group = strings.TrimSuffix(strings.TrimSpace(spec.Doc.Text()), ".")
		}
		if len(list) < len(known) {
			list = append(list, code{group, strings.TrimSpace(spec.Comment.Text()), known[len(list)]})
		}
		return true
	})
	if len(list) != len(known) {
		return nil, fmt.Errorf("code.go declares %d codes, %d have a text", len(list), len(known))
	}
	return list, nil
}

func render(root string) (string, error) {
	list, err := codes(root)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`# Error codes

Written by ` + "`go generate ./sdk/api`" + ` from sdk/api; do not edit.

A code is the same number in C (` + "`iscdesk.h`" + `), in Go (` + "`sdk/api`" + `), on the wire and in the ` + "`code`" + ` param of an
event. 0 is success, everything else is negative. Numbers are never used again and only ever added: treat one that you do not
know as a failure. Branch on the number; show the two sentences to the user. They say what happened and what to do next, in
the language that the application gave when it opened. ` + "`iscdesk`" + ` maps codes to exit codes: see ` + "`iscdesk --help`" + `.
`)
	group := "-"
	for _, c := range list {
		if c.value == api.OK {
			continue
		}
		if c.group != group {
			group = c.group
			fmt.Fprintf(&b, "\n## %s\n\n| code | name | what happened, what to do | 原因与处理 |\n|---|---|---|---|\n", group)
		}
		en, enHint := api.Text(c.value, "en")
		zh, zhHint := api.Text(c.value, "zh")
		name := "`" + api.Name(c.value) + "`"
		if c.remark != "" {
			name += "<br>" + cell(c.remark)
		}
		fmt.Fprintf(&b, "| %d | %s | %s %s | %s%s |\n", c.value, name, cell(en), cell(enHint), cell(zh), cell(zhHint))
	}
	b.WriteString("\n## Why a licence is refused\n\nCode -52 comes with one of these words in the param `refusal` of EVENT_LICENSE_VERIFY, and with its sentences.\n\n" +
		"| refusal | what happened, what to do | 原因与处理 |\n|---|---|---|\n")
	for _, reason := range api.Refusals() {
		en, enHint := api.RefusalText(reason, "en")
		zh, zhHint := api.RefusalText(reason, "zh")
		fmt.Fprintf(&b, "| `%s` | %s %s | %s%s |\n", reason, cell(en), cell(enHint), cell(zh), cell(zhHint))
	}
	return b.String(), nil
}

// cell keeps a text inside its cell of the table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
