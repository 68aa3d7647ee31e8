package picker

import (
	"strings"
	"sync"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// maxSeen bounds what a page remembers of its listings.
const maxSeen = 20000

// seen remembers what the page's listings have shown: an answer may only name
// what its person could see, and the service's word on it needs no second call.
type seen struct {
	mu      sync.Mutex // guards all below; nothing blocks while it is held
	spaces  []api.Space
	objects map[string]seenEntry
}

// seenEntry is an entry and where it was listed.
type seenEntry struct {
	api.Entry
	Space  api.Space
	Folder string
}

func (s *seen) setSpaces(spaces []api.Space) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spaces = spaces
}

// space finds one of the spaces shown, and all of them.
func (s *seen) space(id string) (here api.Space, all []api.Space, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sp := range s.spaces {
		if sp.ID == id {
			return sp, s.spaces, true
		}
	}
	return api.Space{}, s.spaces, false
}

func (s *seen) add(space api.Space, folder string, entries []api.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.objects == nil || len(s.objects)+len(entries) > maxSeen {
		s.objects = make(map[string]seenEntry, len(entries))
	}
	for _, e := range entries {
		s.objects[e.ID] = seenEntry{Entry: e, Space: space, Folder: folder}
	}
}

func (s *seen) object(id string) (seenEntry, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, ok := s.objects[id]
	return e, ok && e.Kind != kindFolder
}

// named finds an entry of a folder by name, in the way that Windows would.
func (s *seen) named(space, folder, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.objects {
		if e.Space.ID == space && e.Folder == folder && strings.EqualFold(e.Name, name) {
			return true
		}
	}
	return false
}
