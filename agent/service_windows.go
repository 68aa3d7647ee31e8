package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"
	"golang.org/x/sys/windows/svc/mgr"

	"github.com/iscdesk/iscdesk/agent/internal/eventlog"
	"github.com/iscdesk/iscdesk/agent/internal/service/config"
	installer "github.com/iscdesk/iscdesk/installer/windows"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

// How often the service's state is asked while it changes, and how long.
const (
	askEvery  = 100 * time.Millisecond
	startWait = startTime + 20*time.Second // Windows' own delays beside
	stopWait  = stopTime + 5*time.Second
)

// needRights says so before Windows ends with a bare "Access is denied".
func needRights(action string) error {
	if !windows.GetCurrentProcessToken().IsElevated() {
		return fmt.Errorf("%s the service: this needs an administrator; open the command prompt with \"Run as administrator\"", action)
	}
	return nil
}

// checkProgram answers the path to register, without links.
func checkProgram(path string) (string, error) { return installer.CheckProgram(path) }

// register installs the service whole or not at all, and lays down the commented
// configuration where there is none.
func register(path string) error {
	if err := config.Prepare(); err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	file, err := config.File(true)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(file); errors.Is(err, fs.ErrNotExist) {
		if err := atomicfile.WriteFile(file, []byte(installer.Configuration()), 0o644); err != nil {
			return fmt.Errorf("install the service: lay down the configuration: %w", err)
		}
	}
	switch err := control("install", path); {
	case errors.Is(err, windows.ERROR_SERVICE_MARKED_FOR_DELETE):
		return errors.New("install the service: the old one is still being removed; close the Services window and what else shows it, or restart the machine, then try again")
	case err != nil:
		return err
	}
	var unknown []string
	err = withService(windows.SERVICE_ALL_ACCESS, func(s *mgr.Service) (err error) {
		unknown, err = settle(s)
		return err
	})
	if err != nil {
		return errors.Join(fmt.Errorf("install the service: %w", err), control("uninstall", ""))
	}
	for _, name := range unknown {
		fmt.Fprintf(os.Stderr, "iscdesk-agent: this system's service manager does not know %s; the service is installed without\n", name)
	}
	return nil
}

// remove stops the service and removes it: one that runs would stay in the list until
// it ends.
func remove() error {
	if err := end(); err != nil {
		return err
	}
	return control("uninstall", "")
}

// begin starts the service and waits until it is ready or has failed.
func begin() error {
	return withService(windows.SERVICE_START|windows.SERVICE_QUERY_STATUS, func(s *mgr.Service) error {
		if err := s.Start(); err != nil && !errors.Is(err, windows.ERROR_SERVICE_ALREADY_RUNNING) {
			return fmt.Errorf("start the service: %w", err)
		}
		st, err := settled(s, startWait, func(st svc.State) bool { return st != svc.StartPending })
		if err != nil {
			return fmt.Errorf("start the service: %w", err)
		}
		if text, _ := stateOf(st); text != "" {
			return fmt.Errorf("start the service: %s", text)
		}
		return nil
	})
}

// end stops the service and waits until it has stopped. The library would wait for ever.
func end() error {
	return withService(windows.SERVICE_STOP|windows.SERVICE_QUERY_STATUS, func(s *mgr.Service) error {
		_, err := s.Control(svc.Stop)
		if errors.Is(err, windows.ERROR_SERVICE_NOT_ACTIVE) {
			return nil
		}
		if err != nil && !errors.Is(err, windows.ERROR_SERVICE_CANNOT_ACCEPT_CTRL) { // it is stopping already
			return fmt.Errorf("stop the service: %w", err)
		}
		st, err := settled(s, stopWait, func(st svc.State) bool { return st == svc.Stopped }) // it may be called running for a moment
		if err == nil && st.State != svc.Stopped {
			err = errors.New("it does not stop")
		}
		if err != nil {
			return fmt.Errorf("stop the service: %w", err)
		}
		return nil
	})
}

// settled is the service's state as soon as it is the wanted one, or whatever it is after
// limit.
func settled(s *mgr.Service, limit time.Duration, wanted func(svc.State) bool) (svc.Status, error) {
	for n := time.Duration(0); ; n += askEvery {
		st, err := s.Query()
		if err != nil || wanted(st.State) || n >= limit {
			return st, err
		}
		time.Sleep(askEvery)
	}
}

// running is nil while the service is ready.
func running() error {
	return withService(windows.SERVICE_QUERY_STATUS, func(s *mgr.Service) error {
		st, err := s.Query()
		if err != nil {
			return fmt.Errorf("ask for the service's state: %w", err)
		}
		return notReady(stateOf(st))
	})
}

// stateOf says why a service is not ready, "" for one that is; failed says that the event
// log has a reason.
func stateOf(st svc.Status) (text string, failed bool) {
	switch st.State {
	case svc.Running:
		return "", false
	case svc.StartPending:
		return isStarting, false
	case svc.StopPending:
		return isStopping, false
	case svc.Stopped:
		switch windows.Errno(st.Win32ExitCode) {
		case 0, windows.ERROR_SERVICE_NEVER_STARTED:
		case windows.ERROR_SERVICE_SPECIFIC_ERROR:
			return fmt.Sprintf("the service failed (code %d)", st.ServiceSpecificExitCode), true
		default:
			return fmt.Sprintf("the service failed (Windows' code %d)", st.Win32ExitCode), true
		}
	}
	return isStopped, false
}

// cause is what the agent said last in the event log, or where to look for it.
func cause() string {
	const look = "\n  see: Event Viewer, Windows Logs, Application, source " + serviceName
	said, err := eventlog.LastError(serviceName)
	if err != nil {
		said = ""
	}
	return lastWords(said, look)
}

// withService does something with the installed service, opened with access.
func withService(access uint32, do func(*mgr.Service) error) error {
	m, err := windows.OpenSCManager(nil, nil, windows.SC_MANAGER_CONNECT)
	if err != nil {
		return fmt.Errorf("find the service manager: %w", err)
	}
	defer windows.CloseServiceHandle(m)
	name, err := windows.UTF16PtrFromString(serviceName)
	if err != nil {
		return err
	}
	h, err := windows.OpenService(m, name, access)
	if errors.Is(err, windows.ERROR_SERVICE_DOES_NOT_EXIST) {
		return errNotInstalled
	}
	if err != nil {
		return fmt.Errorf("open the service: %w", err)
	}
	defer windows.CloseServiceHandle(h)
	return do(&mgr.Service{Name: serviceName, Handle: h})
}
