package caller

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// What x/sys has no wrapper for.
var (
	advapi32                       = windows.NewLazySystemDLL("advapi32.dll")
	procImpersonateNamedPipeClient = advapi32.NewProc("ImpersonateNamedPipeClient")
)

// Peer is the other end of an accepted connection: the Actor, and a handle on its
// process that cannot come to mean another one. Close it.
type Peer struct {
	Actor
	process windows.Handle // 0 where there is none
}

// identity is what two tokens must have in common to be the same caller's.
type identity struct {
	uid      UID
	logon    uint64
	elevated bool
}

// Accepted reads who is at the other end of conn. Two things are asked: as whom the pipe
// was opened (the kernel lends a look at that identity), and as whom the process runs
// that opened it, whose token a worker will be started with: an identity that was lent
// can start nothing. A refusal with api.Forbidden when they differ: a program that
// acts for somebody else is served as neither.
func Accepted(conn *ipc.Conn) (*Peer, error) {
	var p *Peer
	err := conn.With(func(h windows.Handle) (err error) {
		p, err = read(h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read peer: %w", err)
	}
	return p, nil
}

func read(pipe windows.Handle) (*Peer, error) {
	opened, err := impersonated(pipe)
	if err != nil {
		return nil, err
	}
	var pid uint32
	if err := windows.GetNamedPipeClientProcessId(pipe, &pid); err != nil {
		return nil, fmt.Errorf("read the client's process: %w", err)
	}
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, pid)
	if err != nil {
		return nil, fmt.Errorf("open process %d: %w", pid, err)
	}
	p := &Peer{process: process, Actor: Actor{UID: opened.uid, Rights: Rights{Logon: opened.logon, Elevated: opened.elevated}, PID: int(pid)}}
	if err := p.holdToken(opened); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// holdToken takes the token of the process, which must be opened's.
func (p *Peer) holdToken(opened identity) error {
	// While it lives, its number is its own: the handle is that of the process that
	// has it now, and what differs from the pipe's opener is noticed below.
	if state, err := windows.WaitForSingleObject(p.process, 0); err != nil || state == windows.WAIT_OBJECT_0 {
		return fmt.Errorf("process %d has ended", p.PID)
	}
	var token windows.Token
	if err := windows.OpenProcessToken(p.process, windows.TOKEN_QUERY|windows.TOKEN_DUPLICATE, &token); err != nil {
		return fmt.Errorf("open the token of process %d: %w", p.PID, err)
	}
	defer token.Close()
	runs, err := identityOf(token)
	if err == nil {
		err = opened.sameAs(runs)
	}
	if err == nil {
		p.Token, err = newToken(token)
	}
	return err
}

// sameAs refuses a process that is not who opened the pipe.
func (opened identity) sameAs(runs identity) error {
	differ := ""
	switch {
	case opened.uid == "" || opened.uid != runs.uid:
		differ = fmt.Sprintf("opened by %s, and its process runs as %s", opened.uid, runs.uid)
	case opened.logon != runs.logon:
		differ = fmt.Sprintf("opened in logon session %x, and its process runs in %x", opened.logon, runs.logon)
	case opened.elevated != runs.elevated:
		differ = "opened with other rights than its process has"
	default:
		return nil
	}
	return &api.Error{Code: api.Forbidden, Detail: "the connection was " + differ}
}

// impersonated is as whom the pipe was opened. The client must have opened it with a
// quality of service that lets its identity be read from the start (as internal/ipc does);
// without, Windows would tell it only after the first read, and anew for each write.
func impersonated(pipe windows.Handle) (who identity, err error) {
	done := make(chan struct{})
	// A goroutine of its own: where the thread could not be given back its own
	// identity, it ends with the goroutine, and nothing else ever runs on it.
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if ok, _, e := syscall.SyscallN(procImpersonateNamedPipeClient.Addr(), uintptr(pipe)); ok == 0 {
			err = fmt.Errorf("look at the client's identity: %w", e)
			runtime.UnlockOSThread()
			return
		}
		var token windows.Token
		err = windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &token)
		if back := windows.RevertToSelf(); back != nil {
			err = errors.Join(err, fmt.Errorf("return to the agent's identity: %w", back))
		} else {
			runtime.UnlockOSThread()
		}
		if err != nil {
			err = fmt.Errorf("look at the client's identity: %w", err)
			return
		}
		defer token.Close()
		who, err = identityOf(token)
	}()
	<-done
	return who, err
}

