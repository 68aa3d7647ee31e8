package caller

import (
	"errors"
	"os"
	"runtime"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// A process gives its token only to a connection that was opened as who it runs as.
func TestTokenOfAnotherIdentity(t *testing.T) {
	own, err := identityOf(windows.GetCurrentProcessToken())
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		opened identity
		want   api.Code
	}{
		{"its own", own, api.OK},
		{"another user", identity{"S-1-5-21-1-2-3-1001", own.logon, own.elevated}, api.Forbidden},
		{"another logon session", identity{own.uid, own.logon + 1, own.elevated}, api.Forbidden},
		{"other rights", identity{own.uid, own.logon, !own.elevated}, api.Forbidden},
	} {
		t.Run(tt.name, func(t *testing.T) {
			process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION|windows.SYNCHRONIZE, false, uint32(os.Getpid()))
			if err != nil {
				t.Fatal(err)
			}
			p := &Peer{process: process, Actor: Actor{UID: tt.opened.uid, PID: os.Getpid()}}
			if err := p.holdToken(tt.opened); api.CodeOf(err) != tt.want {
				t.Errorf("got %v, want %v", err, tt.want)
			}
			if given := p.Token != nil; given != (tt.want == api.OK) {
				t.Errorf("a token was given: %v", given)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// The agent is lent a look at its clients: it cannot act as one of them.
func TestClientsLendALookOnly(t *testing.T) {
	if windows.NewLazySystemDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		need.Missing(t, "Wine lends a pipe's server the whole identity of a client, whatever that said")
	}
	l, path := listen(t)
	start(t, path)
	var level uint32
	err := accept(t, l).With(func(h windows.Handle) error {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if ok, _, err := syscall.SyscallN(procImpersonateNamedPipeClient.Addr(), uintptr(h)); ok == 0 {
			return err
		}
		var token windows.Token
		err := windows.OpenThreadToken(windows.CurrentThread(), windows.TOKEN_QUERY, true, &token)
		if err = errors.Join(err, windows.RevertToSelf()); err != nil {
			return err
		}
		defer token.Close()
		var n uint32
		return windows.GetTokenInformation(token, windows.TokenImpersonationLevel, (*byte)(unsafe.Pointer(&level)), uint32(unsafe.Sizeof(level)), &n)
	})
	if err != nil || level != windows.SecurityIdentification {
		t.Errorf("level %d, %v, want %d", level, err, windows.SecurityIdentification)
	}
}
