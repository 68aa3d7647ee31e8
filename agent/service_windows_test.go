package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/registry"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"

	"github.com/iscdesk/iscdesk/agent/internal/service/config"
	installer "github.com/iscdesk/iscdesk/installer/windows"
	"github.com/iscdesk/iscdesk/internal/acltest"
	"github.com/iscdesk/iscdesk/internal/clock"
)

func TestStateOfTheService(t *testing.T) {
	for _, c := range []struct {
		name   string
		status svc.Status
		want   string
		failed bool
	}{
		{"ready", svc.Status{State: svc.Running}, "", false},
		{"starting", svc.Status{State: svc.StartPending}, "the service is starting and not ready yet", false},
		{"stopping", svc.Status{State: svc.StopPending}, "the service is stopping", false},
		{"stopped", svc.Status{State: svc.Stopped}, "the service is installed and does not run", false},
		{"never started", svc.Status{State: svc.Stopped, Win32ExitCode: 1077}, "the service is installed and does not run", false},
		{"its settings", svc.Status{State: svc.Stopped, Win32ExitCode: 1066, ServiceSpecificExitCode: endConfiguration}, "the service failed (code 1)", true},
		{"killed", svc.Status{State: svc.Stopped, Win32ExitCode: 1067}, "the service failed (Windows' code 1067)", true},
		{"paused, which it cannot be", svc.Status{State: svc.Paused}, "the service is installed and does not run", false},
	} {
		if got, failed := stateOf(c.status); got != c.want || failed != c.failed {
			t.Errorf("%s: %q (%v), want %q (%v)", c.name, got, failed, c.want, c.failed)
		}
	}
}

// What fails at each start must come to an end: the reset has to be longer than every
// pause, or Windows never gets to the last action.
func TestRecoveryEnds(t *testing.T) {
	actions := recovery()
	for i, a := range actions {
		if last := i == len(actions)-1; (a.Type == mgr.NoAction) != last || a.Delay >= recoveryReset*time.Second {
			t.Errorf("action %d: %+v", i, a)
		}
	}
}

// copyOfThis is this test program as an installer lays a program down.
func copyOfThis(t *testing.T) string {
	t.Helper()
	programs, err := windows.KnownFolderPath(windows.FOLDERID_ProgramFiles, windows.KF_FLAG_DEFAULT)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp(programs, "ISCDesk test ")
	if err != nil {
		t.Skipf("this account installs no programs: %v", err)
	}
	from, err := os.Open(own(t))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	path := filepath.Join(dir, "iscdesk-agent.exe")
	to, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if err := errors.Join(err, to.Close()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = os.Remove(path)
		_ = os.Remove(dir)
	})
	return path
}

// emptySystem makes sure that no agent is installed which this test would end.
func emptySystem(t *testing.T) {
	t.Helper()
	if err := running(); !errors.Is(err, errNotInstalled) {
		t.Skipf("an agent is installed here: %v", err)
	}
	if err := needRights("install"); err != nil {
		t.Skip(err)
	}
	file, err := config.File(true)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Dir(file)); !errors.Is(err, fs.ErrNotExist) {
		t.Skipf("%s is there: %v", filepath.Dir(file), err)
	}
	t.Cleanup(func() {
		if err := running(); !errors.Is(err, errNotInstalled) {
			t.Errorf("left behind: %v, %v", err, remove())
		}
		if err := os.RemoveAll(filepath.Dir(file)); err != nil { // it was not there before
			t.Error(err)
		}
	})
}

