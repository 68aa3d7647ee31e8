package cloudapitest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// unheld are the files that serve HTTP, run the cloud or answer for it, and are not
// held against openapi.yaml, each with its reason.
var unheld = map[string]string{
	"cloud/main.go":                        "is the cloud",
	"cloud/serve.go":                       "is the cloud; each test that runs it has a front or a checked client",
	"cloud/internal/certs/certs_test.go":   "TLS only: it answers 404 to everything and nobody asks",
	"cloud/internal/conns/flood_test.go":   "connections below HTTP: no path of the API is served, an upload's length is its answer",
	"agent/internal/worker/picker/page.go": "serves pages to the user's browser, not the cloud's API",
	"internal/cloudhttp/client_test.go":    "the transport itself: no path of the API is served, and what it answers is a planted fault",
	"e2e/demo/demo.go":                     "copies the program; steps.go starts it, with a contract",
	"e2e/bench/main.go":                    "measures: the comparison would be measured",
	"e2e/desk/market.go":                   "registers at the stage's cloud, which a front holds; the open API is no part of the file",
	"e2e/load_test.go":                     "loses bytes on purpose: what is half a message can be held against nothing",

	"cloud/internal/cases/faults_test.go":               "an ISV's server with planted mistakes: it speaks the marketplace's production interfaces",
	"cloud/internal/produce/producetest/producetest.go": "an ISV's server: it speaks the marketplace's production interfaces",
	"cloud/internal/produce/sender.go":                  "names itself to ISVs' servers",
	"merchant/examples/isvserver/serve.go":              "an ISV's server: it speaks the marketplace's production interfaces",
	"merchant/kill_test.go":                             "an ISV's server: it speaks the marketplace's production interfaces",
	"merchant/openapi/market_test.go":                   "the marketplace's open API with planted faults; merchant/wire holds its messages",
}

// speaks is how a Go file takes part in the cloud's API, in words; empty when it does not.
// tests says that the file is a test's or a test program's.
func speaks(f *ast.File, tests bool) (how []string) {
	servers, contracts, takes := 0, 0, false // takes: a caller gives the contract
	add := func(what string) {
		if !slices.Contains(how, what) {
			how = append(how, what)
		}
	}
	bare, answers := false, false
	ast.Inspect(f, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.SelectorExpr:
			switch pkg := name(n.X); {
			case pkg == "httptest" && strings.HasPrefix(n.Sel.Name, "New") && strings.HasSuffix(n.Sel.Name, "Server"):
				servers++
			case pkg == "http" && (strings.HasPrefix(n.Sel.Name, "ListenAndServe") || n.Sel.Name == "Serve" || n.Sel.Name == "ServeTLS"):
				servers++
			case pkg == "cloudapitest" && (n.Sel.Name == "For" || n.Sel.Name == "Load"):
				contracts++
			case pkg == "cloudapitest" && n.Sel.Name == "Contract":
				takes = true
			}
		case *ast.CompositeLit:
			if s, ok := n.Type.(*ast.SelectorExpr); ok && name(s.X) == "http" && s.Sel.Name == "Server" {
				servers++
			}
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING && (text == "iscdesk-cloud" || strings.HasSuffix(text, "/iscdesk/cloud")) {
				add("runs the cloud")
			}
		case *ast.CallExpr:
			if len(n.Args) == 0 {
				break
			}
			last := name(n.Args[len(n.Args)-1])
			switch called := name(n.Fun); {
			case (called == "StartCloud" || called == "SetUp") && last == "nil", called == "stage" && last == "false":
				bare = true
			}
		case *ast.FuncDecl:
			answers = answers || tests && n.Recv != nil && answersForTheCloud(n) && !held(n)
		}
		return true
	})
	if takes || contracts > 0 {
		how = nil
	}
	if answers { // each method for itself: a contract elsewhere in the file holds none of them
		how = append(how, "answers for the cloud")
	}
	if servers > contracts {
		how = append(how, "serves HTTP without a contract")
	}
	if bare {
		how = append(how, "starts a cloud without a contract")
	}
	return how
}

// answersForTheCloud says whether a method takes calls for the cloud, or gives one of
// its answers beside an error.
func answersForTheCloud(f *ast.FuncDecl) bool {
	is := func(t ast.Expr, pkg, want string) bool {
		s, ok := t.(*ast.SelectorExpr)
		return ok && name(s.X) == pkg && (want == "" || s.Sel.Name == want)
	}
	for _, p := range f.Type.Params.List {
		if is(p.Type, "cloudhttp", "Request") && f.Name.Name == "Do" {
			return true
		}
	}
	r := f.Type.Results
	return r != nil && len(r.List) == 2 && is(r.List[0].Type, "cloudapi", "") && name(r.List[1].Type) == "error"
}

// held says whether a method compares its call, or goes on to one of the same name where calls
// are compared: another fake's, which this test looks at as well, or transfertest.Drive's.
func held(f *ast.FuncDecl) bool {
	found := false
	ast.Inspect(f, func(node ast.Node) bool {
		if c, ok := node.(*ast.CallExpr); ok {
			s, ok := c.Fun.(*ast.SelectorExpr)
			found = found || ok && (s.Sel.Name == "Says" || s.Sel.Name == f.Name.Name && ownField(s.X))
		}
		return true
	})
	return found
}

