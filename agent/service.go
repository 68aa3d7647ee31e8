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

// serviceName is the service's, and on Windows its source in the event log.
const serviceName = "iscdesk-agent"

// serviceConfig is how the service is installed and run. The options are a map of
// any values, where a wrong type silently means the default: a test holds them.
// OnFailure must be given or Windows does not restart the service; how often it does is
// set after the installation, which the library cannot say (service_windows.go).
func serviceConfig(wait func()) *service.Config {
	return &service.Config{
		Name:        serviceName,
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

var errNotInstalled = errors.New("the service is not installed")

// What a service that is not ready is doing, whichever manager says so.
const (
	isStarting = "the service is starting and not ready yet"
	isStopping = "the service is stopping"
	isStopped  = "the service is installed and does not run"
)

// notReady is the error for what stateOf says, with the agent's last words when it
// failed; nil for a service that is ready.
func notReady(text string, failed bool) error {
	switch {
	case text == "":
		return nil
	case failed:
		return errors.New(text + cause())
	}
	return errors.New(text)
}

// lastWords is what the agent said last, if that is known, and where to look for more.
func lastWords(said, look string) string {
	if said == "" {
		return look
	}
	return "\n  its last words: " + said + look
}

// control does one thing with the service by way of the library; path is where the
// program lies, for an installation.
func control(action, path string) error {
	c := serviceConfig(func() {})
	c.Executable = path
	s, err := service.New(&program{}, c)
	if err != nil {
		return fmt.Errorf("find the service manager: %w", err)
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
	if err := needRights("install"); err != nil {
		return err
	}
	path, err := os.Executable()
	if err == nil {
		path, err = checkProgram(path)
	}
	if err != nil {
		return fmt.Errorf("install the service: %w", err)
	}
	switch err := register(path); {
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
	if err := needRights("uninstall"); err != nil {
		return err
	}
	if err := remove(); err != nil {
		return err
	}
	fmt.Println("Removed. Configuration and state stay.")
	return nil
}

// Run starts the service and waits until it is ready.
func (startCommand) Run() error {
	if err := needRights("start"); err != nil {
		return err
	}
	if err := begin(); errors.Is(err, errNotInstalled) {
		return err
	} else if err != nil {
		return fmt.Errorf("%w%s", err, cause())
	}
	fmt.Println("Started. As the one who works here: iscdesk doctor")
	return nil
}

// Run stops the service.
func (stopCommand) Run() error {
	if err := needRights("stop"); err != nil {
		return err
	}
	if err := end(); err != nil {
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
