package launch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// spawner starts processes of the running program.
type spawner struct {
	self identity // of the service
	exe  string

	// tokenOf is what a worker of an identity is started with; its user closes it.
	tokenOf func(identity) (windows.Token, error)

	// pin holds the program's file open without sharing it for writing or deleting.
	// Windows lets a running program be renamed, and another be laid in its place: then
	// workers would be of another version than the service. While the pin is held, that
	// fails, and an update has to stop the service first, as it does anyway. A later
	// comparison of the two files would notice only that it is too late.
	pin windows.Handle
}

func newSpawner() (*spawner, error) {
	self, err := ownIdentity()
	if err != nil {
		return nil, err
	}
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find the running program: %w", err)
	}
	name, err := windows.UTF16PtrFromString(exe)
	if err != nil {
		return nil, fmt.Errorf("find the running program: %w", err)
	}
	pin, err := windows.CreateFile(name, windows.GENERIC_READ, windows.FILE_SHARE_READ, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("hold the running program %s: %w", exe, err)
	}
	s := &spawner{self: self, exe: exe, pin: pin, tokenOf: callersToken}
	if s.own() {
		s.tokenOf = ownToken
	}
	return s, nil
}

func (s *spawner) close() error { return windows.CloseHandle(s.pin) }

// may refuses identities that this service gives no worker.
func (s *spawner) may(id identity) error {
	switch {
	case !s.own() && caller.Actor{UID: id.UID, Rights: id.Rights}.Root():
		return &api.Error{Code: api.RootCaller, Detail: "the system's agent opens files only with the ordinary rights of the user who asks; a service has no user, and for a program of a user " + caller.RootAdvice}
	case s.own() && id.UID != s.self.UID:
		return &api.Error{Code: api.Forbidden, Detail: fmt.Sprintf("the agent runs as %s and can work for that user only", s.self.UID.Text())}
	case s.own() && id.Elevated && !s.self.Elevated:
		return &api.Error{Code: api.Forbidden, Detail: "the agent has no administrator's rights and can work for programs without them only; " + caller.RootAdvice}
	case s.own() && !id.Elevated && s.self.Elevated:
		return &api.Error{Code: api.Forbidden, Detail: "the agent has an administrator's rights, which a program without them must not reach; start the agent without \"Run as administrator\""}
	}
	return nil
}

// start runs a worker with the identity's token, and refuses when the token is
// another's. The child gets one handle of this process, its end of the pipe: it has no
// console, no standard streams, no window, and nothing of the service's environment.
func (s *spawner) start(_ context.Context, _ Users, id identity,
	handle func(context.Context, string, json.RawMessage) (any, error),
	notice func(string, json.RawMessage),
) (*process, error) {
	base, err := s.tokenOf(id)
	if err != nil {
		return nil, err
	}
	defer base.Close()
	if got, err := identityOf(base); err != nil || got.key() != id.key() {
		return nil, errors.Join(fmt.Errorf("the token is of %s (%s), not of %s (%s)", got.UID, got.Rights.Key(), id.UID, id.Rights.Key()), err)
	}
	u, err := userOf(base)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := ipc.Pair()
	if err != nil {
		return nil, err
	}
	c, err := s.run(base, u, theirs)
	if err = errors.Join(err, windows.CloseHandle(theirs)); err != nil {
		if c != nil {
			c.kill()
			_ = c.wait()
		}
		return nil, errors.Join(fmt.Errorf("start the process: %w", err), ours.Close())
	}
	return &process{child: c, link: ipc.NewLink(ours, ipc.Options{Handle: handle, Notice: notice, MaxOut: workerapi.MaxFrame})}, nil
}

// ownToken is for a service that a user runs.
func ownToken(identity) (windows.Token, error) {
	var token windows.Token
	err := windows.OpenProcessToken(windows.CurrentProcess(), windows.TOKEN_QUERY|windows.TOKEN_DUPLICATE|windows.TOKEN_ASSIGN_PRIMARY, &token)
	if err != nil {
		return 0, fmt.Errorf("open own token: %w", err)
	}
	return token, nil
}

// callersToken is the one that the caller's connection came with. After its end, and for
// work that is left from before a restart, it is that of the same logon session.
func callersToken(id identity) (windows.Token, error) {
	token, err := id.Token.Duplicate()
	if err == nil {
		return token, nil
	}
	token, missing := sessionToken(func(other identity) bool { return other.key() == id.key() })
	if missing != nil {
		return 0, errors.Join(err, missing)
	}
	return token, nil
}

