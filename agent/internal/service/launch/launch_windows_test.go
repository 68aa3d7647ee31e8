package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

var ntdll = windows.NewLazySystemDLL("ntdll.dll")

// systemsDeed is what only a process of Windows does.
func systemsDeed(what string) (any, error) {
	if what != "handles" {
		return nil, errors.New("no such deed")
	}
	// Numbers are given from the lowest up: what a parent left behind stands among them.
	var all []string
	for h := windows.Handle(4); h < 4096; h += 4 {
		if kind := objectText(h, 2); kind != "" {
			all = append(all, strings.TrimSpace(fmt.Sprintf("%d %s %s", h, kind, objectText(h, 1))))
		}
	}
	return all, nil
}

// objectText asks what is behind a handle: class 1 is its name, 2 its type. The name of a
// pipe is not asked for: that waits for whoever reads it.
func objectText(h windows.Handle, class uintptr) string {
	if kind, err := windows.GetFileType(h); class == 1 && err == nil && kind == windows.FILE_TYPE_PIPE {
		return "pipe"
	}
	var answer struct {
		name windows.NTUnicodeString
		text [1024]uint16
	}
	if status, _, _ := ntdll.NewProc("NtQueryObject").Call(uintptr(h), class, uintptr(unsafe.Pointer(&answer)), unsafe.Sizeof(answer), 0); status != 0 {
		return ""
	}
	return answer.name.String()
}

// someone is a caller whom the service of the tests serves.
func someone(t *testing.T) caller.Actor {
	t.Helper()
	return served()
}

func served() caller.Actor {
	own, err := ownIdentity()
	if err != nil {
		panic(err)
	}
	return caller.Actor{UID: own.UID, Rights: own.Rights}
}

// somebody is a user database that knows nobody.
func somebody(context.Context, caller.UID) (User, error) { return User{}, errNotLoggedOn }

func openProcess(pid int) (windows.Handle, error) {
	return windows.OpenProcess(windows.PROCESS_TERMINATE|windows.PROCESS_SUSPEND_RESUME|windows.PROCESS_QUERY_INFORMATION|windows.SYNCHRONIZE, false, uint32(pid))
}

// running says whether a process is there.
func running(pid int) bool {
	process, err := openProcess(pid)
	if err != nil {
		return false
	}
	defer windows.CloseHandle(process)
	state, err := windows.WaitForSingleObject(process, 0)
	return err == nil && state == uint32(windows.WAIT_TIMEOUT)
}

// kill ends a process from outside.
func kill(t *testing.T, pid int) {
	t.Helper()
	process, err := openProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(process)
	if err := windows.TerminateProcess(process, 9); err != nil {
		t.Fatal(err)
	}
}

// freeze stops a process, as its user may.
func freeze(t *testing.T, pid int) {
	t.Helper()
	process, err := openProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(process)
	if status, _, _ := ntdll.NewProc("NtSuspendProcess").Call(uintptr(process)); status != 0 {
		t.Fatalf("suspend: %x", status)
	}
}

