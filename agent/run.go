package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/kardianos/service"

	"github.com/iscdesk/iscdesk/agent/internal/service/app"
	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/config"
	"github.com/iscdesk/iscdesk/internal/clock"
)

type runCommand struct {
	Config   string `help:"Configuration file; default: ${configuration}." placeholder:"FILE"`
	State    string `help:"Folder of the agent's state." placeholder:"DIR"`
	Socket   string `help:"${socket} for applications." placeholder:"PATH"`
	Cloud    string `help:"Address of the cloud (https)." placeholder:"URL"`
	CA       string `help:"Certificate file of a private authority." placeholder:"FILE"`
	Products string `help:"Folder of product registrations." placeholder:"DIR"`
}

// settings are the file's, with the command line's over them.
func (r runCommand) settings() (config.Config, error) {
	system := caller.Own().System()
	c, err := config.Defaults(system)
	if err != nil {
		return c, err
	}
	path := r.Config
	if path == "" {
		if path, err = config.File(system); err != nil {
			return c, err
		}
	}
	if err := c.Load(path, r.Config != ""); err != nil {
		return c, err
	}
	for to, given := range map[*string]string{&c.State: r.State, &c.Socket: r.Socket, &c.Cloud: r.Cloud, &c.CA: r.CA, &c.Products: r.Products} {
		if given != "" {
			*to = given
		}
	}
	return c, c.Check()
}

// program settles what a run of the agent needs; log is made by the system's own part.
func (r runCommand) program(log func(slog.Level) *slog.Logger) (*program, error) {
	c, err := r.settings()
	if err != nil {
		return nil, err
	}
	level, err := c.Level()
	if err != nil {
		return nil, err
	}
	p := &program{done: make(chan error, 1), cfg: app.Config{Config: c, Build: build, Clock: clock.System{}, Log: log(level)}}
	return p, nil
}

// console is the log of an agent whose standard error somebody reads: a person, or systemd.
func console(level slog.Level) *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
}

// program is the agent as kardianos/service runs it. Start must return at once
// (a service manager waits for it), so the agent runs beside.
type program struct {
	cfg    app.Config
	cancel context.CancelFunc
	done   chan error // app.Run's end, once
	failed error      // set by wait, before Stop
	ended  bool
}

// Start begins the agent.
func (p *program) Start(service.Service) error {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	go func() {
		p.done <- app.Run(ctx, p.cfg)
	}()
	return nil
}

// wait holds s.Run until a signal, or until the agent ended by itself.
func (p *program) wait() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	select {
	case <-signals:
	case err := <-p.done:
		p.failed, p.ended = err, true
		if err == nil {
			p.failed = errors.New("the agent ended by itself")
		}
	}
}

// Stop ends the agent and waits for it.
func (p *program) Stop(service.Service) error {
	p.cancel()
	if p.ended {
		return p.failed
	}
	return <-p.done
}
