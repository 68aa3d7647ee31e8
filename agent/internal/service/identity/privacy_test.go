package identity

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestPrivacyNamesWhatIsRead: every attribute that this package names in its code, and
// every call of Windows, stands in docs/privacy.md.
func TestPrivacyNamesWhatIsRead(t *testing.T) {
	doc, err := os.ReadFile("../../../../docs/privacy.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	// Words of paths that lead to an attribute or only sort out what does not count.
	way := map[string]bool{"sys": true, "class": true, "net": true, "block": true, "dmi": true, "id": true, "run": true, "etc": true,
		"data": true, "dev": true, "type": true, "removable": true}
	// Functions that read a file below the root, find a call of Windows or read its registry.
	asks := map[string]bool{"text": true, "read": true, "names": true, "device": true, "NewProc": true, "GetStringValue": true}
	seen := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fn, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || !asks[fn.Sel.Name] {
				return true
			}
			for _, arg := range call.Args {
				lit, ok := arg.(*ast.BasicLit)
				if !ok {
					continue
				}
				word, err := strconv.Unquote(lit.Value)
				if err != nil || way[word] {
					continue
				}
				if seen++; !strings.Contains(string(doc), word) {
					t.Errorf("%s reads %q, which docs/privacy.md does not name", file, word)
				}
			}
			return true
		})
	}
	if seen < 13 {
		t.Errorf("only %d attributes were found: the test reads the code wrongly", seen)
	}
}