// TestService goes the way of an administrator with the real service manager.
func TestService(t *testing.T) {
	emptySystem(t)
	for name, do := range map[string]func() error{"start": begin, "stop": end, "uninstall": remove, "status": running} {
		if err := do(); !errors.Is(err, errNotInstalled) {
			t.Errorf("%s without a service: %v", name, err)
		}
	}
	path, err := checkProgram(copyOfThis(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := register(path); err != nil {
		t.Fatal(err)
	}
	if err := register(path); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("installed twice: %v", err)
	}
	if err := withService(windows.SERVICE_QUERY_CONFIG, func(s *mgr.Service) error { checkInstalled(t, s, path); return nil }); err != nil {
		t.Error(err)
	}
	if err := running(); err == nil || err.Error() != "the service is installed and does not run" {
		t.Errorf("before its start: %v", err)
	}
	var clock clock.System
	for range 2 {
		began := clock.Now()
		if err := begin(); err != nil {
			t.Fatal(err)
		}
		ready := clock.Now()
		if err := running(); err != nil {
			t.Error(err)
		}
		if err := begin(); err != nil {
			t.Errorf("started twice: %v", err)
		}
		stopping := clock.Now()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		t.Logf("ready after %v, stopped after %v", ready.Sub(began).Round(time.Millisecond), clock.Now().Sub(stopping).Round(time.Millisecond))
		if err := end(); err != nil {
			t.Errorf("stopped twice: %v", err)
		}
	}
	if err := begin(); err != nil {
		t.Fatal(err)
	}
	if err := remove(); err != nil {
		t.Errorf("removed while it runs: %v", err)
	}
	if err := running(); !errors.Is(err, errNotInstalled) {
		t.Errorf("after its removal: %v", err)
	}
	if k, err := registry.OpenKey(registry.LOCAL_MACHINE, eventSource, registry.QUERY_VALUE); err == nil {
		_ = k.Close()
		t.Error("the event log still has its source")
	}
}

const eventSource = `SYSTEM\CurrentControlSet\Services\EventLog\Application\` + serviceName

// checkInstalled reads back from the service manager what was set. Wine's does not know
// some of it and says so by ERROR_INVALID_LEVEL.
func checkInstalled(t *testing.T, s *mgr.Service, path string) {
	t.Helper()
	c, err := configOf(s)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"` + path + `" run`; !strings.EqualFold(windows.UTF16PtrToString(c.BinaryPathName), want) || !strings.Contains(path, " ") {
		t.Errorf("it runs %s, want %s: a path with a blank in quotes", windows.UTF16PtrToString(c.BinaryPathName), want)
	}
	if account := windows.UTF16PtrToString(c.ServiceStartName); c.StartType != windows.SERVICE_AUTO_START || c.ServiceType != windows.SERVICE_WIN32_OWN_PROCESS || account != "LocalSystem" {
		t.Errorf("start type %d, type %d, account %q", c.StartType, c.ServiceType, account)
	}
	skipped := func(what string, err error) bool {
		if errors.Is(err, windows.ERROR_INVALID_LEVEL) {
			t.Logf("not shown here, this service manager does not tell it: %s", what)
			return true
		}
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return err != nil
	}
	got, err := s.RecoveryActions()
	if !skipped("what is done when it fails", err) {
		want := recovery()
		if len(got) != len(want) {
			t.Errorf("recovery %v, want %v", got, want)
		}
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Errorf("recovery %d: %v, want %v", i, got[i], want[i])
			}
		}
		if period, err := s.ResetPeriod(); err != nil || period != recoveryReset {
			t.Errorf("reset after %d s, %v", period, err)
		}
	}
	if flag, err := s.RecoveryActionsOnNonCrashFailures(); !skipped("that it is done after a code too", err) && !flag {
		t.Error("nothing is done when it ends with a code")
	}
	list := make([]byte, 4096)
	var n uint32
	err = windows.QueryServiceConfig2(s.Handle, windows.SERVICE_CONFIG_REQUIRED_PRIVILEGES_INFO, &list[0], uint32(len(list)), &n)
	if !skipped("its privileges", err) {
		checkPrivileges(t, *(**uint16)(unsafe.Pointer(&list[0])))
	}
	k, err := registry.OpenKey(registry.LOCAL_MACHINE, eventSource, registry.QUERY_VALUE)
	if err != nil {
		t.Fatalf("the event log has no source: %v", err)
	}
	if file, _, err := k.GetStringValue("EventMessageFile"); err != nil || !strings.HasSuffix(file, `\EventCreate.exe`) {
		t.Errorf("messages of %q, %v", file, err)
	}
	_ = k.Close()
	file, err := config.File(true)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != installer.Configuration() {
		t.Errorf("%s: %d bytes, %v", file, len(text), err)
	}
}

func configOf(s *mgr.Service) (*windows.QUERY_SERVICE_CONFIG, error) {
	b := make([]byte, 8192)
	c := (*windows.QUERY_SERVICE_CONFIG)(unsafe.Pointer(&b[0]))
	var n uint32
	return c, windows.QueryServiceConfig(s.Handle, c, uint32(len(b)), &n)
}

func checkPrivileges(t *testing.T, list *uint16) {
	t.Helper()
	for _, want := range privileges {
		got := windows.UTF16PtrToString(list)
		if got != want {
			t.Errorf("privilege %q, want %q", got, want)
		}
		list = (*uint16)(unsafe.Add(unsafe.Pointer(list), 2*(len(got)+1)))
	}
	if *list != 0 {
		t.Errorf("and %s", windows.UTF16PtrToString(list))
	}
}

// An agent that cannot run ends the service with its own code, at once, and says where the
// reason is.
func TestServiceThatCannotRun(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open")
	if err := os.MkdirAll(filepath.Join(open, "something"), 0o700); err != nil {
		t.Fatal(err)
	}
	acltest.Grant(t, open, acltest.Read)
	emptySystem(t)
	if err := register(copyOfThis(t)); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := remove(); err != nil {
			t.Error(err)
		}
	}()
	for _, c := range []struct {
		name, settings string
		code           int
	}{
		{"an unknown setting", "skip_verify = true\r\n", endConfiguration},
		{"a file of another encoding", "\xff\xfel\x00o\x00", endConfiguration},
		{"state that others read", "state = '" + open + "'\r\n", endFailure},
	} {
		t.Run(c.name, func(t *testing.T) {
			writeSettings(t, c.settings)
			want := fmt.Sprintf("the service failed (code %d)", c.code)
			if err := begin(); err == nil || err.Error() != "start the service: "+want {
				t.Errorf("it starts: %v", err)
			}
			if err := running(); err == nil || !strings.HasPrefix(err.Error(), want+"\n") || !strings.Contains(err.Error(), "Event Viewer") {
				t.Errorf("its state: %v", err)
			}
		})
	}
}

// writeSettings writes the service's configuration, and until the test's end the user's
// own, which Wine's services read: they are the user's.
func writeSettings(t *testing.T, text string) {
	t.Helper()
	for _, system := range []bool{true, false} {
		file, err := config.File(system)
		if err != nil {
			t.Fatal(err)
		}
		if !system {
			if _, err := os.Lstat(file); err == nil {
				continue // a person's
			}
			if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.Remove(file) })
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// docs/attacksurface.md gives each privilege its reason, and names no other one as kept.
func TestPrivilegesHaveTheirReasons(t *testing.T) {
	text, err := os.ReadFile("../docs/attacksurface.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, found := strings.Cut(string(text), "\n| privilege | for |\n")
	part, _, _ = strings.Cut(part, "\n\n")
	var named []string
	for row := range strings.Lines(part) {
		if cells := strings.Split(row, "|"); len(cells) == 4 && !strings.HasPrefix(row, "|---") {
			named = append(named, strings.TrimSpace(cells[1]))
		}
	}
	if !found || !slices.Equal(named, privileges[:]) {
		t.Errorf("the document has %q, the service keeps %q", named, privileges)
	}
}
