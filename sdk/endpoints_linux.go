package sdk

import "path/filepath"

// SystemEndpoint is where the system's agent listens.
const SystemEndpoint = "/run/iscdesk/agent.sock"

// DefaultEndpoints lists the sockets that are tried, in order: the system's,
// then those of an agent run by the user. Empty arguments leave theirs out.
func DefaultEndpoints(runtimeDir, home string) []string {
	list := []string{SystemEndpoint}
	if filepath.IsAbs(runtimeDir) {
		list = append(list, filepath.Join(runtimeDir, "iscdesk", "agent.sock"))
	}
	if filepath.IsAbs(home) {
		list = append(list, filepath.Join(home, ".local", "state", "iscdesk", "run", "agent.sock"))
	}
	return list
}
