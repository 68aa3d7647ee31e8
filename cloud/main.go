// Command iscdesk-cloud is the self-hosted cloud: one process, one folder. It reads its command
// line and serves until it is told to stop; everything else is package app's.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

type commandLine struct {
	Serve serveCommand `cmd:"" help:"Serve the cloud from a data folder."`
	Admin adminCommand `cmd:"" help:"Repair and extend accounts on the machine of the cloud."`

	Version kong.VersionFlag `help:"Print the build."`
}

// build is set by the linker to the content of the file VERSION.
var build = "devel"

// exit ends the process; kong's own number for a wrong command line becomes the 2
// that scripts know, of iscdesk as well.
func exit(code int) {
	if code != 0 {
		code = 2
	}
	os.Exit(code)
}

func main() {
	var c commandLine
	k := kong.Parse(&c, kong.Name("iscdesk-cloud"), kong.Description("The self-hosted cloud of ISCDesk."), kong.UsageOnError(),
		kong.Vars{"version": build}, kong.Exit(exit))
	if err := k.Run(&streams{in: os.Stdin, out: os.Stdout, log: os.Stderr}, &c); err != nil {
		fmt.Fprintln(os.Stderr, "iscdesk-cloud: error:", err)
		os.Exit(1)
	}
}
