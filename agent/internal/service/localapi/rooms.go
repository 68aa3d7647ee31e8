package localapi

import (
	"context"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Auth is the sign-in room: one sign-in for each OS user.
type Auth interface {
	Status(ctx context.Context, a caller.Actor) (api.AuthStatus, error)
	Login(ctx context.Context, a caller.Actor, l api.AuthLogin) (api.AuthStatus, error)
	Page(ctx context.Context, a caller.Actor, p api.AuthPage) (api.Started, error)
	Logout(ctx context.Context, a caller.Actor) error
}

// Identity is the room that reads the device: the same answer for every caller.
type Identity interface {
	Fingerprint(ctx context.Context) (api.Fingerprint, error)
}

// License is the room of leases. State answers from memory and never waits.
type License interface {
	State(ctx context.Context, a caller.Actor) api.LicenseState
	Request(ctx context.Context, a caller.Actor, r api.LicenseRequest) (api.Started, error)
	Verify(ctx context.Context, a caller.Actor, v api.LicenseVerify) error
	Import(ctx context.Context, a caller.Actor, p api.LicenseImport) (api.LicenseImported, error)
}

// Files is the room of cloud files.
type Files interface {
	Spaces(ctx context.Context, a caller.Actor) (api.Spaces, error)
	List(ctx context.Context, a caller.Actor, l api.List) (api.Listing, error)
	Versions(ctx context.Context, a caller.Actor, o api.ObjectRef) (api.Versions, error)
	Open(ctx context.Context, a caller.Actor, o api.Open) (api.Started, error)
	Pick(ctx context.Context, a caller.Actor, p api.Pick) (api.Started, error)
	Save(ctx context.Context, a caller.Actor, s api.Save) (api.Started, error)
	SaveAs(ctx context.Context, a caller.Actor, s api.Save) (api.Started, error)
	SaveTo(ctx context.Context, a caller.Actor, s api.SaveTo) (api.Started, error)
	Checkin(ctx context.Context, a caller.Actor, c api.Checkin) error
}

// Agent is what the agent says about itself.
type Agent interface {
	Status(ctx context.Context, a caller.Actor) (api.Status, error)
	Doctor(ctx context.Context, a caller.Actor) (api.Doctor, error)
}
