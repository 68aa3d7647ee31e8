package main

import (
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/windows/svc"
)

// managerOf plays the service manager: it takes every status, and notes what is reported.
type managerOf struct {
	requests chan svc.ChangeRequest
	status   chan svc.Status
	states   []svc.Status
	reported []string
	taken    sync.WaitGroup
}

func newManager() *managerOf {
	m := &managerOf{requests: make(chan svc.ChangeRequest), status: make(chan svc.Status)}
	m.taken.Go(func() {
		for s := range m.status {
			m.states = append(m.states, s)
		}
	})
	return m
}

func (m *managerOf) report(level slog.Level, text string) error {
	m.reported = append(m.reported, level.String()+" "+text)
	return nil
}

func (m *managerOf) end() {
	close(m.status)
	m.taken.Wait()
}

func TestStopIsBoundedAndNoFailure(t *testing.T) {
	for _, c := range []struct {
		name  string
		limit time.Duration
		done  []error // what the agent ends with; none, it hangs
		want  string
	}{
		{"it stops", time.Minute, []error{nil}, "INFO The agent stopped."},
		{"it stops with an error", time.Minute, []error{errors.New("planted")}, "WARN The agent stopped: planted"},
		{"it hangs", time.Millisecond, nil, "WARN The agent did not stop within 1ms and is ended."},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newManager()
			cancelled := false
			p := &program{done: make(chan error, 1), cancel: func() { cancelled = true }}
			for _, err := range c.done {
				p.done <- err
			}
			specific, code := (&managedRun{report: m.report}).stop(p, c.limit, m.requests, m.status)
			m.end()
			if specific || code != 0 || !cancelled {
				t.Errorf("code %d (%v), cancelled %v: Windows would start again what was stopped", code, specific, cancelled)
			}
			if len(m.reported) != 1 || m.reported[0] != c.want {
				t.Errorf("reported %q, want %q", m.reported, c.want)
			}
			if len(m.states) != 1 || m.states[0].State != svc.StopPending || m.states[0].WaitHint != uint32(c.limit.Milliseconds()) {
				t.Errorf("told %+v", m.states)
			}
		})
	}
}

// Whoever asks while the agent stops is answered: the service manager waits for it.
func TestStoppingServiceAnswers(t *testing.T) {
	m := newManager()
	p := &program{done: make(chan error, 1), cancel: func() {}}
	var asked sync.WaitGroup
	asked.Go(func() {
		for range 3 {
			m.requests <- svc.ChangeRequest{Cmd: svc.Interrogate}
		}
		p.done <- nil
	})
	(&managedRun{report: m.report}).stop(p, time.Minute, m.requests, m.status)
	asked.Wait()
	m.end()
	if len(m.states) != 4 {
		t.Errorf("told %+v", m.states)
	}
}

func TestServiceWithoutItsConfigurationEndsAtOnce(t *testing.T) {
	m := newManager()
	run := managedRun{run: runCommand{Config: filepath.Join(t.TempDir(), "none.toml")}, report: m.report}
	specific, code := run.Execute(nil, m.requests, m.status)
	m.end()
	if !specific || code != endConfiguration || len(m.states) != 1 || m.states[0].State != svc.StartPending {
		t.Errorf("code %d (%v), told %+v", code, specific, m.states)
	}
}

func TestLevelsOfTheEventLog(t *testing.T) {
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "DEBUG INFO WARN ERROR", slog.LevelInfo: "WARN ERROR", slog.LevelWarn: "WARN ERROR", slog.LevelError: "ERROR",
	} {
		var m managerOf
		log := (&managedRun{report: m.report}).logger(level)
		for _, at := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
			log.Log(t.Context(), at, "x")
		}
		if got := strings.ReplaceAll(strings.Join(m.reported, " "), " msg=x", ""); got != want {
			t.Errorf("%v: wrote %q, want %q", level, got, want)
		}
	}
}
