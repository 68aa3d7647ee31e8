package ipc

import (
	"crypto/rand"
	"io"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// pipePath is a name that nobody has.
func pipePath() string { return pipePrefix + "iscdesk-test-" + rand.Text() }

// listen opens an endpoint; accept gives its next connection.
func listen(t testing.TB) (path string, accept func() (io.ReadWriteCloser, error)) {
	t.Helper()
	l := listenAt(t, pipePath())
	return l.path, func() (io.ReadWriteCloser, error) { return l.Accept() }
}

func listenAt(t testing.TB, path string) *Listener {
	t.Helper()
	l, err := ListenPipe(path, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestDialRefusals(t *testing.T) {
	local := pipePrefix
	tests := []struct {
		name, path string
		want       api.Code
	}{
		{"empty", "", api.InvalidArgument},
		{"the prefix only", local, api.InvalidArgument},
		{"a name only", "iscdesk-agent", api.InvalidArgument},
		{"a file", `C:\iscdesk-agent`, api.InvalidArgument},
		{"another machine", `\\server\pipe\iscdesk-agent`, api.InvalidArgument},
		{"this machine over the network", `\\localhost\pipe\iscdesk-agent`, api.InvalidArgument},
		{"past all checks of names", `\\?\pipe\iscdesk-agent`, api.InvalidArgument},
		{"a device", `\\.\PhysicalDrive0`, api.InvalidArgument},
		{"a way out", local + `..\PhysicalDrive0`, api.InvalidArgument},
		{"a way out with a slash", local + `../PhysicalDrive0`, api.InvalidArgument},
		{"dots", local + "..", api.InvalidArgument},
		{"a dot at the end", local + "iscdesk.", api.InvalidArgument},
		{"a NUL", local + "iscdesk\x00agent", api.InvalidArgument},
		{"not ASCII", local + "代理", api.InvalidArgument},
		{"200 letters", local + strings.Repeat("x", 200), api.AgentAbsent},
		{"201 letters", local + strings.Repeat("x", 201), api.InvalidArgument},
		{"nobody serves", pipePath(), api.AgentAbsent},
		{"upper case", strings.ToUpper(pipePath()), api.AgentAbsent},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Dial(tt.path, time.Second); api.CodeOf(err) != tt.want {
				t.Errorf("dial: got %v, want %d", err, tt.want)
			}
			if tt.want != api.InvalidArgument {
				return
			}
			if _, err := ListenPipe(tt.path, false); api.CodeOf(err) != tt.want {
				t.Errorf("listen: got %v, want %d", err, tt.want)
			}
		})
	}
}

// A pipe whose instances are all in use: Dial gives up in time, and goes on when one
// becomes free.
func TestDialABusyPipe(t *testing.T) {
	path := pipePath()
	name, err := pipeName(path)
	if err != nil {
		t.Fatal(err)
	}
	sd, err := descriptor(false)
	if err != nil {
		t.Fatal(err)
	}
	h, err := first(name, 2, sd)
	if err != nil {
		t.Fatal(err)
	}
	defer windows.CloseHandle(h)
	taken, err := Dial(path, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, timeout := range []time.Duration{-1, 0, 30 * time.Millisecond} {
		if _, err := Dial(path, timeout); api.CodeOf(err) != api.Timeout {
			t.Errorf("within %v: got %v", timeout, err)
		}
	}
	type made struct {
		h   windows.Handle
		err error
	}
	second := make(chan made, 1)
	time.AfterFunc(50*time.Millisecond, func() {
		h, err := serve(name, false, 2, sd)
		second <- made{h, err}
	})
	c, err := Dial(path, 30*time.Second)
	if err != nil {
		t.Error(err)
	} else {
		_ = c.Close()
	}
	m := <-second
	if m.err != nil {
		t.Fatal(m.err)
	}
	_ = windows.CloseHandle(m.h)
}

func TestJudgeServers(t *testing.T) {
	own, err := ownSID()
	if err != nil {
		t.Fatal(err)
	}
	const system, other, admins, network = "S-1-5-18", "S-1-5-21-1-2-3-1001", "S-1-5-32-544", "S-1-5-20"
	const medium, low, high = 0x2000, 0x1000, 0x3000
	tests := []struct {
		name     string
		f        facts
		elevated bool // this program
		ok       bool
	}{
		{"the system's agent", facts{owner: system, level: medium, process: system, elevated: true}, false, true},
		{"the system's agent, whose token a limited program may not open", facts{owner: system, level: medium}, false, true},
		{"the same for an administrator", facts{owner: system, level: medium}, true, true},
		{"a system's level", facts{owner: system, level: 0x4000}, false, true},
		{"my own agent", facts{owner: own, level: medium, process: own}, false, true},
		{"my own elevated agent", facts{owner: own, level: high, process: own, elevated: true}, true, true},
		{"no owner", facts{level: medium, process: own}, false, false},
		{"another user", facts{owner: other, level: medium, process: other}, false, false},
		{"another user whose token is closed to me", facts{owner: other, level: medium}, false, false},
		{"another user's process behind my pipe", facts{owner: own, level: medium, process: other}, false, false},
		{"my process behind the system's pipe", facts{owner: system, level: medium, process: own}, false, false},
		{"another user's process behind the system's pipe", facts{owner: system, level: medium, process: other}, false, false},
		{"any administrator", facts{owner: admins, level: medium}, false, false},
		{"a service account", facts{owner: network, level: medium, process: network}, false, false},
		{"my sandboxed program", facts{owner: own, level: low, process: own}, false, false},
		{"my plain program in wait for an administrator's", facts{owner: own, level: medium, process: own}, true, false},
		{"the same with its token closed", facts{owner: own, level: medium}, true, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := Server{}, tt.f.check(tt.elevated)
			if err == nil {
				s, err = trust(Server{User: "sid:" + tt.f.owner})
			}
			if (err == nil) != tt.ok {
				t.Errorf("got %+v, %v", s, err)
			}
			if tt.ok && s.System() != (tt.f.owner == system) {
				t.Error("the system is taken for a user, or a user for the system")
			}
		})
	}
}

func TestLabels(t *testing.T) {
	tests := []struct {
		name, sddl string
		want       uint32
	}{
		{"none", "O:SYD:(A;;FA;;;SY)", 0x2000},
		{"an empty list", "O:SYD:(A;;FA;;;SY)S:", 0x2000},
		{"low", "O:SYS:(ML;;NW;;;LW)", 0x1000},
		{"medium", "O:SYS:(ML;;NW;;;ME)", 0x2000},
		{"high", "O:SYS:(ML;;NW;;;HI)", 0x3000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sd, err := windows.SecurityDescriptorFromString(tt.sddl)
			if err != nil {
				t.Skipf("this system reads no such text: %v", err)
			}
			if got, err := labelOf(sd); got != tt.want || err != nil {
				t.Errorf("got 0x%x, %v", got, err)
			}
		})
	}
}

