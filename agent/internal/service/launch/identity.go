package launch

import "github.com/iscdesk/iscdesk/agent/internal/service/caller"

// identity is what a worker is started as.
type identity struct {
	UID caller.UID
	caller.Rights
}

// key is equal for equal identities: one worker each.
func (i identity) key() string { return string(i.UID) + ":" + i.Rights.Key() }

// own reports whether workers are the service's own user.
func (s *spawner) own() bool { return !s.self.UID.System() }
