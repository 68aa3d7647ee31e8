// Package installer is the folder of what an installation lays down on Windows: the
// commented configuration. It reads and checks; it changes nothing on the machine.
package installer

import (
	_ "embed"
	"strings"
)

//go:embed agent.toml
var agent string

// Configuration is the commented agent.toml with the line ends of Windows.
func Configuration() string {
	return strings.ReplaceAll(agent, "\n", "\r\n")
}
