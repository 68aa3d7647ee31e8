package cloudhttp

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNobodySwitchesVerificationOff reads every Go file of the repository, tests
// included: no member of tls.Config that weakens or replaces the verification of
// the server may be named anywhere.
func TestNobodySwitchesVerificationOff(t *testing.T) {
	banned := map[string]bool{}
	for _, parts := range [][]string{{"Insecure", "Skip", "Verify"}, {"Verify", "Peer", "Certificate"}, {"Verify", "Connection"}} {
		banned[strings.Join(parts, "")] = true
	}
	found := func(path string) (names []string) {
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Logf("%s does not parse: %v", path, err) // a compile error is the build's to report
			return nil
		}
		ast.Inspect(f, func(node ast.Node) bool {
			if id, ok := node.(*ast.Ident); ok && banned[id.Name] {
				names = append(names, id.Name)
			}
			return true
		})
		return names
	}
	for name := range banned { // the test itself must see what it bans
		planted := filepath.Join(t.TempDir(), "planted.go")
		text := "package p\nimport \"crypto/tls\"\nvar c = tls.Config{" + name + ": x}\n"
		if err := os.WriteFile(planted, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if len(found(planted)) != 1 {
			t.Errorf("planted %s was not found", name)
		}
	}
	files := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "build"):
			return filepath.SkipDir
		case strings.HasSuffix(path, ".go"):
			files++
			for _, name := range found(path) {
				t.Errorf("%s names %s", path, name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 50 {
		t.Errorf("only %d files were read: the test looks at the wrong folder", files)
	}
}