func list(t *testing.T, w *Worker, what string) []string {
	t.Helper()
	var all []string
	if err := json.Unmarshal([]byte(deed(t, w, what)), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWorkerIsExactlyItsCaller(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, nil)
	w := acquire(t, l, me)
	s := w.Started()
	if s.UID != string(me.UID) || s.Logon != me.Logon || s.Elevated != me.Elevated || s.PID == os.Getpid() {
		t.Errorf("worker is %+v, want %+v", s, me)
	}
	// With none, paths below a folder that is closed to the user would not be reached.
	if want := []string{"SeChangeNotifyPrivilege"}; !slices.Equal(s.Privileges, want) {
		t.Errorf("the worker holds %q, want %q", s.Privileges, want)
	}
	if !w.s.proc.child.bound() {
		t.Error("the worker is in no job")
	}
}

// TestWorkerHasNothingOfTheService plants what could pass through: a variable, an
// inheritable event with a name, an inheritable file.
func TestWorkerHasNothingOfTheService(t *testing.T) {
	t.Setenv("SERVICE_SECRET", "must not reach a worker")
	name, err := windows.UTF16PtrFromString("iscdesk-test-planted")
	if err != nil {
		t.Fatal(err)
	}
	security := windows.SecurityAttributes{InheritHandle: 1}
	event, err := windows.CreateEvent(&security, 1, 0, name)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(event)
	f, err := os.Create(filepath.Join(t.TempDir(), "planted.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := windows.SetHandleInformation(windows.Handle(f.Fd()), windows.HANDLE_FLAG_INHERIT, windows.HANDLE_FLAG_INHERIT); err != nil {
		t.Fatal(err)
	}
	if own, err := systemsDeed("handles"); err != nil || !strings.Contains(fmt.Sprint(own), "iscdesk-test-planted") {
		t.Fatalf("the search does not find what is there: %v, %v", own, err)
	}
	l := newLauncher(t, nil)
	w := acquire(t, l, someone(t))

	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	env := list(t, w, "env")
	if !slices.Contains(env, "USERPROFILE="+home) || !slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(strings.ToUpper(v), "SYSTEMROOT=") }) {
		t.Errorf("environment %q", env)
	}
	if slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "SERVICE_SECRET") }) {
		t.Errorf("the service's environment reached the worker: %q", env)
	}
	pipes := 0
	for _, h := range list(t, w, "handles") {
		switch {
		case strings.HasSuffix(h, " File pipe"):
			pipes++
		case strings.Contains(h, "planted"):
			t.Errorf("the worker holds %s", h)
		}
	}
	if pipes != 1 {
		t.Errorf("the worker holds %d pipes, want its link only: %q", pipes, list(t, w, "handles"))
	}
	system, err := windows.GetSystemDirectory()
	if err != nil {
		t.Fatal(err)
	}
	var dir string
	if err := json.Unmarshal([]byte(deed(t, w, "cwd")), &dir); err != nil || !strings.EqualFold(dir, system) {
		t.Errorf("working folder %q, %v", dir, err)
	}
}

// asSystem makes the launcher that of the system's agent, which starts workers with
// callers' tokens.
func asSystem(l *Launcher, tokenOf func(identity) (windows.Token, error)) {
	l.spawn.self = identity{UID: "S-1-5-18"}
	l.spawn.tokenOf = tokenOf
}

// duplicate is a primary token like that of this process.
func duplicate(t *testing.T, of windows.Token) windows.Token {
	t.Helper()
	var token windows.Token
	if err := windows.DuplicateTokenEx(of, windows.MAXIMUM_ALLOWED, nil, windows.SecurityImpersonation, windows.TokenPrimary, &token); err != nil {
		t.Fatal(err)
	}
	return token
}

func use(t *testing.T, l *Launcher, id identity) *Worker {
	t.Helper()
	w, err := l.acquire(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Release)
	return w
}

// TestWorkerOfADuplicatedToken goes the system agent's way, and tries the token of
// another identity than was asked for.
func TestWorkerOfADuplicatedToken(t *testing.T) {
	l := newLauncher(t, nil)
	own, err := ownIdentity()
	if err != nil {
		t.Fatal(err)
	}
	asSystem(l, func(identity) (windows.Token, error) { return duplicate(t, windows.GetCurrentProcessToken()), nil })
	if s := use(t, l, own).Started(); s.UID != string(own.UID) || s.Logon != own.Logon || s.Elevated != own.Elevated {
		t.Errorf("worker is %+v, want %+v", s, own)
	}
	for _, other := range []identity{
		{"S-1-5-21-1-2-3-1001", own.Rights},
		{own.UID, caller.Rights{Logon: own.Logon + 1, Elevated: own.Elevated}},
		{own.UID, caller.Rights{Logon: own.Logon, Elevated: !own.Elevated}},
	} {
		if w, err := l.acquire(t.Context(), other); err == nil {
			t.Errorf("%s was given a worker that is %+v", other.key(), w.Started())
			w.Release()
		}
	}
}

