package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/worker"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// The test program is its own worker: the launcher runs /proc/self/exe.
func TestMain(m *testing.M) {
	if os.Getenv(serviceProgram) != "" {
		serveUntilKilled()
	}
	if len(os.Args) == 2 && os.Args[1] == "worker" {
		conn, err := worker.Socket(worker.FD)
		if err == nil {
			err = worker.Run(conn, os.Getenv("HOME"), func(l *ipc.Link, _ workerapi.Start, _ string) (worker.Files, worker.Picker, error) {
				return &probe{service: l}, nil, nil
			})
		}
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// probe is a files room that shows what the process is and can do. Inspect's
// path selects the deed.
type probe struct {
	worker.Files
	service *ipc.Link
}

func (p *probe) Inspect(ctx context.Context, i workerapi.Inspect) (workerapi.Inspected, error) {
	var out any
	switch verb, arg, _ := strings.Cut(i.Path, " "); verb {
	case "fds":
		var fds []string
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			return workerapi.Inspected{}, err
		}
		for _, e := range entries {
			if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
				fds = append(fds, e.Name()+" "+to)
			}
		}
		out = fds
	case "env":
		out = os.Environ()
	case "cwd":
		out, _ = os.Getwd()
	case "write":
		out = fmt.Sprint(os.WriteFile(arg, []byte("x"), 0o666))
	case "sleep":
		<-ctx.Done()
		return workerapi.Inspected{}, &api.Error{Code: api.Cancelled}
	case "ask":
		var answer string
		err := p.service.Call(ctx, "service.echo", arg, &answer)
		out = fmt.Sprint(answer, err)
	case "become root":
		out = fmt.Sprint(syscall.Setuid(0))
	}
	raw, err := json.Marshal(out)
	return workerapi.Inspected{Path: string(raw)}, err
}

// Pending never answers before its request ends.
func (p *probe) Pending(ctx context.Context) (workerapi.Pending, error) {
	<-ctx.Done()
	return workerapi.Pending{}, ctx.Err()
}

func newLauncher(t *testing.T, change func(*Config)) *Launcher {
	t.Helper()
	cfg := Config{
		Start: func() workerapi.Start { return workerapi.Start{Build: "test"} },
		Handle: func(_ context.Context, uid caller.UID, method string, params json.RawMessage) (any, error) {
			return fmt.Sprintf("%s %s %s", uid, method, params), nil
		},
		Notice: func(caller.UID, string, json.RawMessage) {},
		Users: func(_ context.Context, uid caller.UID) (User, error) {
			n, err := strconv.Atoi(string(uid))
			return User{Name: "u" + string(uid), Rights: caller.Rights{GID: n, Groups: []int{n}}, Home: "/nonexistent"}, err
		},
	}
	if change != nil {
		change(&cfg)
	}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// nilJSON is how a deed shows that it succeeded.
const nilJSON = `"\u003cnil\u003e"`

func deed(t *testing.T, w *Worker, what string) string {
	t.Helper()
	var out workerapi.Inspected
	if err := w.Call(t.Context(), workerapi.MethodInspect, workerapi.Inspect{Path: what}, &out); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return out.Path
}

func acquire(t *testing.T, l *Launcher, a caller.Actor) *Worker {
	t.Helper()
	w, err := l.Acquire(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Release)
	return w
}

var alice = caller.Actor{UID: "64101", Rights: caller.Rights{GID: 64101, Groups: []int{64101, 64150, 64160}}}

func status(t *testing.T, pid int) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for line := range strings.Lines(string(raw)) {
		if k, v, ok := strings.Cut(line, ":"); ok {
			all[k] = strings.TrimSpace(v)
		}
	}
	return all
}