// What a client is given does not make it a server.
func TestClientsCannotServe(t *testing.T) {
	const createInstance = 0x4 // FILE_CREATE_PIPE_INSTANCE
	const writeDAC, writeOwner = 0x40000, 0x80000
	if clientAccess&(createInstance|writeDAC|writeOwner) != 0 {
		t.Errorf("clients get 0x%x", clientAccess)
	}
	sd, err := descriptor(true)
	if err != nil {
		t.Fatal(err)
	}
	acl, _, err := sd.DACL()
	if err != nil {
		t.Fatal(err)
	}
	own, err := ownSID()
	if err != nil {
		t.Fatal(err)
	}
	const full = 0x1f01ff
	want := map[string]uint32{"S-1-5-2": full, "S-1-5-7": full, "S-1-5-18": full, own: full, "S-1-5-11": clientAccess}
	for i := range uint32(acl.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(acl, i, &ace); err != nil {
			t.Fatal(err)
		}
		sid := aceSID(ace).String()
		denies := ace.Header.AceType == windows.ACCESS_DENIED_ACE_TYPE
		if uint32(ace.Mask) != want[sid] || denies != (sid == "S-1-5-2" || sid == "S-1-5-7") {
			t.Errorf("%s: 0x%x, denied %t", sid, ace.Mask, denies)
		}
		if denies != (i < 2) {
			t.Errorf("entry %d: the refusals must come first", i)
		}
		delete(want, sid)
	}
	if len(want) != 0 {
		t.Errorf("no word about %v", want)
	}
	if owner, _, err := sd.Owner(); err != nil || owner.String() != own {
		t.Errorf("owner %v, %v", owner, err)
	}
	own2, err := descriptor(false)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(own2.String(), ";AU)") {
		t.Errorf("a user's own pipe is open to all: %s", own2)
	}
}
