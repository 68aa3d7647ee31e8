package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// spawner starts processes from one thread of its own. Capability bounding set,
// no_new_privs, umask (after unshare) and the parent-death signal all belong to a
// thread in Linux: what the thread gave up, its children never get, while the
// rest of the service keeps what it needs.
type spawner struct {
	self identity // of the service
	exe  *os.File // the running program, so that a replaced file is not run with another version's protocol
	jobs chan func()
	done chan struct{} // closed when the thread has ended
}

func newSpawner() (*spawner, error) {
	// What a careless parent left open (a shell, a test runner) must not pass through to workers.
	if err := unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return nil, fmt.Errorf("close inherited descriptors on exec: %w", err)
	}
	fd, err := unix.Open("/proc/self/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the running program: %w", err)
	}
	s := &spawner{
		self: ownIdentity(),
		exe:  os.NewFile(uintptr(fd), "/proc/self/exe"),
		jobs: make(chan func()),
		done: make(chan struct{}),
	}
	ready := make(chan error)
	go s.run(ready)
	if err := <-ready; err != nil {
		<-s.done
		return nil, errors.Join(err, s.exe.Close())
	}
	return s, nil
}

// run is the thread. It is never unlocked: when it returns, the thread ends, and
// the kernel kills whatever worker is left (Pdeathsig).
func (s *spawner) run(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		// Not the first thread: its attributes are what /proc shows of the whole
		// service, and it does not end when its goroutine does. While it is held
		// here, the next goroutine gets another one.
		elsewhere := make(chan error)
		go s.run(elsewhere)
		ready <- <-elsewhere
		runtime.UnlockOSThread()
		return
	}
	defer close(s.done)
	err := narrow(s.self.UID.System())
	ready <- err
	if err != nil {
		return
	}
	for job := range s.jobs {
		job()
	}
}

// narrow takes from the calling thread what no worker may have.
func narrow(root bool) error {
	if err := unix.Unshare(unix.CLONE_FS); err != nil { // an umask of its own
		return fmt.Errorf("unshare the thread's umask: %w", err)
	}
	unix.Umask(0o077)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if !root {
		return nil // the bounding set is root's to drop; an ordinary user's worker has nothing to gain from it
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP+16; c++ { // newer kernels have newer capabilities
		err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0)
		if err != nil && !errors.Is(err, unix.EINVAL) {
			return fmt.Errorf("drop capability %d from the bounding set: %w", c, err)
		}
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&head, &caps[0]); err != nil {
		return fmt.Errorf("read capabilities: %w", err)
	}
	caps[0].Inheritable, caps[1].Inheritable = 0, 0
	if err := unix.Capset(&head, &caps[0]); err != nil {
		return fmt.Errorf("clear inheritable capabilities: %w", err)
	}
	return nil
}

func (s *spawner) close() error {
	close(s.jobs)
	<-s.done
	return s.exe.Close()
}

// may refuses identities that this service gives no worker.
func (s *spawner) may(id identity) error {
	_, err := id.UID.Number()
	switch {
	case err != nil:
		return &api.Error{Code: api.Forbidden, Detail: err.Error()}
	case s.self.UID.System() && id.UID.System():
		return &api.Error{Code: api.RootCaller, Detail: "the system's agent opens files only with the rights of the user who asks; with root as that user nothing would stand between an application and every file of the machine"}
	case !s.self.UID.System() && id.UID != s.self.UID:
		return &api.Error{Code: api.Forbidden, Detail: fmt.Sprintf("the agent runs as user %s and can work for that user only", s.self.UID)}
	}
	return nil
}

// ownIdentity is the service's own, for a service that an ordinary user runs.
func ownIdentity() identity {
	groups, err := os.Getgroups()
	if err != nil {
		groups = nil // getgroups fails only for a wrong argument
	}
	return identity{caller.Own(), caller.Rights{GID: os.Getgid(), Groups: groups}}
}

// start runs a worker. The descriptor table of the child is 0 to 2 on /dev/null and
// the socketpair as 3: newSpawner saw to it that every other one closes on exec.
func (s *spawner) start(ctx context.Context, users Users, id identity,
	handle func(context.Context, string, json.RawMessage) (any, error),
	notice func(string, json.RawMessage),
) (*process, error) {
	uid, err := id.UID.Number()
	if err != nil {
		return nil, err
	}
	u, err := users(ctx, id.UID)
	if err != nil {
		return nil, fmt.Errorf("look up the user: %w", err)
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("make a socketpair: %w", err)
	}
	ours := os.NewFile(uintptr(pair[0]), "worker")
	theirs := os.NewFile(uintptr(pair[1]), "service")

	cmd := exec.Command("/proc/self/fd/"+strconv.Itoa(int(s.exe.Fd())), "worker")
	cmd.Args[0] = "iscdesk-agent"
	cmd.Env = environment(uid, u)
	cmd.Dir = "/"
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if !s.own() {
		groups := make([]uint32, len(id.Groups))
		for i, g := range id.Groups {
			groups[i] = uint32(g)
		}
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uid, Gid: uint32(id.GID), Groups: groups}
	}
	result := make(chan error)
	s.jobs <- func() { result <- cmd.Start() }
	err = errors.Join(<-result, theirs.Close())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the process: %w", err), ours.Close())
	}
	return &process{child: &child{cmd}, link: ipc.NewLink(ours, ipc.Options{Handle: handle, Notice: notice, MaxOut: workerapi.MaxFrame})}, nil
}

// environment is made from nothing: nothing of the service's own environment, and
// nothing of the caller's, reaches a worker.
func environment(uid uint32, u User) []string {
	env := []string{
		"HOME=" + u.Home,
		"USER=" + u.Name,
		"LOGNAME=" + u.Name,
		"LANG=C.UTF-8",
		"PATH=/usr/local/bin:/usr/bin:/bin",
	}
	dir := fmt.Sprintf("/run/user/%d", uid)
	var st unix.Stat_t
	if unix.Lstat(dir, &st) == nil && st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Uid == uid {
		env = append(env, "XDG_RUNTIME_DIR="+dir)
	}
	return env
}
