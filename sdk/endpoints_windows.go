package sdk

import (
	"strings"

	"github.com/iscdesk/iscdesk/internal/ipc"
)

// SystemEndpoint is where the system's agent listens.
const SystemEndpoint = `\\.\pipe\iscdesk-agent`

// DefaultEndpoints lists the pipes that are tried, in order: the system's, then that of
// an agent run by this user, which has the user's security identifier in its name. The
// folders that it takes on Linux play no part.
func DefaultEndpoints(_, _ string) []string {
	list := []string{SystemEndpoint}
	if user, err := ipc.OwnUser(); err == nil {
		list = append(list, SystemEndpoint+"-"+strings.TrimPrefix(user, "sid:"))
	}
	return list
}
