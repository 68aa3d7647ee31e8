//go:build !linux

package launch

import (
	"context"
	"encoding/json"
	"github.com/iscdesk/iscdesk/agent/internal/service/caller"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// spawner refuses: starting a process with a caller's token is Linux's way of
// credentials here and not yet Windows'.
type spawner struct{}

var errNoWorker = &api.Error{Code: api.NotSupported, Detail: "workers run on Linux only in this version"}

func newSpawner() (*spawner, error) { return &spawner{}, nil }

func (s *spawner) close() error { return nil }

func (s *spawner) own() bool { return false }

func (s *spawner) may(caller.UID) error { return errNoWorker }

func ownIdentity() identity { return identity{} }

func (s *spawner) start(identity, User,
	func(context.Context, string, json.RawMessage) (any, error),
	func(string, json.RawMessage),
) (*process, error) {
	return nil, errNoWorker
}

func lookup(context.Context, caller.UID) (User, error) { return User{}, errNoWorker }
