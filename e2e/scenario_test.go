//go:build linux

package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/need"
)

// Scenarios over the real programs. Commands beside testscript's own:
//
//	[!] desk N ARGS…     the command line as engineer N (1 or 2); its exit code is
//	                     in $status
//	[!] as N PROGRAM…    any program as engineer N, in the engineer's home
//	until N REGEXP ARGS… the command line as engineer N, again and again until its
//	                     output matches, at most a minute
//	cloud stop|start     agent stop|start|kill
//	release NAME         an owner takes the file's check-out from its holder
//	role N ROLE          engineer N's role in the space ("none" takes it away)
//	minicad start|quit|kill          the example's C program, as engineer 1
//	[!] minicad do|until COMMAND…    a command of minicad's own, until it is done
//	page TASK            what engineer 1 does with the next page that minicad is told of
//	isv open|stop|start|kill         the example's ISV, whose product GearCAD the engineers may use
//	document PRINT RAW DOC           the buyer applies with the fingerprint in a file, and downloads
//	needs-root           first line: another user's run is skipped, or fails with CI=true
//
// $HOME1 and $HOME2 are the engineers' homes, $EXAMPLES has the example's drawings, $DATA1
// is where workers keep what is the first one's, $SPACE is the space's name, $SOCKET is the agent's, $AGENTDIR and
// $CLOUDDIR hold what agent and cloud keep. After isv open $GEARCAD is its program, $RESOURCE
// what was bought and $ISVDIR the server's folder. The condition [wine] holds on a Windows desk (TestWindowsScenarios).
func TestScenarios(t *testing.T) {
	scripts, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("no scenarios found: %v", err)
	}
	for _, script := range scripts {
		t.Run(strings.TrimSuffix(filepath.Base(script), ".txtar"), func(t *testing.T) {
			if needsRoot(t, script) {
				need.Root(t)
			}
			stage(t, "iscscen", true).scenario(t, script)
		})
	}
}

func needsRoot(t *testing.T, script string) bool {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), "\nneeds-root\n")
}

// scenario runs one script.
func (s *theStage) scenario(t *testing.T, script string) {
	testscript.Run(t, testscript.Params{
		Files: []string{script},
		Setup: func(env *testscript.Env) error {
			for i, u := range s.Users {
				env.Setenv("HOME"+strconv.Itoa(i+1), u.Home)
			}
			env.Setenv("EXAMPLES", filepath.Join(s.Dir, "examples"))
			env.Setenv("SPACE", desk.SpaceName)
			env.Setenv("DATA1", filepath.Join(s.Users[0].Home, s.data))
			env.Setenv("AGENTDIR", s.Agent.Dir)
			env.Setenv("SOCKET", s.Agent.Socket)
			env.Setenv("CLOUDDIR", s.Cloud.Dir)
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root": // engineers are other users, with rights of their own
				return s.Users[0].Credential != nil, nil
			case "wine":
				return s.bits != "", nil
			}
			return false, errors.New("unknown condition")
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"desk": func(ts *testscript.TestScript, neg bool, args []string) {
				s.finish(ts, neg, s.Tool(s.engineer(ts, args), args[1:]...))
			},
			"as": func(ts *testscript.TestScript, neg bool, args []string) {
				s.finish(ts, neg, s.Command(s.engineer(ts, args), args[1], args[2:]...))
			},
			"cloud": func(ts *testscript.TestScript, _ bool, args []string) {
				control(ts, args, s.Cloud.Start, s.Cloud.Process)
			},
			"agent": func(ts *testscript.TestScript, _ bool, args []string) {
				control(ts, args, s.Agent.Start, s.Agent.Process)
			},
			"release":    s.release,
			"role":       s.role,
			"needs-root": func(*testscript.TestScript, bool, []string) {}, // looked at before the stage is set
			"until":      s.until,
			"minicad":    s.minicad,
			"page":       s.page,
			"isv":        s.sells,
			"document":   s.document,
		},
	})
}

// engineer checks that args begin with an engineer's number and more.
func (s *theStage) engineer(ts *testscript.TestScript, args []string) int {
	if len(args) < 2 || args[0] != "1" && args[0] != "2" {
		ts.Fatalf("usage: desk|as 1|2 …")
	}
	n := int(args[0][0] - '1')
	if n >= len(s.Users) {
		ts.Fatalf("a second engineer needs root")
	}
	return n
}

// finish runs cmd; what it printed is for stdout and stderr lines of the script.
func (s *theStage) finish(ts *testscript.TestScript, neg bool, cmd *exec.Cmd) {
	if in, err := os.ReadFile(ts.MkAbs("input")); err == nil {
		cmd.Stdin = strings.NewReader(string(in))
		_ = os.Remove(ts.MkAbs("input"))
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	_, _ = io.WriteString(ts.Stdout(), s.Linux(out.String()))
	_, _ = io.WriteString(ts.Stderr(), s.Linux(errs.String()))
	ts.Setenv("status", "0")
	if cmd.ProcessState != nil {
		ts.Setenv("status", strconv.Itoa(cmd.ProcessState.ExitCode()))
	}
	if (err != nil) != neg {
		ts.Fatalf("%s: %v, wanted failure: %v", filepath.Base(cmd.Path), err, neg)
	}
}

func control(ts *testscript.TestScript, args []string, begin func(context.Context) error, p *desk.Process) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var err error
	switch strings.Join(args, " ") {
	case "start":
		err = begin(ctx)
	case "stop":
		err = p.Stop()
	case "kill":
		p.Kill()
	default:
		ts.Fatalf("usage: cloud|agent start|stop|kill")
	}
	ts.Check(err)
}

// release ends the check-out of a file in the space's top folder by force.
func (s *theStage) release(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: release NAME")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	owner, err := s.Cloud.Login(ctx, desk.Engineer1)
	ts.Check(err)
	var in cloudapi.Listing
	ts.Check(owner.Call(ctx, "GET", "/v1/spaces/"+s.Space+"/entries", nil, &in))
	for _, e := range in.Entries {
		if e.Name == args[0] {
			ts.Check(owner.Release(ctx, e.ID))
			return
		}
	}
	ts.Fatalf("no %s in %v", args[0], in.Entries)
}

// role gives an engineer a role in the space, or takes it away.
func (s *theStage) role(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: role N ROLE")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	owner, err := s.Cloud.Login(ctx, desk.Engineer1)
	ts.Check(err)
	account := map[string]string{"1": desk.Engineer1, "2": desk.Engineer2}[args[0]]
	path := "/v1/spaces/" + s.Space + "/members/" + account
	if args[1] == "none" {
		ts.Check(owner.Call(ctx, "DELETE", path, nil, nil))
		return
	}
	ts.Check(owner.Call(ctx, "PUT", path, cloudapi.SpaceRole{Role: args[1]}, nil))
}

// until asks again until the answer matches: for what the agent does by itself.
func (s *theStage) until(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 {
		ts.Fatalf("usage: until N REGEXP ARGS…")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	args = append(args[:1], args[2:]...)
	var out []byte
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if out, err = s.Tool(s.engineer(ts, args), args[1:]...).CombinedOutput(); err == nil && want.Match(out) {
			return
		}
	}
	ts.Fatalf("%v did not say %q in a minute: %v\n%s", args, want, err, out)
}
