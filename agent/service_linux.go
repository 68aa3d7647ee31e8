package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/kardianos/service"

	"github.com/iscdesk/iscdesk/installer/linux"
)

const unit = "iscdesk-agent.service"

// needRights says so before systemd's tools end with a bare number.
func needRights(action string) error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("%s the service: this needs root", action)
	}
	return nil
}

// checkProgram answers the path to register.
func checkProgram(path string) (string, error) { return path, linux.CheckProgram(path) }

func register(path string) error { return control("install", path) }

func remove() error { return control("uninstall", "") }

func begin() error { return control("start", "") }

func end() error { return control("stop", "") }

// running is nil while the service is ready. The service library calls one that
// dies after each start and is started again a running one, so systemd is asked.
func running() error {
	out, err := exec.Command("systemctl", "show", "--property=LoadState,ActiveState,SubState", unit).Output()
	if err != nil {
		return asked() // no systemd here
	}
	return notReady(stateOf(string(out)))
}

// stateOf reads systemd's properties: "" for a service that is ready, else why it is
// not; failed says that its log has a reason.
func stateOf(properties string) (text string, failed bool) {
	p := map[string]string{}
	for _, line := range strings.Split(properties, "\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		p[name] = value
	}
	switch active := p["ActiveState"]; {
	case p["LoadState"] == "not-found":
		return "the service is not installed", false
	case active == "active" || active == "reloading":
		return "", false
	case active == "failed":
		return "the service failed", true
	case active == "activating" && strings.HasPrefix(p["SubState"], "auto-restart"):
		return "the service fails at each start and is tried again", true
	case active == "activating":
		return isStarting, false
	case active == "deactivating":
		return isStopping, false
	}
	return isStopped, false
}

// cause is what the agent said last in the journal, or where to look for it: who may
// not read the journal gets nothing from it.
func cause() string {
	out, err := exec.Command("journalctl", "--unit", unit, "--output=cat", "--lines=50", "--no-pager", "--quiet").Output()
	if err != nil {
		out = nil
	}
	return causeOf(out)
}

func causeOf(journal []byte) string {
	const look = "\n  see: journalctl -u iscdesk-agent"
	lines := bytes.Split(journal, []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		if said, ours := strings.CutPrefix(string(lines[i]), "iscdesk-agent: "); ours {
			return lastWords(said, look)
		}
	}
	return look
}

// asked is the answer of the service library, for a machine without systemd.
func asked() error {
	s, err := service.New(&program{}, serviceConfig(func() {}))
	if err != nil {
		return fmt.Errorf("find the service manager: %w", err)
	}
	state, err := s.Status()
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		return errNotInstalled
	case err != nil:
		return fmt.Errorf("ask for the service's state: %w", err)
	case state != service.StatusRunning:
		return errors.New(isStopped)
	}
	return nil
}
