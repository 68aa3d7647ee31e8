package main

import (
	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/kardianos/service"
)

// What run --help says.
const (
	configurations = "/etc/iscdesk/agent.toml for root, for others ~/.config/iscdesk/agent.toml"
	socket         = "Socket"
)

// Run is the agent, by hand or under systemd, which takes standard error for its journal.
func (r runCommand) Run() error {
	p, err := r.program(console)
	if err != nil {
		return err
	}
	p.cfg.Ready = func() {
		if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
			p.cfg.Log.Warn("service manager not told that the agent is ready", "cause", err)
		}
	}
	s, err := service.New(p, serviceConfig(p.wait))
	if err != nil {
		return err
	}
	return s.Run()
}