// ownField says whether an expression is a field of something, as the embedded fake is of a
// method's receiver.
func ownField(e ast.Expr) bool { _, ok := e.(*ast.SelectorExpr); return ok }

// name is an identifier's, or the last one of a selector.
func name(e ast.Expr) string {
	switch n := e.(type) {
	case *ast.Ident:
		return n.Name
	case *ast.SelectorExpr:
		return n.Sel.Name
	}
	return ""
}

// TestEveryoneWhoSpeaksIsHeld reads the whole tree: whoever serves HTTP, runs the
// cloud or answers for it uses this package, or stands above with the reason.
func TestEveryoneWhoSpeaksIsHeld(t *testing.T) {
	excused := map[string]bool{}
	files := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.ToSlash(strings.TrimPrefix(file, root+string(filepath.Separator)))
		if d.IsDir() {
			if at == "build" || at == ".git" || at == "internal/cloudapitest" {
				return filepath.SkipDir
			}
			return nil
		}
		switch path.Ext(at) {
		case ".sh", ".c", ".cc", ".cpp", ".py", ".txtar": // they would speak by curl; none does
			b, err := os.ReadFile(file)
			if err == nil && strings.Contains(string(b), "/v1/") {
				t.Errorf("%s names a path of the cloud's API and cannot be held against openapi.yaml", at)
			}
			return err
		case ".go":
		default:
			return nil
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Logf("%s does not parse: %v", at, err) // a compile error is the build's to report
			return nil
		}
		how := speaks(f, isTest(at))
		switch _, listed := unheld[at]; {
		case len(how) > 0 && !listed:
			t.Errorf("%s %s, and nothing is held against openapi.yaml: use internal/cloudapitest, or give the reason in unheld", at, strings.Join(how, ", "))
		case len(how) > 0:
			excused[at] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 300 {
		t.Errorf("only %d files were read: the test looks at the wrong folder", files)
	}
	for at := range unheld {
		if !excused[at] {
			t.Errorf("%s is excused without need", at)
		}
	}
}

// isTest says whether a file belongs to a test or to a program that only tests use.
func isTest(at string) bool {
	return strings.HasSuffix(at, "_test.go") || strings.HasSuffix(path.Dir(at), "test") || strings.HasPrefix(at, "e2e/")
}

// TestUnheldOnesAreSeen plants files of each kind, and their good neighbours.
func TestUnheldOnesAreSeen(t *testing.T) {
	for _, c := range []struct {
		name, code, want string
	}{
		{"a server of a test", `var s = httptest.NewTLSServer(h)`, "serves HTTP without a contract"},
		{"a server held", `var s = httptest.NewTLSServer(cloudapitest.For(t).Fake(h))`, ""},
		{"two servers, one held", `var s, z = httptest.NewTLSServer(cloudapitest.For(t).Fake(h)), httptest.NewServer(h)`, "serves HTTP without a contract"},
		{"a server by hand", `var s = &http.Server{Handler: h}`, "serves HTTP without a contract"},
		{"the shortest server", `func f() { http.ListenAndServe("", h) }`, "serves HTTP without a contract"},
		{"the program", `var c = exec.Command("iscdesk-cloud", "serve")`, "runs the cloud"},
		{"the program, built", `var c = exec.Command("go", "build", "github.com/iscdesk/iscdesk/cloud")`, "runs the cloud"},
		{"the program with a front", `var c, f = exec.Command("iscdesk-cloud"), cloudapitest.For(t)`, ""},
		{"the program for a caller with a contract", `func f(c *cloudapitest.Contract) { exec.Command("iscdesk-cloud") }`, ""},
		{"a transport's fake", `func (f fake) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) { return f.x(r) }`, "answers for the cloud"},
		{"a drive's line", `func (l line) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) { return l.Drive.Do(ctx, r) }`, ""},
		{"an interface's fake that says what it answers", `func (f fake) Spaces() (cloudapi.Spaces, error) { f.held.Says("GET", "/v1/spaces", nil, 200, f.s); return f.s, nil }`, ""},
		{"a further method of one that is held", `var c = cloudapitest.For(t); func (f fake) Spaces() (cloudapi.Spaces, error) { f.held.Says("GET", "/v1/spaces", nil, 200, f.s); return f.s, nil }; func (f fake) Versions() (cloudapi.Versions, error) { return f.v, nil }`, "answers for the cloud"},
		{"a fake before another one", `func (b bound) Object() (cloudapi.Object, error) { return b.drive.Object() }`, ""},
		{"an interface's fake", `func (f fake) Spaces() (cloudapi.Spaces, error) { return f.s, nil }`, "answers for the cloud"},
		{"a stage", `var s, err = desk.SetUp(ctx, bin, dir, "x", nil)`, "starts a cloud without a contract"},
		{"a stage beside a contract", `var s, c = desk.SetUp(ctx, bin, dir, "x", nil), cloudapitest.For(t)`, "starts a cloud without a contract"},
		{"a stage that is not described", `var s = stage(t, "x", false)`, "starts a cloud without a contract"},
		{"a stage that is", `var s = stage(t, "x", true)`, ""},
	} {
		f, err := parser.ParseFile(token.NewFileSet(), "planted.go", "package p\n"+c.code+"\n", parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := strings.Join(speaks(f, true), ", "); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
