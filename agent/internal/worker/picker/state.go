package picker

import (
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// phase is how far a page is. It only moves forward, but for answering, which
// falls back to asking when the service refuses the answer.
type phase string

const (
	phaseAsking    phase = "asking"    // waits for the person
	phaseAnswering phase = "answering" // the answer is with the service
	phaseWorking   phase = "working"   // the service took it; the transfer runs
	phaseEnded     phase = "ended"     // nothing more will happen
)

// Who closed a page, as workerapi.PageClosed spells it, and who ended it otherwise.
const (
	byUser    = "user"
	bySilence = "silence"
	byService = "service"
)

// state is the life of one page. The browser follows it by wait.
type state struct {
	clock  clock.Clock
	closed func(by string) // told once when the page ends without an answer; called without the lock

	mu      sync.Mutex // guards all below; nothing blocks while it is held
	phase   phase
	gone    bool // the browser's page was closed while an answer was with the service
	by      string
	took    bool      // the service took an answer
	seen    time.Time // last sign of life
	seq     int64     // grows with each change
	changed chan struct{}
	done    int64
	total   int64
	result  workerapi.PageEnd
	account string // who signed in on this page

	over chan struct{} // closes when the phase is ended
}

// snapshot is what a view may show of a state.
type snapshot struct {
	Phase   phase
	By      string
	Seq     int64
	Done    int64
	Total   int64
	Result  workerapi.PageEnd
	Account string
	// Answered is set once the service took the answer: closing the page does not
	// undo it.
	Answered bool
}

func newState(c clock.Clock, closed func(by string)) *state {
	return &state{
		clock: c, closed: closed, phase: phaseAsking, seen: c.Now(), seq: 1,
		changed: make(chan struct{}), over: make(chan struct{}),
	}
}

// touch notes a sign of life of the browser's page.
func (s *state) touch() {
	now := s.clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = now
}

// begin starts an answer; false when one is under way or the page has ended.
func (s *state) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseAsking {
		return false
	}
	s.phase = phaseAnswering
	return true
}

// accepted and refused end what begin started. PageEnd may have come in between.
func (s *state) accepted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseAnswering {
		return
	}
	s.phase, s.took = phaseWorking, true
	s.change()
	if s.gone { // no one looks on any more: the work goes on without a page
		s.finish(byUser)
	}
}

func (s *state) refused() {
	s.mu.Lock()
	gone := s.gone
	if s.phase == phaseAnswering {
		s.phase = phaseAsking
	}
	s.mu.Unlock()
	if gone {
		s.close(byUser)
	}
}

// signedIn ends a sign-in page: its sign-in was the answer.
func (s *state) signedIn(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account, s.took = account, true
	s.finish(byService)
}

// setAccount notes who signed in on a page that goes on.
func (s *state) setAccount(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.account = account
}

// close ends a page. The service is told when there was no answer yet; after an
// answer the work goes on without its page.
func (s *state) close(by string) {
	s.mu.Lock()
	asking := s.phase == phaseAsking
	switch s.phase {
	case phaseAsking:
		s.finish(by)
	case phaseAnswering:
		s.gone = true // accepted or refused decides
	case phaseWorking:
		s.finish(by)
	case phaseEnded:
	}
	s.mu.Unlock()
	if asking {
		s.closed(by)
	}
}

// end takes the service's word of how the operation ended.
func (s *state) end(result workerapi.PageEnd) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != phaseEnded {
		s.result = result
		s.finish(byService)
	}
}

func (s *state) progress(done, total int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == phaseEnded || done < 0 || total < done {
		return
	}
	s.done, s.total = done, total
	s.change()
}

// silent closes the page when it gave no sign of life for api.PageSilence.
func (s *state) silent() {
	now := s.clock.Now()
	s.mu.Lock()
	late := now.Sub(s.seen) >= api.PageSilence && (s.phase == phaseAsking || s.phase == phaseWorking)
	s.mu.Unlock()
	if late {
		s.close(bySilence)
	}
}

func (s *state) now() snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return snapshot{Phase: s.phase, By: s.by, Seq: s.seq, Done: s.done, Total: s.total, Result: s.result, Account: s.account, Answered: s.took}
}

// next returns a channel that closes at the first change after seq.
func (s *state) next(seq int64) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq != seq {
		passed := make(chan struct{})
		close(passed)
		return passed
	}
	return s.changed
}

// finish and change need the lock.
func (s *state) finish(by string) {
	if s.phase == phaseEnded {
		return
	}
	s.phase, s.by = phaseEnded, by
	s.change()
	close(s.over)
}

func (s *state) change() {
	s.seq++
	close(s.changed)
	s.changed = make(chan struct{})
}
