package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/iscdesk/iscdesk/internal/disk"
	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"iscdesk": onDesk, "iscdesk-on-disk": onDisk})
}

// noBrowser is a machine without one: a test must not open pages on somebody's screen.
func noBrowser(string) error { return errors.New("no browser") }

// onDesk is the command.
func onDesk() {
	os.Exit(run(os.Args[1:], environment{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, free: disk.Free, browse: noBrowser,
	}))
}

// onDisk is the command on a disk with as many free bytes as its first argument says.
func onDisk() {
	os.Exit(run(os.Args[2:], environment{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv,
		free:   func(string) (int64, error) { return strconv.ParseInt(os.Args[1], 10, 64) },
		browse: noBrowser,
	}))
}

// agents holds the fake agent of each running script, by its working folder.
type agents struct {
	mu sync.Mutex // guards by
	by map[string]*sdktest.Agent
}

func (a *agents) of(dir string) *sdktest.Agent {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.by[dir]
}

// The scripts in testdata run the command against a fake agent each, at
// $ENDPOINT. They read like a manual and are one.
func TestScripts(t *testing.T) {
	running := &agents{by: map[string]*sdktest.Agent{}}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       os.Getenv("UPDATE") == "1",
		Setup: func(env *testscript.Env) error {
			agent := sdktest.NewAgent(env.T().(testing.TB))
			running.mu.Lock()
			running.by[env.WorkDir] = agent
			running.mu.Unlock()
			env.Setenv("ENDPOINT", agent.Endpoint())
			env.Setenv("NOBODY", agent.Endpoint()+"-none") // where nobody serves
			env.Setenv("FOLDER", agent.Folder())
			env.Setenv("PASSWORD", sdktest.Password)
			env.Setenv("ESCAPE", "part\x1b[2J\u202efdp\u009b2J\u2066.dxf")
			env.Setenv("LANG", "en_US.UTF-8")
			env.Setenv("TZ", "UTC")
			for _, name := range []string{"HOME", "USERPROFILE"} {
				env.Setenv(name, filepath.Join(env.WorkDir, "home"))
			}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"agent": func(ts *testscript.TestScript, neg bool, args []string) {
				script(ts, running.of(ts.Getenv("WORK")), args)
			},
			"exitcode": exitcode,
		},
	})
}

// script is the command "agent": what the fake agent is to do from now on.
func script(ts *testscript.TestScript, agent *sdktest.Agent, args []string) {
	switch strings.Join(args[:1], "") {
	case "refuse": // METHOD CODE
		code, err := strconv.Atoi(args[2])
		ts.Check(err)
		agent.Refuse(args[1], api.Code(code))
	case "halt":
		agent.Halt()
	case "signout":
		agent.SignOut()
	case "publisher": // makes licences; in the end, with "delivers N"
		if len(args) == 3 {
			op, err := strconv.ParseInt(args[2], 10, 64)
			ts.Check(err)
			agent.DeliverLicense(api.Operation(op))
			return
		}
		agent.PublisherWorks()
	case "manual":
		agent.Manual()
	case "page": // URL
		agent.Page(args[1])
	case "emit": // to the command that waits for events
		for n := 0; len(agent.Calls(api.MethodSubscribe)) == 0; n++ {
			if n == 1000 {
				ts.Fatalf("nobody waits for events")
			}
			time.Sleep(10 * time.Millisecond)
		}
		agent.Emit(sdktest.Event{Type: api.EventHeartbeat, Operate: api.OperateHeartbeat, Params: map[string]string{"period": "30", "cloud": "reachable"}})
		agent.Emit(sdktest.Event{Type: api.EventSaveResult, Operate: api.OperateSaveResult, Operation: 104,
			Params: map[string]string{"status": "failed", "code": "-84", "reason": "The local disk is full."}})
	case "away": // the cloud
		agent.CloudAway()
	case "back":
		agent.CloudBack()
	case "old":
		agent.Hello(func(h *api.HelloResult) { h.Protocol = 0 })
	case "unasked": // nobody requested the licence yet
		st := api.LicenseState{State: api.StateUnknown, Code: api.LicenseUnknown}
		st.Reason, st.Hint = api.Text(st.Code, "en")
		agent.SetLicense(st)
	case "unlicensed":
		agent.SetLicense(api.LicenseState{State: api.StateNone, Code: api.LicenseNone, Reason: "None is assigned.", Hint: "Ask."})
	default:
		ts.Fatalf("agent %s: no such thing", args)
	}
}

// exitcode N iscdesk ARGS: runs the command and compares its exit code.
func exitcode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	if err != nil {
		text := err.Error()
		got, _ = strconv.Atoi(text[strings.LastIndexByte(text, ' ')+1:])
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}
