//go:build !linux

package picker

import (
	"net/netip"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// ownersKnown refuses: a page may only be served where the user at the other end
// of a connection can be told.
func ownersKnown() error {
	return refuse(api.NotSupported, "pages need a way to tell who connects, which this system's build does not have")
}

func connectionOwner(_, _ netip.AddrPort) (int, error) { return 0, ownersKnown() }

func ownersQuick(netip.AddrPort) bool { return false }
