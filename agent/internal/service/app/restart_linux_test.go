package app

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/identity"
	"github.com/iscdesk/iscdesk/agent/internal/service/state"
	process "github.com/iscdesk/iscdesk/agent/internal/worker"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// The test's program is the worker's as well.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		conn, err := process.Socket(process.FD)
		if err == nil {
			err = process.Run(conn, os.Getenv("HOME"), func(*ipc.Link, workerapi.Start, string) (process.Files, process.Picker, error) {
				return pathsOnly{}, nil, nil
			})
		}
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// pathsOnly is a worker that writes licence files nowhere.
type pathsOnly struct{ process.Files }

func (pathsOnly) WriteFile(_ context.Context, w workerapi.WriteFile) (workerapi.WrittenFile, error) {
	return workerapi.WrittenFile{Path: "/of/user/" + strconv.Itoa(os.Geteuid()) + "/" + w.Name}, nil
}

// toCloud is the change of settings that leads to a fake cloud.
func toCloud(t *testing.T, fake *cloudtest.Cloud) func(*Config) {
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, fake.CAPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	return func(c *Config) { c.Cloud, c.CA = fake.Server.URL, ca }
}

// TestInterruptedFileRequest: a licence file that an agent was asked for before it
// was killed is written after its restart, by a worker of that user, and neither
// request nor result lies readable in the state folder.
func TestInterruptedFileRequest(t *testing.T) {
	d, fake := dir(t), cloudtest.New(t)
	settings := toCloud(t, fake)
	a := run(t, d, settings)
	link, _ := a.connect(t, "")
	if err := link.Call(t.Context(), api.MethodAuthLogin, api.AuthLogin{Account: cloudtest.Account, Password: cloudtest.Password}, nil); err != nil {
		t.Fatal(err)
	}
	a.stop(t)
	uid := caller.Own()
	store, err := state.Open(state.Config{Dir: a.cfg.State, Machine: identity.Machine(t.Context())})
	if err != nil {
		t.Fatal(err)
	}
	if uid.System() { // root has no worker: the sign-in becomes another user's
		uid = "65534"
		var rec json.RawMessage
		if err := store.LoadSealed("signin-0", &rec); err != nil {
			t.Fatal(err)
		}
		if err := store.SaveSealed("signin-"+uid.Name(), rec); err != nil {
			t.Fatal(err)
		}
	}
	owner := events.Owner{UID: uid, Product: "minicad"}
	ledger := func(do func(e *events.Events)) {
		t.Helper()
		seal, open := store.Lines("operations")
		e, err := events.Open(events.Config{Dir: a.cfg.State, Clock: clock.System{}, Seal: seal, Open: open})
		if err != nil {
			t.Fatal(err)
		}
		do(e)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	var id api.Operation
	ledger(func(e *events.Events) {
		op, err := e.Begin(owner, api.MethodLicenseRequest, "", map[string]string{"form": "file", "fileName": "a.lic", "request": "request-of-before"})
		if err != nil {
			t.Fatal(err)
		}
		id = op.ID()
	})
	log := filepath.Join(a.cfg.State, "operations.log")
	begun, err := os.Stat(log)
	if err != nil {
		t.Fatal(err)
	}
	a = run(t, d, settings)
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if now, err := os.Stat(log); err == nil && now.Size() > begun.Size() {
			break // something was written: the operation's end
		}
	}
	a.stop(t)
	ledger(func(e *events.Events) {
		st := e.Get(owner, id)
		want := "/of/user/" + string(uid) + "/a.lic"
		if st.Event == nil || st.Event.Envelope.Params["LicenseFilePath"] != want {
			t.Errorf("ended as %+v", st)
			if st.Event != nil {
				t.Errorf("with %+v", st.Event.Envelope.Params)
			}
		}
	})
	raw, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	for _, clear := range []string{"a.lic", "minicad", "LicenseVerify"} {
		if bytes.Contains(raw, []byte(clear)) {
			t.Errorf("%q can be read in the ledger", clear)
		}
	}
}
