package walls

import (
	"go/ast"
	"path"
	"strings"
	"testing"
)

// TestExportedFunctionsHaveACaller: a function that only tests call stays right by chance and is
// read by everybody. The sdk and the ISV's packages are for others; a package of tests is for tests.
func TestExportedFunctionsHaveACaller(t *testing.T) {
	files := parseTree(t, "../..")
	for _, name := range uncalled(files) {
		t.Errorf("%s is called by tests only, or by nobody", name)
	}
}

func TestFunctionsWithoutCallersAreSeen(t *testing.T) {
	plant := func(code string) source { return parse(t, "package p\n"+code) }
	got := uncalled(map[string]source{
		"internal/p/p.go":           plant("func Used() {}\nfunc Alone() { Alone() }\nfunc Far() {}\ntype T struct{}\nfunc (T) Alone() { var t T; t.Alone() }"),
		"internal/p/q.go":           plant("func own() { Used() }"),
		"agent/a.go":                plant("func own() { p.Far() }"),
		"internal/ptest/fake.go":    plant("func Fake() { p.Alone() }"),
		"sdk/sdk.go":                plant("func ForOthers() {}"),
		"e2e/desk/stage_planted.go": plant("func Stage() { p.Alone() }"),
	})
	if len(got) != 1 || got[0] != "internal/p.Alone" {
		t.Errorf("got %q, want Alone only", got)
	}
}

// uncalled lists exported functions that no shipped file names outside their own body.
func uncalled(files map[string]source) (names []string) {
	shipped := func(file string) bool {
		return !strings.HasPrefix(file, "e2e/") && !strings.HasSuffix(path.Dir(file), "test") && !strings.HasPrefix(file, "internal/need/")
	}
	used := map[string]int{} // package's name and function's, as they are written
	for file, s := range files {
		if !shipped(file) {
			continue
		}
		for _, d := range s.tree.Decls {
			f, isFunc := d.(*ast.FuncDecl)
			var look ast.Node = d
			if isFunc && f.Body != nil {
				look = f.Body // types name no function, and its own name is no call
			}
			ast.Inspect(look, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.SelectorExpr:
					x, ok := n.X.(*ast.Ident)
					if ok {
						used[x.Name+"."+n.Sel.Name]++
					}
					return !ok // a method may bear a function's name
				case *ast.Ident:
					if !isFunc || f.Recv != nil || n.Name != f.Name.Name {
						used[path.Dir(file)+"."+n.Name]++
					}
				}
				return true
			})
		}
	}
	for file, s := range files {
		if !shipped(file) || strings.HasPrefix(file, "sdk/") || strings.HasPrefix(file, "merchant/") {
			continue
		}
		for _, d := range s.tree.Decls {
			f, ok := d.(*ast.FuncDecl)
			if ok && f.Recv == nil && f.Name.IsExported() && used[s.tree.Name.Name+"."+f.Name.Name]+used[path.Dir(file)+"."+f.Name.Name] == 0 {
				names = append(names, path.Dir(file)+"."+f.Name.Name)
			}
		}
	}
	return names
}
