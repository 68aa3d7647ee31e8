//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/iscdesk/iscdesk/e2e/desk"
)

// person is an OS user of the run with an account in the cloud.
type person struct {
	Name, Home, Account string

	demo *demo
	made *desk.User // nil: the user who runs the demo
}

// people makes the run's users: two unprivileged ones as root, otherwise the
// ordinary user with a home of the run's own.
func (d *demo) people() error {
	if !d.root {
		me, err := user.Current()
		if err != nil {
			return err
		}
		home := filepath.Join(d.dir, "home")
		if err := os.MkdirAll(home, 0o700); err != nil {
			return err
		}
		d.engineer = &person{Name: me.Username, Home: home, Account: desk.Engineer1, demo: d}
		return os.Setenv("HOME", home) // the agent of an ordinary user works below it
	}
	suffix := strconv.Itoa(os.Getpid())
	for _, p := range []struct {
		who           **person
		name, account string
	}{{&d.engineer, "iscdemo-a" + suffix, desk.Engineer1}, {&d.other, "iscdemo-b" + suffix, desk.Engineer2}} {
		u, err := desk.AddUser(d.dir, p.name, "")
		if err != nil {
			return err
		}
		*p.who = &person{Name: u.Name, Home: u.Home, Account: p.account, demo: d, made: u}
		if err := os.Chmod(u.Home, 0o700); err != nil {
			return err
		}
	}
	return nil
}

func (p *person) remove() error {
	if p.made == nil {
		return nil
	}
	return p.made.Remove()
}

// own gives a file or folder of the person's home to the person.
func (p *person) own(path string) error {
	if p.made == nil {
		return nil
	}
	return os.Chown(path, int(p.made.Credential.Uid), int(p.made.Credential.Gid))
}

// command prepares a program as the person would start it from a desktop: their
// identity, their home, and a browser on the PATH.
func (p *person) command(ctx context.Context, program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = p.Home
	cmd.Env = []string{
		"HOME=" + p.Home, "USER=" + p.Name, "LOGNAME=" + p.Name, "LANG=C.UTF-8", "DISPLAY=:0",
		"PATH=" + p.demo.bin + ":/usr/local/bin:/usr/bin:/bin",
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if p.made != nil {
		cmd.SysProcAttr.Credential = p.made.Credential
	}
	return cmd
}

// failure is a program that ended with an error; Code is iscdesk's when it told one.
type failure struct {
	Exit   int
	Code   int
	Name   string
	Said   string
	Detail string
}

func (f *failure) Error() string {
	return fmt.Sprintf("exit status %d: %s (%s %d) %s", f.Exit, f.Said, f.Name, f.Code, f.Detail)
}

// iscdesk runs the command line with JSON output; what it prints is decoded into
// out, unless that is nil.
func (p *person) iscdesk(ctx context.Context, out any, args ...string) error {
	cmd := p.command(ctx, filepath.Join(p.demo.bin, "iscdesk"),
		append([]string{"--endpoint", p.demo.agent.Socket, "--json", "--language", "en"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return failed(err, stdout.String(), stderr.String())
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(stdout.Bytes(), out); err != nil {
		return fmt.Errorf("iscdesk %s: %w: %s", strings.Join(args, " "), err, stdout.String())
	}
	return nil
}

func failed(err error, stdout, stderr string) error {
	f := &failure{Said: strings.TrimSpace(stdout + stderr)}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	f.Exit = exit.ExitCode()
	var told struct {
		Error struct {
			Code                  int
			Name, Message, Detail string
		}
	}
	if json.Unmarshal([]byte(stdout), &told) == nil && told.Error.Code != 0 {
		f.Code, f.Name, f.Said, f.Detail = told.Error.Code, told.Error.Name, told.Error.Message, told.Error.Detail
	}
	return f
}
