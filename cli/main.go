// Command iscdesk asks the ISCDesk agent from a terminal or a script: what its
// state is, what is wrong, who is signed in, what the cloud holds, and to open
// and save cloud files. It has no rights of its own: it is one more application
// on the agent's socket, run by the user.
//
// It reads LC_ALL, LC_MESSAGES and LANG for its language (on Windows, without them,
// what the user chose for the system's windows), and the terminal for a password;
// nothing else of the environment but what package sdk reads for the endpoint and
// package browser to find a browser.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"

	"github.com/iscdesk/iscdesk/internal/disk"
	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/browser"
)

// build is set by the linker.
var build = "dev"

func main() {
	os.Exit(run(os.Args[1:], environment{
		in: os.Stdin, out: os.Stdout, err: os.Stderr, getenv: os.Getenv, free: disk.Free, browse: browser.Open,
	}))
}

// environment is what the command takes from its process.
type environment struct {
	in       *os.File
	out, err io.Writer
	getenv   func(string) string
	free     func(dir string) (int64, error) // bytes that can still be written there
	browse   func(url string) error
}

// options are the flags of every command.
type options struct {
	Endpoint string `help:"${endpoint}" placeholder:"PATH"`
	JSON     bool   `name:"json" help:"${json}"`
	Language string `help:"${language}" placeholder:"TAG"`
	Timeout  uint   `help:"${timeout}" default:"30" placeholder:"SECONDS"`
}

// grammar is the command line; kong reads it.
type grammar struct {
	options

	Status      statusCmd      `cmd:"" help:"${status}"`
	Doctor      doctorCmd      `cmd:"" help:"${doctor}"`
	Login       loginCmd       `cmd:"" help:"${login}"`
	Logout      logoutCmd      `cmd:"" help:"${logout}"`
	Fingerprint fingerprintCmd `cmd:"" help:"${fingerprint}"`
	License     licenseCmd     `cmd:"" help:"${license}"`
	Files       filesCmd       `cmd:"" help:"${files}"`
	Ops         opsCmd         `cmd:"" help:"${ops}"`
	Events      eventsCmd      `cmd:"" help:"${events}"`
	Version     versionCmd     `cmd:"" help:"${version}"`
	Help        helpCmd        `cmd:"" help:"${help}"`

	ShowVersion versionFlag `name:"version" help:"${version}"`
}

// run is the whole command; it returns the exit code.
func run(args []string, env environment) int {
	language := languageOf(args, env.getenv)
	var g grammar
	parser, err := kong.New(&g, kong.Name("iscdesk"), kong.Description(pick(language, description)),
		vars(language), kong.Writers(env.out, env.err), kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}))
	if err != nil {
		fmt.Fprintln(env.err, "iscdesk:", err)
		return exitFailed
	}
	return caught(func() int {
		ctx, err := parser.Parse(args)
		a := &app{options: g.options, env: env, language: language}
		if err != nil {
			return a.report(a.misread(err))
		}
		defer a.close()
		return a.report(ctx.Run(a))
	})
}

// exit carries kong's wish to end, after --help, up to run.
type exit int

func caught(f func() int) (code int) {
	defer func() {
		if p := recover(); p != nil {
			wish, ok := p.(exit)
			if !ok {
				panic(p)
			}
			code = int(wish)
		}
	}()
	return f()
}

// misread tells of a command line that is none.
func (a *app) misread(err error) error {
	fmt.Fprintln(a.env.err, "iscdesk:", plain(err.Error()))
	fmt.Fprintln(a.env.err, pick(a.language, seeHelp))
	return silentExit(exitUsage)
}

// report prints a failure and gives the exit code for it.
func (a *app) report(err error) int {
	if err == nil {
		return exitOK
	}
	var silent silentExit
	if errors.As(err, &silent) {
		return int(silent)
	}
	var e *api.Error
	if !errors.As(err, &e) {
		e = &api.Error{Code: api.InvalidArgument, Message: err.Error()}
	}
	if e.Message == "" {
		told := *e
		told.Message, told.Hint = api.Text(e.Code, a.language)
		e = &told
	}
	if a.JSON {
		a.printJSON(map[string]any{"error": map[string]any{
			"code": e.Code, "name": api.Name(e.Code), "message": e.Message, "hint": e.Hint, "detail": e.Detail}})
		return exitCode(e.Code)
	}
	fmt.Fprintf(a.env.err, "iscdesk: %s\n", plain(e.Message))
	if e.Hint != "" {
		fmt.Fprintf(a.env.err, "  %s %s\n", a.say("what to do:", "处理办法："), plain(e.Hint))
	}
	if e.Detail != "" {
		fmt.Fprintf(a.env.err, "  %s %s\n", a.say("detail:", "详细信息："), plain(e.Detail))
	}
	fmt.Fprintf(a.env.err, "  %s %d %s\n", a.say("code:", "代码："), e.Code, api.Name(e.Code))
	return exitCode(e.Code)
}

type versionCmd struct{}

// versionLine is what both "version" and --version print.
func versionLine(language string) string {
	return fmt.Sprintf("iscdesk %s, %s %d", build, pick(language, words{"protocol", "协议"}), api.ProtocolVersion)
}

// versionFlag is --version, which needs no command beside it.
type versionFlag bool

// BeforeReset runs before kong misses a command.
func (versionFlag) BeforeReset(k *kong.Kong, v kong.Vars) error {
	fmt.Fprintln(k.Stdout, v["versionline"])
	k.Exit(exitOK)
	return nil
}

// helpCmd is --help for those who write it as a command.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"${helpcommand}"`
}

// Run shows what "iscdesk COMMAND --help" shows.
func (h helpCmd) Run(ctx *kong.Context, a *app) error {
	if _, err := ctx.Kong.Parse(append(h.Command, "--help")); err != nil {
		return a.misread(err)
	}
	return nil
}

func (versionCmd) Run(a *app) error {
	if a.JSON {
		a.printJSON(map[string]any{"build": build, "protocol": api.ProtocolVersion})
		return nil
	}
	a.printf("%s\n", versionLine(a.language))
	return nil
}
