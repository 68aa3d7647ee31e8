package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// systemsDeed is what only a process of Linux does.
func systemsDeed(what string) (any, error) {
	switch what {
	case "become root":
		return fmt.Sprint(syscall.Setuid(0)), nil
	case "fds":
		var fds []string
		entries, err := os.ReadDir("/proc/self/fd")
		for _, e := range entries {
			if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
				fds = append(fds, e.Name()+" "+to)
			}
		}
		return fds, err
	}
	return nil, errors.New("no such deed")
}

// someone is a caller whom the service of the tests serves.
func someone(t *testing.T) caller.Actor {
	t.Helper()
	need.Root(t)
	return served()
}

func served() caller.Actor { return alice }

// somebody is a user database of users who have just their number.
func somebody(_ context.Context, uid caller.UID) (User, error) {
	id, err := strconv.Atoi(string(uid))
	if err != nil {
		return User{}, err
	}
	return User{Name: "u" + string(uid), Rights: caller.Rights{GID: id, Groups: []int{id}}, Home: "/nonexistent"}, nil
}

// running says whether a process is there.
func running(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

// kill ends a process from outside.
func kill(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// freeze stops a process, as its user may.
func freeze(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for !strings.HasPrefix(status(t, pid)["State"], "T") { // the signal reaches one thread after the other
		time.Sleep(time.Millisecond)
	}
}

// nilJSON is how a deed shows that it succeeded.
const nilJSON = `"\u003cnil\u003e"`

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

// Another group set is another identity.
func TestOneWorkerForEachGroupSet(t *testing.T) {
	need.Root(t)
	l := newLauncher(t, nil)
	other := alice
	other.Groups = []int{64101}
	if acquire(t, l, other).Started().PID == acquire(t, l, alice).Started().PID {
		t.Error("another group set shares the worker")
	}
}
