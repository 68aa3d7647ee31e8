// Package linux is the folder of what an installation lays down on Linux: the systemd unit
// and the commented configuration. `iscdesk-agent install` writes the same unit
// that packages carry, so there is one text to review. It reads
// and checks; it changes nothing on the machine.
package linux

import (
	_ "embed"
	"strings"
)

// Program is where packages put the agent; the unit names it.
const Program = "/usr/bin/iscdesk-agent"

//go:embed iscdesk-agent.service
var unit string

// UnitTemplate is the unit for `iscdesk-agent install`: kardianos/service fills in
// where the program is.
func UnitTemplate() string {
	return strings.Replace(unit, "ExecStart="+Program+" ", "ExecStart={{Path|cmdEscape}} ", 1)
}
