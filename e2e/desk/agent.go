//go:build linux

package desk

import (
	"context"
	"os"
	"path/filepath"
	"time"
)

// Agent is a running iscdesk-agent. As root it behaves as the system's service;
// otherwise it serves the user who runs it.
type Agent struct {
	*Process
	Dir    string
	Socket string
	Ready  time.Duration // from the start of the program to the first answer

	on   system
	bin  string
	args []string
	env  []string
}

// StartAgent runs bin/iscdesk-agent with state and socket below dir, which other
// users may enter when we are root, in the environment env.
func StartAgent(ctx context.Context, bin, dir string, cloud *Cloud, env []string) (*Agent, error) {
	return startAgent(ctx, linux{}, bin, dir, cloud, env)
}

func startAgent(ctx context.Context, on system, bin, dir string, cloud *Cloud, env []string) (*Agent, error) {
	run := filepath.Join(dir, "run")
	if err := os.MkdirAll(run, 0o755); err != nil {
		return nil, err
	}
	a := &Agent{Dir: dir, Socket: on.endpoint(run), on: on, bin: bin, env: env}
	a.args = []string{"run", "--state", filepath.Join(dir, "state"), "--socket", a.Socket,
		"--cloud", cloud.Base, "--ca", cloud.CAFile, "--products", filepath.Join(dir, "products.d")}
	return a, a.Start(ctx)
}

// Start runs a stopped or killed agent again with the same state.
func (a *Agent) Start(ctx context.Context) error {
	begin := time.Now()
	p, err := start(a.on, a.Dir, "agent", a.on.program(a.bin, "iscdesk-agent"), a.args, a.env)
	if err != nil {
		return err
	}
	a.Process = p
	err = p.until(ctx, "an answer", func() bool { return a.on.answers(ctx, a.bin, a.Socket) })
	a.Ready = time.Since(begin)
	return err
}