// TestOneWorkerForEachElevation starts this user's programs with and without an
// administrator's rights.
func TestOneWorkerForEachElevation(t *testing.T) {
	own := windows.GetCurrentProcessToken()
	if !own.IsElevated() {
		need.Missing(t, "needs an elevated user")
	}
	limited, err := own.GetLinkedToken()
	if err != nil {
		t.Fatal(err)
	}
	defer limited.Close()
	l := newLauncher(t, nil)
	by := map[string]windows.Token{}
	for _, token := range []windows.Token{own, limited} {
		id, err := identityOf(token)
		if err != nil {
			t.Fatal(err)
		}
		by[id.key()] = token
	}
	if len(by) != 2 {
		t.Fatalf("one identity for both: %v", by)
	}
	asSystem(l, func(id identity) (windows.Token, error) { return duplicate(t, by[id.key()]), nil })
	pids := map[int]bool{}
	for _, token := range by {
		id, err := identityOf(token)
		if err != nil {
			t.Fatal(err)
		}
		s := use(t, l, id).Started()
		if s.Elevated != id.Elevated {
			t.Errorf("worker is %+v, want %+v", s, id)
		}
		pids[s.PID] = true
	}
	if len(pids) != 2 {
		t.Error("programs with and without an administrator's rights share a worker")
	}
}

func TestWhoGetsAWorker(t *testing.T) {
	const alice, bob = caller.UID("S-1-5-21-1-2-3-1001"), caller.UID("S-1-5-21-1-2-3-1002")
	elevated := caller.Rights{Elevated: true}
	system, limited, admin := identity{UID: "S-1-5-18"}, identity{UID: alice}, identity{alice, elevated}
	for _, c := range []struct {
		name       string
		agent, who identity
		want       api.Code
	}{
		{"a user of the system's agent", system, identity{UID: bob}, api.OK},
		{"an administrator", system, identity{bob, elevated}, api.RootCaller},
		{"the system", system, identity{UID: "S-1-5-18"}, api.RootCaller},
		{"LocalService", system, identity{UID: "S-1-5-19"}, api.RootCaller},
		{"NetworkService", system, identity{UID: "S-1-5-20"}, api.RootCaller},
		{"one's own agent", limited, limited, api.OK},
		{"one's own in another logon session", limited, identity{alice, caller.Rights{Logon: 7}}, api.OK},
		{"another user's agent", limited, identity{UID: bob}, api.Forbidden},
		{"the system at a user's agent", limited, system, api.Forbidden},
		{"elevated at one that is not", limited, admin, api.Forbidden},
		{"not elevated at one that is", admin, limited, api.Forbidden},
		{"both elevated", admin, admin, api.OK},
	} {
		if got := api.CodeOf((&spawner{self: c.agent}).may(c.who)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A service of a user works for that user's left work, and for nobody else's.
func TestLeftWorkOfAUser(t *testing.T) {
	me := someone(t)
	l := newLauncher(t, nil)
	w, err := l.AcquireUser(t.Context(), me.UID)
	if err != nil {
		t.Fatal(err)
	}
	w.Release()
	if _, err := l.AcquireUser(t.Context(), "S-1-5-21-1-2-3-1001"); api.CodeOf(err) != api.Forbidden {
		t.Errorf("another's: %v", err)
	}
	asSystem(l, callersToken)
	if _, err := l.AcquireUser(t.Context(), "S-1-5-21-1-2-3-1001"); !errors.Is(err, ErrLost) {
		t.Errorf("who is not logged on: %v", err)
	}
}

// The running program can neither be changed nor put aside while a launcher is there.
func TestRunningProgramIsHeld(t *testing.T) {
	l := newLauncher(t, nil)
	for name, err := range map[string]error{
		"renamed": os.Rename(l.spawn.exe, l.spawn.exe+".old"),
		"removed": os.Remove(l.spawn.exe),
	} {
		if err == nil {
			t.Errorf("the running program was %s", name)
		}
	}
	f, err := os.OpenFile(l.spawn.exe, os.O_WRONLY, 0)
	if err == nil {
		_ = f.Close()
		t.Error("the running program was opened for writing")
	}
}