func TestWorkerIsExactlyItsCaller(t *testing.T) {
	need.Root(t)
	l := newLauncher(t, nil)
	w := acquire(t, l, alice)
	s := w.Started()
	if caller.UID(s.UID) != alice.UID || s.GID != alice.GID || !slices.Equal(s.Groups, alice.Groups) {
		t.Errorf("worker is %+v, want %+v", s, alice)
	}
	st := status(t, s.PID)
	for _, set := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
		if strings.Trim(st[set], "0") != "" || st[set] == "" {
			t.Errorf("%s is %q, want none", set, st[set])
		}
	}
	if st["NoNewPrivs"] != "1" {
		t.Error("no_new_privs is not set")
	}
	if st["Umask"] != "0077" {
		t.Errorf("umask is %s", st["Umask"])
	}
	if st["Uid"] != "64101\t64101\t64101\t64101" || st["Gid"] != "64101\t64101\t64101\t64101" {
		t.Errorf("uid %q gid %q", st["Uid"], st["Gid"])
	}
	if got := strings.Fields(st["Groups"]); !slices.Equal(got, []string{"64101", "64150", "64160"}) {
		t.Errorf("groups %v", got)
	}
	if got := deed(t, w, "become root"); got == nilJSON {
		t.Error("the worker could become root")
	}
}

func TestWorkerHasNothingOfTheService(t *testing.T) {
	need.Root(t)
	t.Setenv("SERVICE_SECRET", "must not reach a worker")
	open, err := os.Open("/etc/passwd") // some descriptor of the service
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	l := newLauncher(t, nil)
	w := acquire(t, l, alice)

	var env []string
	if err := json.Unmarshal([]byte(deed(t, w, "env")), &env); err != nil {
		t.Fatal(err)
	}
	slices.Sort(env)
	want := []string{"HOME=/nonexistent", "LANG=C.UTF-8", "LOGNAME=u64101", "PATH=/usr/local/bin:/usr/bin:/bin", "USER=u64101"}
	if !slices.Equal(env, want) {
		t.Errorf("environment %q, want %q", env, want)
	}
	var fds []string
	if err := json.Unmarshal([]byte(deed(t, w, "fds")), &fds); err != nil {
		t.Fatal(err)
	}
	sockets := 0
	for _, fd := range fds {
		_, to, _ := strings.Cut(fd, " ")
		switch {
		case to == "/dev/null", strings.Contains(to, "eventpoll"), strings.Contains(to, "eventfd"),
			strings.HasPrefix(to, "/proc/"), strings.HasPrefix(to, "/sys/fs/cgroup/"):
			// standard streams, and what the Go runtime opens for itself
		case strings.HasPrefix(to, "socket:"):
			sockets++
		default:
			t.Errorf("the worker holds descriptor %s", fd)
		}
	}
	if sockets != 1 {
		t.Errorf("the worker holds %d sockets, want its socketpair only: %v", sockets, fds)
	}
	if got := deed(t, w, "cwd"); got != `"/"` {
		t.Errorf("working folder %s", got)
	}
}

func TestWorkerWritesWhereOnlyItsGroupMay(t *testing.T) {
	need.Root(t)
	base, err := os.MkdirTemp("/tmp", "iscdesk-launch")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	shared := filepath.Join(base, "shared")
	for _, step := range []error{
		os.Chmod(base, 0o755), os.Mkdir(shared, 0o770), os.Chmod(shared, 0o2770), os.Chown(shared, 0, 64150),
	} {
		if step != nil {
			t.Fatal(step)
		}
	}
	l := newLauncher(t, nil)
	if got := deed(t, acquire(t, l, alice), "write "+filepath.Join(shared, "a")); got != nilJSON {
		t.Errorf("a member could not write: %s", got)
	}
	bob := caller.Actor{UID: "64102", Rights: caller.Rights{GID: 64102, Groups: []int{64102}}}
	if got := deed(t, acquire(t, l, bob), "write "+filepath.Join(shared, "b")); !strings.Contains(got, "denied") {
		t.Errorf("a stranger could write: %s", got)
	}
}

func TestRootGetsNoWorker(t *testing.T) {
	need.Root(t)
	l := newLauncher(t, nil)
	_, err := l.Acquire(t.Context(), caller.Actor{UID: "0"})
	if api.CodeOf(err) != api.RootCaller {
		t.Errorf("root caller: %v", err)
	}
	if _, err := l.AcquireUser(t.Context(), "0"); api.CodeOf(err) != api.RootCaller {
		t.Errorf("root by uid: %v", err)
	}
	for _, nobody := range []caller.UID{"", "-1", "root", "4294967296"} {
		if _, err := l.Acquire(t.Context(), caller.Actor{UID: nobody}); api.CodeOf(err) != api.Forbidden {
			t.Errorf("user %q: %v", nobody, err)
		}
	}
}
