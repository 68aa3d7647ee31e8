package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestLargestFrame: a licence file of the largest kind reaches the worker.
func TestLargestFrame(t *testing.T) {
	w := acquire(t, newLauncher(t, nil), someone(t))
	var got workerapi.WrittenFile
	ask := workerapi.WriteFile{Dir: "licenses/minicad", Name: "license.lic", Data: make([]byte, cloudapi.MaxLicenseFile)}
	if err := w.Call(t.Context(), workerapi.MethodWriteFile, ask, &got); err != nil || got.Path != strconv.Itoa(cloudapi.MaxLicenseFile) {
		t.Errorf("%s bytes arrived, %v", got.Path, err)
	}
}

func TestOneWorkerForOneIdentity(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, nil)
	var wg sync.WaitGroup
	pids := make([]int, 8)
	for i := range pids {
		wg.Go(func() {
			w, err := l.Acquire(t.Context(), me)
			if err != nil {
				t.Error(err)
				return
			}
			defer w.Release()
			pids[i] = w.Started().PID
		})
	}
	wg.Wait()
	for _, pid := range pids {
		if pid != pids[0] {
			t.Fatalf("several workers for one identity: %v", pids)
		}
	}
}

func TestWorkerEndsAfterItsLastUse(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, func(c *Config) { c.Idle = 50 * time.Millisecond })
	w, err := l.Acquire(t.Context(), me)
	if err != nil {
		t.Fatal(err)
	}
	pid := w.Started().PID
	time.Sleep(150 * time.Millisecond)
	if !running(pid) {
		t.Fatal("the worker ended while it was in use")
	}
	w.Release()
	w.Release()
	gone(t, pid)
}

func gone(t *testing.T, pid int) {
	t.Helper()
	for range 200 {
		if !running(pid) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("worker %d is still there", pid)
}

func TestKilledWorkerFailsItsCallsAndIsReplaced(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, nil)
	w := acquire(t, l, me)
	failed := make(chan error, 1)
	go func() { failed <- w.Call(t.Context(), workerapi.MethodPending, api.None{}, nil) }()
	deed(t, w, "cwd")
	kill(t, w.Started().PID)
	err := <-failed
	if !errors.Is(err, ErrLost) || api.CodeOf(err) != api.Internal {
		t.Errorf("call of a killed worker: %v", err)
	}
	gone(t, w.Started().PID)
	for range 100 {
		again, err := l.Acquire(t.Context(), me)
		if err != nil {
			t.Fatal(err)
		}
		fresh := again.Started().PID != w.Started().PID
		again.Release()
		if fresh {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("a dead worker is handed out")
}

func TestWorkerAsksTheServiceInItsOwnName(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, nil)
	if got := deed(t, acquire(t, l, me), "ask hi"); !strings.Contains(got, string(me.UID)+" service.echo") {
		t.Errorf("the service heard %s", got)
	}
}

func TestCancelEndsTheOperationsCalls(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, nil)
	w := acquire(t, l, me)
	type named struct {
		workerapi.Inspect
		Operation api.Operation `json:"operation"`
	}
	failed := make(chan error, 1)
	go func() {
		failed <- w.Call(t.Context(), workerapi.MethodInspect, named{workerapi.Inspect{Path: "sleep"}, 7}, nil)
	}()
	for {
		if err := w.Call(t.Context(), workerapi.MethodCancel, api.OperationRef{Operation: 7}, nil); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-failed:
			if api.CodeOf(err) != api.Cancelled {
				t.Errorf("cancelled call: %v", err)
			}
			return
		case <-time.After(10 * time.Millisecond): // the request may not have begun yet
		}
	}
}

func TestClosedLauncherEndsItsWorkers(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, nil)
	pid := acquire(t, l, me).Started().PID
	again, err := New(l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	w, err := again.Acquire(t.Context(), me)
	if err != nil {
		t.Fatal(err)
	}
	second := w.Started().PID
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if running(second) {
		t.Error("a worker outlived its launcher")
	}
	if !running(pid) {
		t.Error("another launcher's worker was ended")
	}
	if _, err := again.Acquire(t.Context(), me); err == nil {
		t.Error("a closed launcher starts workers")
	}
}

func TestStoppedWorkerHoldsNothingUp(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, func(c *Config) { c.Stop = 50 * time.Millisecond })
	w := acquire(t, l, me)
	pid := w.Started().PID
	freeze(t, pid)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.Call(ctx, workerapi.MethodInspect, workerapi.Inspect{Path: "cwd"}, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a call of a stopped worker: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	gone(t, pid)
}

// serviceProgram makes this test program a service that starts a worker and waits.
const serviceProgram = "ISCDESK_TEST_SERVICE"

func serveUntilKilled() {
	l, err := New(Config{
		Start:  func() workerapi.Start { return workerapi.Start{} },
		Handle: func(context.Context, caller.UID, string, json.RawMessage) (any, error) { return nil, nil },
		Notice: func(caller.UID, string, json.RawMessage) {},
		Users:  somebody,
	})
	if err != nil {
		os.Exit(1)
	}
	w, err := l.Acquire(context.Background(), served())
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(w.Started().PID)
	select {}
}

// A worker that does not even read its socket must not outlive a killed service.
func TestWorkersDieWithAKilledService(t *testing.T) {
	_ = someone(t)
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	cmd.Env = append(os.Environ(), serviceProgram+"=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(out, &pid); err != nil {
		t.Fatal(err)
	}
	freeze(t, pid)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	gone(t, pid)
}
