// Command iscdesk-cloud is the self-hosted cloud: one process, one folder. It reads its command
// line and serves until it is told to stop; everything else is package app's.
package main

import (
	"os"

	"github.com/alecthomas/kong"
)

type commandLine struct {
	Serve serveCommand `cmd:"" help:"Serve the cloud from a data folder."`
	Admin adminCommand `cmd:"" help:"Repair and extend accounts on the machine of the cloud."`
}

// build is set by the linker to the content of the file VERSION.
var build = "devel"

func main() {
	var c commandLine
	k := kong.Parse(&c, kong.Name("iscdesk-cloud"), kong.Description("The self-hosted cloud of ISCDesk."), kong.UsageOnError())
	if err := k.Run(&streams{in: os.Stdin, out: os.Stdout, log: os.Stderr}, &c); err != nil {
		k.FatalIfErrorf(err)
	}
}
