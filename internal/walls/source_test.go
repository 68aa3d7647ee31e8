package walls

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// sourceBan is something that code must not say, apart from the files named.
type sourceBan struct {
	name   string
	in     string // path prefix below the module's root, "" for the whole tree
	except []string
	reason string
	finds  func(n ast.Node) bool
}

var sourceBans = []sourceBan{
	{
		name:   "time.Now",
		except: []string{"internal/clock/", "e2e/", "cshim/ctest/", "merchant/examples/"}, // an example is copied out of this module
		reason: "time comes from internal/clock, so that leases and rollbacks can be tried with a moved clock",
		finds:  selector("time", "Now"),
	},
	{
		name:   "an example that cannot be copied",
		in:     "merchant/examples/",
		reason: "a person copies an example into a module of their own, where packages below internal are refused",
		finds:  importsBelow("github.com/iscdesk/iscdesk/internal/"),
	},
	{
		name:   "bare go statement in sdk",
		in:     "sdk/",
		except: []string{"sdk/sdktest/"},
		reason: "a panic in a goroutine ends the customer's program: only spawn may start one",
		finds:  goStatement,
	},
	{
		name:   "bare go statement in cshim",
		in:     "cshim/",
		except: []string{"cshim/ctest/"},
		reason: "a panic in a goroutine ends the customer's program: only spawn may start one",
		finds:  goStatement,
	},
	{
		name:   "bare go statement in ipc",
		in:     "internal/ipc/",
		except: []string{"internal/ipc/spawn.go"},
		reason: "the link runs in a customer's process: only spawn may start a goroutine",
		finds:  goStatement,
	},
	{
		name:   "os.Getenv in the agent's rooms",
		in:     "agent/internal/",
		except: []string{"agent/internal/service/config/"},
		reason: "configuration is a struct argument, never the environment",
		finds:  selector("os", "Getenv"),
	},
	{
		name:   "a file written by the service itself",
		in:     "agent/internal/service/",
		reason: "the agent's state gets onto a disk by internal/atomicfile only, or a kill leaves half a file",
		finds:  selector("os", "WriteFile", "Create", "CreateTemp", "OpenFile", "OpenRoot", "Rename", "Link", "Symlink", "Truncate"),
	},
}

func TestSourceBans(t *testing.T) {
	files := parseTree(t, "../..")
	for _, b := range sourceBans {
		t.Run(b.name, func(t *testing.T) {
			seen := 0
			for path, file := range files {
				if !strings.HasPrefix(path, b.in) || hasAnyPrefix(path, b.except) {
					continue
				}
				seen++
				ast.Inspect(file.tree, func(n ast.Node) bool {
					if n != nil && b.finds(n) {
						t.Errorf("%s: %s: %s", file.set.Position(n.Pos()), b.name, b.reason)
					}
					return true
				})
			}
			if seen == 0 {
				t.Errorf("no file was looked at: the ban would be empty")
			}
			for _, prefix := range b.except {
				if !anyHasPrefix(files, prefix) {
					t.Errorf("the exception %s is for nothing", prefix)
				}
			}
		})
	}
}

// A ban that finds nothing could be a ban that looks at nothing.
func TestSourceBansFindWhatTheyBan(t *testing.T) {
	const sample = `package p
import ("os"; "time"; "github.com/iscdesk/iscdesk/internal/clock")
func f() { go f(); _ = time.Now(); _ = os.Getenv("X"); _ = os.WriteFile("x", nil, 0o600)}`
	tree := parse(t, sample).tree
	for _, b := range sourceBans {
		found := false
		ast.Inspect(tree, func(n ast.Node) bool {
			found = found || n != nil && b.finds(n)
			return true
		})
		if !found {
			t.Errorf("ban %q does not find the planted breach", b.name)
		}
	}
}

type source struct {
	set  *token.FileSet
	tree *ast.File
}

func parse(t *testing.T, code string) source {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, "sample.go", code, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{set, tree}
}

func parseTree(t *testing.T, root string) map[string]source {
	t.Helper()
	files := map[string]source{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(root, path)
		rel = filepath.ToSlash(rel)
		if d.IsDir() && (rel == "build" || d.Name() == "testdata" || d.Name() == ".git") {
			return filepath.SkipDir
		}
		if d.IsDir() || !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files[rel] = source{set, tree}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func selector(pkg string, names ...string) func(ast.Node) bool {
	return func(n ast.Node) bool {
		s, ok := n.(*ast.SelectorExpr)
		if !ok || !slices.Contains(names, s.Sel.Name) {
			return false
		}
		x, ok := s.X.(*ast.Ident)
		return ok && x.Name == pkg
	}
}

// importsBelow finds imports of packages whose path begins so.
func importsBelow(prefix string) func(ast.Node) bool {
	return func(n ast.Node) bool {
		i, ok := n.(*ast.ImportSpec)
		return ok && strings.HasPrefix(strings.Trim(i.Path.Value, `"`), prefix)
	}
}

func goStatement(n ast.Node) bool {
	_, ok := n.(*ast.GoStmt)
	return ok
}

func anyHasPrefix(files map[string]source, prefix string) bool {
	for path := range files {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

func hasAnyPrefix(path string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}
