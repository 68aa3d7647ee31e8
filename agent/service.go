package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/kardianos/service"

	"github.com/iscdesk/iscdesk/agent/internal/service/config"
	"github.com/iscdesk/iscdesk/installer/linux"
)

// serviceConfig is how the service is installed and run. The options are a map of
// any values, where a wrong type silently means the default: a test holds them.
// OnFailure must be given or Windows does not restart the service.
func serviceConfig(wait func()) *service.Config {
	return &service.Config{
		Name:        "iscdesk-agent",
		DisplayName: "ISCDesk agent",
		Description: "Licences and cloud files for desktop applications",
		Arguments:   []string{"run"},
		Option: service.KeyValue{
			"SystemdScript":          linux.UnitTemplate(),
			"RunWait":                wait,
			"OnFailure":              "restart",
			"OnFailureDelayDuration": "1s",
			"OnFailureResetPeriod":   60,
		},
	}
}

// installed is the service manager's view; it runs nothing.
func installed() (service.Service, error) {
	s, err := service.New(&program{}, serviceConfig(func() {}))
	if err != nil {
		return nil, fmt.Errorf("find the service manager: %w", err)
	}
	return s, nil
}

// needRoot says so before systemd's tools end with a bare number. Windows has no such
// number (-1) and says it itself.
func needRoot(action string) error {
	if os.Geteuid() > 0 {
		return fmt.Errorf("%s the service: this needs root", action)
	}
	return nil
}

// control does one thing with the installed service.
func control(action string) error {
	if err := needRoot(action); err != nil {
		return err
	}
	s, err := installed()
	if err != nil {
		return err
	}
	if err := service.Control(s, action); err != nil {
		return fmt.Errorf("%s the service: %w", action, err)
	}
	return nil
}

type (
	installCommand   struct{}
	uninstallCommand struct{}
	startCommand     struct{}
	stopCommand      struct{}
	statusCommand    struct{}
)

// Run installs and enables the service: this program, where it lies.
func (installCommand) Run() error {
	if err := needRoot("install"); err != nil {
		return err
	}
	path, err := os.Executable()
	if err == nil {
		err = linux.CheckProgram(path)
	}
	if err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	switch err := control("install"); {
	case err != nil && strings.Contains(err.Error(), "already exists"): // the library has no error of its own for it
		return errors.New("install the service: it is installed already; to install it anew: iscdesk-agent uninstall, then install")
	case err != nil:
		return err
	}
	file, err := config.File(true)
	if err != nil {
		return err
	}
	fmt.Printf("Installed: the service iscdesk-agent runs %s and starts with the machine.\nNext: set the cloud's address in %s, then: iscdesk-agent start\n", path, file)
	return nil
}

// Run removes the service.
func (uninstallCommand) Run() error {
	if err := control("uninstall"); err != nil {
		return err
	}
	fmt.Println("Removed. Configuration and state stay.")
	return nil
}

// Run starts the service and waits until it is ready.
func (startCommand) Run() error {
	if err := needRoot("start"); err != nil {
		return err
	}
	if err := control("start"); err != nil {
		return fmt.Errorf("%w%s", err, cause())
	}
	fmt.Println("Started. As the one who works here: iscdesk doctor")
	return nil
}

// Run stops the service.
func (stopCommand) Run() error {
	if err := control("stop"); err != nil {
		return err
	}
	fmt.Println("Stopped.")
	return nil
}

// Run prints whether the service is installed and runs; not running is an error,
// so that scripts can ask.
func (statusCommand) Run() error {
	if err := running(); err != nil {
		return err
	}
	fmt.Println("running")
	return nil
}

// asked is the answer of the service library, for systems where nobody tells more.
func asked() error {
	s, err := installed()
	if err != nil {
		return err
	}
	state, err := s.Status()
	switch {
	case errors.Is(err, service.ErrNotInstalled):
		return errors.New("the service is not installed")
	case err != nil:
		return fmt.Errorf("ask for the service's state: %w", err)
	case state != service.StatusRunning:
		return errors.New("the service is installed and does not run")
	}
	return nil
}
