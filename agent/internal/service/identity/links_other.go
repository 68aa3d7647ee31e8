//go:build !linux

package identity

import (
	"context"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// links refuses here in this version: the slot stays empty and says so. (On
// Windows gopsutil would also pull in WMI, which is known to hang.)
func links(context.Context) ([]Link, error) {
	return nil, &api.Error{Code: api.NotSupported, Detail: "network hardware is not read on this system in this version"}
}
