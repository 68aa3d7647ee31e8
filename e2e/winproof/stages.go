//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/iscdesk/iscdesk/internal/winetest"
)

const module = "github.com/iscdesk/iscdesk/"

// excluded are packages whose tests do not run as Windows programs, and why.
var excluded = map[string]string{
	"e2e":                   "runs on Linux and drives Windows programs (stage processes)",
	"internal/walls":        "reads the source tree, the same on every system",
	"internal/cloudapitest": "reads the source tree, the same on every system",
}

// in32 are the packages whose tests run as 32-bit programs too: what lies in the
// customer's process, and what counts bytes.
var in32 = []string{"internal/ipc", "internal/chunk", "internal/token", "sdk", "sdk/api", "sdk/browser"}

// stage is one run of go test.
type stage struct {
	name, what string
	packages   []string // paths below the module
	args, env  []string
	only       string // -run's pattern, over that of args
	skipped    string // why it cannot run, or empty
}

// plan finds what there is to run. The prefix w is for the tests that run as Windows
// programs; the others make their own.
func plan(ctx context.Context, w *winetest.Wine) ([]stage, error) {
	tested, err := list(ctx, "windows", `{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}`)
	if err != nil {
		return nil, err
	}
	for path := range excluded {
		if !slices.Contains(tested, path) {
			return nil, fmt.Errorf("%s is excluded and has no tests on Windows", path)
		}
	}
	run := slices.DeleteFunc(slices.Clone(tested), func(path string) bool { return excluded[path] != "" })
	foreign := []string{"-overlay", w.Overlay(), "-exec", filepath.Join(w.Build, "../.ci/wine-exec"), "-timeout", "4m"}
	// With CI=true a test that cannot run fails, and Wine lacks much of Windows. Here the
	// table of claims says which tests must have run.
	env := func(arch string) []string {
		return append(w.Settings(), "GOOS=windows", "CGO_ENABLED=0", "CI=", "GOARCH="+arch)
	}
	driving, err := drivers(ctx)
	if err != nil {
		return nil, err
	}
	return []stage{
		{name: "amd64", what: "packages' own tests, as 64-bit programs", packages: run, args: foreign, env: env("amd64")},
		{name: "386", what: "of the library's packages, as 32-bit programs", packages: in32, args: foreign, env: env("386"), skipped: w.No32()},
		{name: "processes", what: "real programs, driven from here", packages: driving, args: []string{"-run", "^TestWindows", "-timeout", "20m"}},
	}, nil
}

// list names packages of the module as a system sees them.
func list(ctx context.Context, goos, format string) ([]string, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-f", format, "./...")
	cmd.Env = append(os.Environ(), "GOOS="+goos, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list packages: %w", err)
	}
	var paths []string
	for _, p := range strings.Fields(string(out)) {
		paths = append(paths, strings.TrimPrefix(p, module))
	}
	return paths, nil
}

var drives = regexp.MustCompile(`(?m)^func TestWindows`)

// drivers are the packages with tests of such names in files that Linux compiles.
func drivers(ctx context.Context) ([]string, error) {
	files, err := list(ctx, "linux", `{{$p := .}}{{range .TestGoFiles}}{{$p.ImportPath}}/{{.}} {{end}}{{range .XTestGoFiles}}{{$p.ImportPath}}/{{.}} {{end}}`)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if drives.Match(text) {
			found[file[:strings.LastIndexByte(file, '/')]] = true
		}
	}
	return sorted(found), nil
}

// run runs go test over the stage's packages. That tests fail is no error of it.
func (s stage) run(ctx context.Context, root string, told io.Writer) (results, error) {
	args := append([]string{"test", "-json", "-count=1"}, s.args...)
	if s.only != "" {
		args = append(args, "-run", s.only)
	}
	for _, p := range s.packages {
		args = append(args, "./"+p)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), s.env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r, err := read(out, s.name, told)
	if waited := cmd.Wait(); err == nil && waited != nil && len(r.failed()) == 0 {
		err = fmt.Errorf("go test: %w: %s", waited, errs.String())
	}
	return r, err
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
