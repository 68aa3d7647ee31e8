package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestOneWorkerForOneIdentity(t *testing.T) {
	need.Root(t)
	l := newLauncher(t, nil)
	var wg sync.WaitGroup
	pids := make([]int, 8)
	for i := range pids {
		wg.Go(func() {
			w, err := l.Acquire(t.Context(), alice)
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
	other := alice
	other.Groups = []int{64101}
	if acquire(t, l, other).Started().PID == pids[0] {
		t.Error("another group set shares the worker")
	}
}

func TestWorkerEndsAfterItsLastUse(t *testing.T) {
	need.Root(t)
	l := newLauncher(t, func(c *Config) { c.Idle = 50 * time.Millisecond })
	w, err := l.Acquire(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	pid := w.Started().PID
	time.Sleep(150 * time.Millisecond)
	if syscall.Kill(pid, 0) != nil {
		t.Fatal("the worker ended while it was in use")
	}
	w.Release()
	w.Release()
	gone(t, pid)
}

func gone(t *testing.T, pid int) {
	t.Helper()
	for range 200 {
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("worker %d is still there", pid)
}

func TestKilledWorkerFailsItsCallsAndIsReplaced(t *testing.T) {
	need.Root(t)
	l := newLauncher(t, nil)
	w := acquire(t, l, alice)
	failed := make(chan error, 1)
	go func() { failed <- w.Call(t.Context(), workerapi.MethodPending, api.None{}, nil) }()
	deed(t, w, "cwd")
	if err := syscall.Kill(w.Started().PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	err := <-failed
	if !errors.Is(err, ErrLost) || api.CodeOf(err) != api.Internal {
		t.Errorf("call of a killed worker: %v", err)
	}
	gone(t, w.Started().PID)
	for range 100 {
		again, err := l.Acquire(t.Context(), alice)
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
	need.Root(t)
	l := newLauncher(t, nil)
	if got := deed(t, acquire(t, l, alice), "ask hi"); !strings.Contains(got, `64101 service.echo`) {
		t.Errorf("the service heard %s", got)
	}
}

func TestCancelEndsTheOperationsCalls(t *testing.T) {
	need.Root(t)
	l := newLauncher(t, nil)
	w := acquire(t, l, alice)
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
	need.Root(t)
	l := newLauncher(t, nil)
	pid := acquire(t, l, alice).Started().PID
	again, err := New(l.cfg)
	if err != nil {
		t.Fatal(err)
	}
	w, err := again.Acquire(t.Context(), alice)
	if err != nil {
		t.Fatal(err)
	}
	second := w.Started().PID
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if syscall.Kill(second, 0) == nil {
		t.Error("a worker outlived its launcher")
	}
	if syscall.Kill(pid, 0) != nil {
		t.Error("another launcher's worker was ended")
	}
	if _, err := again.Acquire(t.Context(), alice); err == nil {
		t.Error("a closed launcher starts workers")
	}
}

func TestStoppedWorkerHoldsNothingUp(t *testing.T) {
	need.Root(t)
	l := newLauncher(t, func(c *Config) { c.Stop = 50 * time.Millisecond })
	w := acquire(t, l, alice)
	pid := w.Started().PID
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil { // its user may do that
		t.Fatal(err)
	}
	for !strings.HasPrefix(status(t, pid)["State"], "T") { // the signal reaches one thread after the other
		time.Sleep(time.Millisecond)
	}
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
		Users: func(_ context.Context, uid caller.UID) (User, error) {
			return User{Name: "u", Home: "/nonexistent"}, nil
		},
	})
	if err != nil {
		os.Exit(1)
	}
	w, err := l.Acquire(context.Background(), alice)
	if err != nil {
		os.Exit(1)
	}
	fmt.Println(w.Started().PID)
	select {}
}

// A worker that does not even read its socket must not outlive a killed service.
func TestWorkersDieWithAKilledService(t *testing.T) {
	need.Root(t)
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = []string{serviceProgram + "=1"}
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
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	gone(t, pid)
}

// The service keeps what it needs, on its first thread as well: /proc shows that
// one, and the runtime may put any goroutine on it.
func TestServiceKeepsItsOwnCapabilities(t *testing.T) {
	need.Root(t)
	before := status(t, os.Getpid())
	for range 20 {
		l, err := New(Config{})
		if err != nil {
			t.Fatal(err)
		}
		if after := status(t, os.Getpid()); after["CapBnd"] != before["CapBnd"] || after["NoNewPrivs"] != before["NoNewPrivs"] || after["Umask"] != before["Umask"] {
			t.Fatalf("before %s %s %s, after %s %s %s", before["CapBnd"], before["NoNewPrivs"], before["Umask"], after["CapBnd"], after["NoNewPrivs"], after["Umask"])
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
