package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/kardianos/service"

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

// control does one thing with the installed service.
func control(action string) error {
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
	path, err := os.Executable()
	if err == nil {
		err = linux.CheckProgram(path)
	}
	if err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	return control("install")
}

// Run removes the service.
func (uninstallCommand) Run() error { return control("uninstall") }

// Run starts the service.
func (startCommand) Run() error { return control("start") }

// Run stops the service.
func (stopCommand) Run() error { return control("stop") }

// Run prints whether the service is installed and runs; not running is an error,
// so that scripts can ask.
func (statusCommand) Run() error {
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
	case state == service.StatusRunning:
		fmt.Println("running")
		return nil
	}
	return errors.New("the service is installed and does not run")
}
