// Command iscdesk-agent is the service between applications and the cloud: run in
// the foreground, installed as a system service, or (hidden) as a worker that the
// service starts with a user's identity. It only parses the command line and
// hands over; what the agent does lies below agent/internal.
package main

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"
)

// build is set by the linker to the content of the file VERSION.
var build = "devel"

// commands is the command line.
type commands struct {
	Run       runCommand       `cmd:"" help:"Run the agent in the foreground."`
	Install   installCommand   `cmd:"" help:"Install the agent as a system service and enable it."`
	Uninstall uninstallCommand `cmd:"" help:"Remove the system service; configuration and state stay."`
	Start     startCommand     `cmd:"" help:"Start the installed service."`
	Stop      stopCommand      `cmd:"" help:"Stop the installed service."`
	Status    statusCommand    `cmd:"" help:"Say whether the service is installed and runs."`
	Version   versionCommand   `cmd:"" help:"Print the build."`
	Worker    workerCommand    `cmd:"" hidden:""`

	ShowVersion kong.VersionFlag `name:"version" help:"Print the build."`
}

type versionCommand struct{}

// Run prints the build.
func (versionCommand) Run() error {
	fmt.Println(build)
	return nil
}

// exit ends the process; kong's own number for a wrong command line becomes the 2
// that scripts know, of iscdesk as well.
func exit(code int) {
	if code != 0 {
		code = 2
	}
	os.Exit(code)
}

func main() {
	var c commands
	k := kong.Parse(&c,
		kong.Name("iscdesk-agent"),
		kong.Description("The ISCDesk agent: licences and cloud files for desktop applications."),
		kong.UsageOnError(), kong.Vars{"version": build, "configuration": configurations, "socket": socket}, kong.Exit(exit))
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "iscdesk-agent:", err)
		os.Exit(1)
	}
}
