package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
	"golang.org/x/sys/windows/svc"

	"github.com/iscdesk/iscdesk/agent/internal/eventlog"
	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/config"
)

// What run --help says.
const (
	configurations = `%ProgramData%\ISCDesk\agent.toml for the service, for others %LOCALAPPDATA%\ISCDesk\agent.toml`
	socket         = "Named pipe"
)

// How long Windows is asked to wait. A service that takes longer to be ready is told to
// be running all the same, so that nothing waits for it; one that takes longer to stop
// is left behind: what it keeps is whole after a kill too.
const (
	startTime    = 10 * time.Second
	stopTime     = 15 * time.Second // readers get 2 s for the last event, workers 5 s to end
	shutdownTime = 4 * time.Second  // Windows gives 5
)

// What the service ends with when it ends by itself; see docs/operating.md.
const (
	endConfiguration = 1 // it never began: its settings
	endFailure       = 2 // it ended with an error
)

// Run is the agent, under Windows' service manager or by hand.
func (r runCommand) Run() error {
	managed, err := startedByManager()
	if err != nil {
		return err
	}
	if managed {
		err := svc.Run(serviceName, &managedRun{run: r, report: unreported})
		if !errors.Is(err, windows.ERROR_FAILED_SERVICE_CONTROLLER_CONNECT) {
			return err
		}
	}
	p, err := r.prepared(console)
	if err != nil {
		return err
	}
	if err := p.Start(nil); err != nil {
		return err
	}
	p.wait()
	return p.Stop(nil)
}

// startedByManager reports whether the parent process is called as the service manager is.
// Whether it was indeed that, the attempt to reach the manager shows, which every process
// could make; under Wine it takes ten seconds where there is none. Libraries look at the
// parent's session as well, which is another one under Wine.
func startedByManager() (bool, error) {
	list, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPPROCESS, 0)
	if err != nil {
		return false, fmt.Errorf("ask who started this: %w", err)
	}
	defer windows.CloseHandle(list)
	parent := uint32(os.Getppid())
	var p windows.ProcessEntry32
	p.Size = uint32(unsafe.Sizeof(p))
	for err = windows.Process32First(list, &p); err == nil; err = windows.Process32Next(list, &p) {
		if p.ProcessID == parent {
			return strings.EqualFold(windows.UTF16ToString(p.ExeFile[:]), "services.exe"), nil
		}
	}
	return false, nil // it has ended: the manager never does
}

// prepared is the program, with the folder of the system's agent made.
func (r runCommand) prepared(log func(slog.Level) *slog.Logger) (*program, error) {
	if caller.Own().System() {
		if err := config.Prepare(); err != nil {
			return nil, err
		}
	}
	return r.program(log)
}

// managedRun is the agent as the service manager sees it. It is not the service
// library's: that one notices only what the manager says, so an agent that ends by itself
// would stay a running service, and it gives no hint how long a stop takes.
type managedRun struct {
	run    runCommand
	report func(slog.Level, string) error // to the event log
}

// unreported is the report of a machine whose event log cannot be opened; the agent runs
// there all the same.
func unreported(slog.Level, string) error { return errors.New("(the event log cannot be opened)") }

// Execute runs the agent until it is stopped or ends. Every answer to the manager is
// given at once; what is slow runs beside.
func (m *managedRun) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (specific bool, code uint32) {
	status <- svc.Status{State: svc.StartPending, WaitHint: uint32(startTime.Milliseconds())}
	if log, err := eventlog.Open(serviceName); err == nil {
		m.report = log.Report
		defer log.Close()
	}
	p, err := m.run.prepared(m.logger)
	if err != nil {
		m.say(slog.LevelError, err.Error())
		return true, endConfiguration
	}
	ready := make(chan struct{}, 1)
	p.cfg.Ready = func() { ready <- struct{}{} }
	if err := p.Start(nil); err != nil {
		m.say(slog.LevelError, err.Error())
		return true, endFailure
	}
	slow := time.NewTimer(startTime)
	defer slow.Stop()
	running := svc.Status{State: svc.Running, Accepts: svc.AcceptStop | svc.AcceptShutdown}
	for {
		select {
		case <-ready:
			slow.Stop()
			status <- running
			m.say(slog.LevelInfo, "The agent is ready, build "+build+".")
			m.crashed(p.cfg.State)
		case <-slow.C:
			status <- running
			m.say(slog.LevelWarn, "The agent is not ready yet.")
		case err := <-p.done:
			if err == nil {
				err = errors.New("the agent ended by itself")
			}
			m.say(slog.LevelError, err.Error())
			return true, endFailure
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- r.CurrentStatus
			case svc.Stop:
				return m.stop(p, stopTime, requests, status)
			case svc.Shutdown:
				return m.stop(p, shutdownTime, requests, status)
			}
		}
	}
}

// stop ends the agent as it was asked to. Its code is 0 whatever happened: with another
// one Windows would start the service again that somebody just stopped.
func (m *managedRun) stop(p *program, limit time.Duration, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	pending := svc.Status{State: svc.StopPending, WaitHint: uint32(limit.Milliseconds())}
	status <- pending
	p.cancel()
	late := time.NewTimer(limit)
	defer late.Stop()
	for {
		select {
		case err := <-p.done:
			if err != nil {
				m.say(slog.LevelWarn, "The agent stopped: "+err.Error())
			} else {
				m.say(slog.LevelInfo, "The agent stopped.")
			}
			return false, 0
		case <-late.C:
			m.say(slog.LevelWarn, fmt.Sprintf("The agent did not stop within %s and is ended.", limit))
			return false, 0
		case <-requests:
			status <- pending
		}
	}
}

// logger writes warnings and errors to the event log, and everything where the
// configuration asks for it.
func (m *managedRun) logger(level slog.Level) *slog.Logger {
	if level != slog.LevelDebug {
		level = max(level, slog.LevelWarn)
	}
	return slog.New(eventlog.NewHandler(level, m.report))
}

// crashed reports how the last agent crashed and has the next crash kept. The folder is
// there as soon as the agent is ready.
func (m *managedRun) crashed(folder string) {
	switch last, err := keepCrash(folder); {
	case err != nil:
		m.say(slog.LevelWarn, err.Error())
	case last != "":
		m.say(slog.LevelError, "The agent crashed and was started again: "+last)
	}
}

// say reports what the service manager's part has to say. A log that does not take it
// has no other place to say so but standard error, which a service has not.
func (m *managedRun) say(level slog.Level, text string) {
	if err := m.report(level, text); err != nil {
		fmt.Fprintln(os.Stderr, "iscdesk-agent:", text, err)
	}
}