// identityOf reads a token.
func identityOf(t windows.Token) (identity, error) {
	user, err := t.GetTokenUser()
	if err != nil {
		return identity{}, fmt.Errorf("read the user of a token: %w", err)
	}
	var s statistics
	var size uint32
	err = windows.GetTokenInformation(t, windows.TokenStatistics, (*byte)(unsafe.Pointer(&s)), uint32(unsafe.Sizeof(s)), &size)
	if err != nil {
		return identity{}, fmt.Errorf("read the logon session of a token: %w", err)
	}
	logon := uint64(uint32(s.AuthenticationID.HighPart))<<32 | uint64(s.AuthenticationID.LowPart)
	return identity{UID(user.User.Sid.String()), logon, t.IsElevated()}, nil
}

// statistics is TOKEN_STATISTICS.
type statistics struct {
	TokenID            windows.LUID
	AuthenticationID   windows.LUID
	ExpirationTime     [2]uint32 // LARGE_INTEGER, of which only its halves are aligned on all systems
	TokenType          uint32
	ImpersonationLevel uint32
	DynamicCharged     uint32
	DynamicAvailable   uint32
	GroupCount         uint32
	PrivilegeCount     uint32
	ModifiedID         windows.LUID
}

// Close gives the handles on the process and its token back.
func (p *Peer) Close() error {
	var err error
	if p.Token != nil {
		err = p.Token.Close()
	}
	if p.process != 0 {
		err = errors.Join(err, windows.CloseHandle(p.process))
		p.process = 0
	}
	return err
}

// Executable opens the program that the peer's process runs, for comparing it with
// a file: os.SameFile of its Stat. The name is the kernel's; a program on another
// machine is refused, as asking there would show the agent's identity, and so is a
// name that leads elsewhere by now, a folder of it having become a link. The caller closes it.
func (p *Peer) Executable() (*os.File, error) {
	if p.process == 0 {
		return nil, errors.New("the peer's process is not known")
	}
	name := make([]uint16, windows.MAX_LONG_PATH)
	size := uint32(len(name))
	if err := windows.QueryFullProcessImageName(p.process, 0, &name[0], &size); err != nil {
		return nil, fmt.Errorf("read the name of the peer's program: %w", err)
	}
	path := windows.UTF16ToString(name[:size])
	if len(path) < 3 || path[1] != ':' || path[2] != '\\' {
		return nil, fmt.Errorf("the peer's program %q is not on a drive of this machine", path)
	}
	long := `\\?\` + path
	at, err := windows.UTF16PtrFromString(long)
	if err != nil {
		return nil, fmt.Errorf("open the peer's program: %w", err)
	}
	h, err := windows.CreateFile(at, windows.FILE_READ_ATTRIBUTES,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING, 0, 0)
	if err != nil {
		return nil, fmt.Errorf("open the peer's program: %w", err)
	}
	const asOpened = 0x8 // FILE_NAME_OPENED: links followed, short names left
	n, err := windows.GetFinalPathNameByHandle(h, &name[0], uint32(len(name)), asOpened)
	if err == nil && (n >= uint32(len(name)) || !strings.EqualFold(windows.UTF16ToString(name[:n]), long)) {
		err = fmt.Errorf("its name %q leads to another file by now", path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open the peer's program: %w", err), windows.CloseHandle(h))
	}
	return os.NewFile(uintptr(h), path), nil
}
