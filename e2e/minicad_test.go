//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iscdesk/iscdesk/e2e/desk"
)

// screen is the first engineer's minicad and the browser beside it.
type screen struct {
	cad   *desk.Minicad
	task  string    // of the next page, in JSON
	pages []*answer // given so far
}

// answer is a browser that answers a page.
type answer struct {
	cmd  *exec.Cmd
	said bytes.Buffer
}

// minicad is the script's command: start, kill, quit, or do and one of minicad's own;
// until does it again and again until it is done, at most a minute.
func (s *theStage) minicad(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: minicad start|kill|quit|do|until COMMAND…")
	}
	switch args[0] {
	case "start":
		program, err := s.compile("minicad", "../cshim/examples/minicad.c")
		ts.Check(err)
		key, err := s.Cloud.IssuerKey(context.Background())
		ts.Check(err)
		cmd := s.Command(0, program, "--endpoint", s.Agent.Socket, "--product", desk.Product, "--key", key, "--no-browser")
		s.cad, err = desk.StartMinicad(cmd, s.browse)
		ts.Check(err)
	case "kill":
		s.Kill(s.cad)
	case "quit":
		s.cad.Quit()
	case "do", "until":
		command := strings.Join(args[1:], " ")
		name, rest, _ := strings.Cut(command, " ")
		said, err := s.cad.Do("%s %s", name, s.Named(rest))
		for end := time.Now().Add(time.Minute); args[0] == "until" && errors.Is(err, desk.ErrRefused) && time.Now().Before(end); {
			time.Sleep(200 * time.Millisecond)
			said, err = s.cad.Do("%s %s", name, s.Named(rest))
		}
		_, _ = io.WriteString(ts.Stdout(), s.Linux(said))
		for _, page := range s.pages {
			if err := page.cmd.Wait(); err != nil {
				ts.Fatalf("browser: %v\n%s", err, page.said.String())
			}
		}
		s.pages = nil
		if (err != nil) != neg {
			ts.Fatalf("minicad %s: %v, wanted failure: %v\n%s", command, err, neg, said)
		}
	}
}

// page says in JSON what the engineer does with the next page (browserless.Task).
func (s *theStage) page(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: page TASK")
	}
	s.task = args[0]
}

// browse is the engineer's browser at an address that minicad told.
func (s *theStage) browse(address string) error {
	a := &answer{cmd: s.Command(0, s.player, "answer-page", address, s.task)}
	a.cmd.Stdout, a.cmd.Stderr = &a.said, &a.said
	s.pages = append(s.pages, a)
	return a.cmd.Start()
}

// compile builds an example's C program for the desk, with the library that it is given.
func (s *theStage) compile(name, source string, flags ...string) (string, error) {
	build, err := filepath.Abs("../build")
	if err != nil {
		return "", err
	}
	out := filepath.Join(s.Dir, name)
	cc := append([]string{"cc", "-O2", "-o", out, source, "-I" + build + "/include"}, flags...)
	library := "lib/libiscdesk.so.1"
	switch s.bits {
	case "":
		cc = append(cc, "-L"+build+"/lib", "-liscdesk", "-Wl,-rpath,$ORIGIN", "-lsodium", "-lm")
	case "x64", "x86":
		dll := map[string]string{"x64": "iscdesk64", "x86": "iscdesk"}[s.bits]
		library = "windows/" + s.bits + "/" + dll + ".dll"
		out += ".exe"
		cc[0], cc[3] = map[string]string{"x64": "x86_64", "x86": "i686"}[s.bits]+"-w64-mingw32-gcc", out
		cc = append(cc, "-DSODIUM_STATIC=1", "-I"+build+"/wine/sodium/include", build+"/windows/"+s.bits+"/lib"+dll+".dll.a",
			build+"/wine/sodium/"+s.bits+"/libsodium.a", "-lm", "-static")
	}
	if text, err := exec.Command(cc[0], cc[1:]...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile %s: %w\n%s", name, err, text)
	}
	_, err = s.CopyProgram(filepath.Join(build, library), filepath.Base(library))
	return out, err
}
