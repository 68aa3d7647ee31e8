package sdk

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// What the library may import at all: it lives in a customer's process, and
// each package brings its own initialisation, threads and state along. (What
// must not even be reached indirectly is held by internal/walls.)
var imports = map[string]string{
	"context": "", "encoding/json": "", "errors": "", "fmt": "", "math/rand/v2": "", "path/filepath": "",
	"runtime": "the name of the system", "strconv": "", "strings": "", "sync": "", "time": "", "unicode/utf8": "",
	"os": "XDG_RUNTIME_DIR and HOME, for the endpoint",
	"github.com/iscdesk/iscdesk/internal/clock": "", "github.com/iscdesk/iscdesk/internal/ipc": "",
	"github.com/iscdesk/iscdesk/sdk/api": "",
}

// calls are functions that the library must not use, with the reason.
var calls = map[string]string{
	"fmt.Print": "standard output is the host's", "fmt.Printf": "standard output is the host's", "fmt.Println": "standard output is the host's",
	"time.AfterFunc": "starts a goroutine without recover", "context.AfterFunc": "starts a goroutine without recover",
	"os.Exit": "the process is the host's", "os.Setenv": "the environment is the host's", "os.Chdir": "the working folder is the host's",
	"os.Environ": "the environment is the host's", "os.LookupEnv": "the environment is the host's",
}

// values may not even be named.
var values = map[string]string{
	"os.Stdout": "the host's", "os.Stderr": "the host's", "os.Stdin": "the host's", "os.Args": "the host's",
}

func TestTheLibraryLeavesTheHostAlone(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		seen++
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, breach := range breaches(file) {
			t.Errorf("%s: %s", name, breach)
		}
	}
	if seen < 5 {
		t.Errorf("only %d files were looked at", seen)
	}
}

func TestBansFindWhatTheyBan(t *testing.T) {
	const sample = `package p
import ("net"; "os"; "fmt"; "time")
func f() { go f(); fmt.Println(os.Stdout); time.AfterFunc(1, f); os.Getenv("PATH"); os.Getenv("HOME"); panic(1) }`
	file, err := parser.ParseFile(token.NewFileSet(), "sample.go", sample, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := breaches(file); len(got) != 7 {
		t.Errorf("found %q", got)
	}
}

func breaches(file *ast.File) (found []string) {
	for _, spec := range file.Imports {
		path, _ := strconv.Unquote(spec.Path.Value)
		if _, ok := imports[path]; !ok {
			found = append(found, "imports "+path+", which is not on the list")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, "a go statement: a panic in it would end the host; use ipc.Spawn")
		case *ast.CallExpr:
			if id, ok := n.Fun.(*ast.Ident); ok && id.Name == "panic" {
				found = append(found, "panics: the process is the host's")
			}
			if name := qualified(n.Fun); name == "os.Getenv" {
				lit, ok := n.Args[0].(*ast.BasicLit)
				if !ok || lit.Value != `"XDG_RUNTIME_DIR"` && lit.Value != `"HOME"` {
					found = append(found, "reads the environment beyond the endpoint's")
				}
			} else if reason, ok := calls[name]; ok {
				found = append(found, name+": "+reason)
			}
		case *ast.SelectorExpr:
			if reason, ok := values[qualified(n)]; ok {
				found = append(found, qualified(n)+": "+reason)
			}
		}
		return true
	})
	return found
}

func qualified(n ast.Expr) string {
	s, ok := n.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	x, ok := s.X.(*ast.Ident)
	if !ok {
		return ""
	}
	return x.Name + "." + s.Sel.Name
}