// run starts the program with no more than an ordinary program's privileges.
func (s *spawner) run(base windows.Token, u User, link windows.Handle) (*child, error) {
	token, err := narrow(base)
	if err != nil {
		return nil, err
	}
	defer token.Close()
	env, err := environment(token, u)
	if err != nil {
		return nil, err
	}
	exe, err := windows.UTF16PtrFromString(s.exe)
	if err != nil {
		return nil, err
	}
	line, err := windows.UTF16PtrFromString(windows.ComposeCommandLine([]string{"iscdesk-agent", "worker", strconv.Itoa(int(link))}))
	if err != nil {
		return nil, err
	}
	// Not a folder of the service's or the caller's, which the worker would hold open.
	system, err := windows.GetSystemDirectory()
	if err != nil {
		return nil, fmt.Errorf("find the system's folder: %w", err)
	}
	folder, err := windows.UTF16PtrFromString(system)
	if err != nil {
		return nil, err
	}
	list, err := windows.NewProcThreadAttributeList(1)
	if err != nil {
		return nil, fmt.Errorf("list what is inherited: %w", err)
	}
	defer list.Delete()
	handles := []windows.Handle{link}
	if err := list.Update(windows.PROC_THREAD_ATTRIBUTE_HANDLE_LIST, unsafe.Pointer(&handles[0]), unsafe.Sizeof(handles[0])); err != nil {
		return nil, fmt.Errorf("list what is inherited: %w", err)
	}
	// An empty name lets the system choose the desktop by the token: the service's own
	// is closed to the user.
	desktop := new(uint16)
	info := windows.StartupInfoEx{ProcThreadAttributeList: list.List()}
	info.StartupInfo = windows.StartupInfo{Cb: uint32(unsafe.Sizeof(info)), Desktop: desktop}
	const flags = windows.CREATE_SUSPENDED | windows.DETACHED_PROCESS | windows.CREATE_NEW_PROCESS_GROUP |
		windows.CREATE_UNICODE_ENVIRONMENT | windows.EXTENDED_STARTUPINFO_PRESENT | windows.CREATE_DEFAULT_ERROR_MODE
	var started windows.ProcessInformation
	if err := windows.CreateProcessAsUser(token, exe, line, nil, nil, true, flags, &env[0], folder, &info.StartupInfo, &started); err != nil {
		return nil, err
	}
	c := &child{process: started.Process}
	defer windows.CloseHandle(started.Thread)
	if c.job, err = bind(started.Process); err != nil {
		return c, err
	}
	if _, err := windows.ResumeThread(started.Thread); err != nil {
		return c, fmt.Errorf("let it run: %w", err)
	}
	return c, nil
}

// narrow takes all privileges from a copy of the token but the one to pass through
// folders (SeChangeNotify), without which paths that the user may use would fail. The
// logon session stays, and with it drives and passwords of network shares; so does the
// user's default access list, which is what new files get where their folder has none.
func narrow(base windows.Token) (windows.Token, error) {
	var size uint32
	if err := windows.GetTokenInformation(base, windows.TokenPrivileges, nil, 0, &size); !errors.Is(err, windows.ERROR_INSUFFICIENT_BUFFER) {
		return 0, fmt.Errorf("read the privileges: %w", err)
	}
	words := make([]uint32, size/4+1) // aligned as the structure is
	if err := windows.GetTokenInformation(base, windows.TokenPrivileges, (*byte)(unsafe.Pointer(&words[0])), size, &size); err != nil {
		return 0, fmt.Errorf("read the privileges: %w", err)
	}
	var pass windows.LUID
	if err := windows.LookupPrivilegeValue(nil, windows.StringToUTF16Ptr("SeChangeNotifyPrivilege"), &pass); err != nil {
		return 0, fmt.Errorf("find the privilege to pass through folders: %w", err)
	}
	// Each by name, not by the flag for all (DISABLE_MAX_PRIVILEGE), which Wine takes
	// and does nothing about. They are gone, not disabled: nothing brings them back.
	taken := slices.DeleteFunc(slices.Clone((*windows.Tokenprivileges)(unsafe.Pointer(&words[0])).AllPrivileges()),
		func(p windows.LUIDAndAttributes) bool { return p.Luid == pass })
	restrict := windows.NewLazySystemDLL("advapi32.dll").NewProc("CreateRestrictedToken")
	if err := restrict.Find(); err != nil {
		return 0, err
	}
	var token windows.Token
	ok, _, err := restrict.Call(uintptr(base), 0, 0, 0, uintptr(len(taken)), uintptr(unsafe.Pointer(unsafe.SliceData(taken))), 0, 0, uintptr(unsafe.Pointer(&token)))
	if ok == 0 {
		return 0, fmt.Errorf("take the privileges: %w", err)
	}
	return token, nil
}

// environment is the user's as the system makes it at logon: nothing of the service's
// own environment, and nothing of the caller's, reaches a worker.
func environment(token windows.Token, u User) ([]uint16, error) {
	vars, err := token.Environ(false)
	if err != nil {
		return nil, fmt.Errorf("make the user's environment: %w", err)
	}
	var block []uint16
	add := func(v string) error {
		text, err := windows.UTF16FromString(v)
		block = append(block, text...)
		return err
	}
	err = add("USERPROFILE=" + u.Home)
	for _, v := range vars {
		name, _, _ := strings.Cut(v, "=")
		if err == nil && !strings.EqualFold(name, "USERPROFILE") {
			err = add(v)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("make the user's environment: %w", err)
	}
	return append(block, 0), nil
}
