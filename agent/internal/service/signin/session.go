package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// record is what is sealed for one OS user. Attempt names a refresh that was
// begun: it is on disk before the call, so a refresh whose answer was lost, even
// by a killed agent, is repeated under its name and never looks like a stolen token.
type record struct {
	Cloud   string          `json:"cloud"`
	Tokens  cloudapi.Tokens `json:"tokens"`
	Attempt string          `json:"attempt,omitempty"`
	Ended   api.Code        `json:"ended,omitempty"` // why the sign-in is over; Tokens then names only who it was
}

// session is the sign-in of one OS user.
type session struct {
	room *Room
	uid  caller.UID

	saving sync.Mutex // orders writes of the sealed record; held during them

	mu     sync.Mutex // guards what follows; never held during I/O
	loaded bool
	rec    record
	flight *flight // the running refresh
}

// flight is one refresh that any number of callers wait for.
type flight struct {
	done  chan struct{} // closed when token and err are set
	token string
	err   error
}

func (s *session) recordName() string { return "signin-" + s.uid.Name() }

// load reads the sealed record once. One that cannot be read is no sign-in; the
// reason is told as long as nobody signs in again.
func (s *session) load() {
	if s.isLoaded() {
		return // without waiting for a write that may be running
	}
	s.saving.Lock()
	defer s.saving.Unlock()
	if s.isLoaded() {
		return
	}
	var rec record
	err := s.room.cfg.Store.LoadSealed(s.recordName(), &rec)
	switch {
	case errors.Is(err, atomicfile.ErrDamaged):
		s.room.cfg.Log.Error("sign-in cannot be read", "uid", s.uid, "error", err)
		rec = record{Ended: api.StoreDamaged}
	case errors.Is(err, fs.ErrNotExist):
		rec = record{}
	case err != nil: // a disk that fails now may not fail next time
		s.room.cfg.Log.Error("read sign-in", "uid", s.uid, "error", err)
		return
	case rec.Cloud != s.room.cfg.Cloud.Base():
		rec = record{} // another cloud's tokens are never shown to this one
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rec, s.loaded = rec, true
}

func (s *session) isLoaded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.loaded
}

// replace seals rec and then makes it the session's; the old one is returned.
// An empty record removes the file.
func (s *session) replace(rec record) (old record, err error) {
	s.saving.Lock()
	defer s.saving.Unlock()
	if err := s.write(rec); err != nil {
		return record{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, s.rec, s.loaded = s.rec, rec, true
	return old, nil
}

// write needs saving.
func (s *session) write(rec record) error {
	if rec == (record{}) {
		return s.room.cfg.Store.Delete(s.recordName())
	}
	return s.room.cfg.Store.SaveSealed(s.recordName(), rec)
}

// update replaces the record only while it is still old's sign-in: a sign-out
// that came meanwhile wins.
func (s *session) update(old, rec record) error {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	same := s.rec.Tokens.RefreshToken == old.Tokens.RefreshToken && s.rec.Ended == 0
	if same {
		s.rec = rec // in memory first: a full disk must not cost a sign-in that works
	}
	s.mu.Unlock()
	if !same {
		return errGone
	}
	return s.write(rec)
}

var errGone = errors.New("the sign-in was replaced meanwhile")

func (s *session) status() api.AuthStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := api.AuthStatus{Cloud: s.room.cfg.Cloud.Base(), Account: s.rec.Tokens.Me.Account}
	switch {
	case s.rec.Ended != 0:
		st.Reason = s.rec.Ended
	case s.rec.Tokens.RefreshToken == "":
		st.Reason = api.NotSignedIn
	default:
		me := s.rec.Tokens.Me
		st.SignedIn, st.Name, st.Organisation = true, me.Name, me.Organisation
		st.Expires = s.rec.Tokens.RefreshExpires
	}
	return st
}

// tokenMargin is how long before its end an access token is renewed.
const tokenMargin = time.Minute

// refreshTimeout ends a refresh that nobody may be waiting for any more.
const refreshTimeout = 2 * time.Minute

// token is cloud.Tokens of this session: the kept token, or, when that has ended
// or is the refused one, a fresh one. Concurrent callers share one refresh, which
// goes on when they leave.
func (s *session) token(ctx context.Context, refused string) (string, error) {
	now := s.room.cfg.Cloud.Now()
	s.mu.Lock()
	t := s.rec.Tokens
	switch {
	case s.rec.Ended != 0:
		defer s.mu.Unlock()
		return "", &api.Error{Code: s.rec.Ended}
	case t.RefreshToken == "":
		s.mu.Unlock()
		return "", &api.Error{Code: api.NotSignedIn}
	case t.AccessToken != refused && now.Before(t.AccessExpires.Add(-tokenMargin)):
		s.mu.Unlock()
		return t.AccessToken, nil
	}
	f := s.flight
	if f == nil {
		f = &flight{done: make(chan struct{})}
		s.flight = f
		s.room.work.Go(func() { s.fly(f) })
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.token, f.err
	case <-ctx.Done():
		return "", fmt.Errorf("wait for token: %w", context.Cause(ctx))
	}
}

// fly runs one refresh and hands its outcome to all who wait.
func (s *session) fly(f *flight) {
	ctx, cancel := context.WithTimeout(s.room.ctx, refreshTimeout)
	defer cancel()
	f.token, f.err = s.refresh(ctx)
	s.mu.Lock()
	s.flight = nil
	s.mu.Unlock()
	close(f.done)
}

func (s *session) refresh(ctx context.Context) (string, error) {
	s.mu.Lock()
	rec := s.rec
	s.mu.Unlock()
	if rec.Attempt == "" {
		begun := rec
		begun.Attempt = rand.Text()
		if err := s.update(rec, begun); err != nil {
			return "", fmt.Errorf("note refresh: %w", err) // without the note it must not be sent
		}
		rec = begun
	}
	t, err := s.room.cfg.Cloud.Refresh(ctx, rec.Tokens.RefreshToken, rec.Attempt)
	if cloudhttp.CloudCode(err) == cloudapi.ErrUnauthenticated {
		gone := record{Cloud: rec.Cloud, Tokens: cloudapi.Tokens{Me: rec.Tokens.Me}, Ended: api.SessionExpired}
		if uerr := s.update(rec, gone); uerr != nil {
			s.room.cfg.Log.Error("note ended sign-in", "uid", s.uid, "error", uerr)
		} else {
			s.room.ended(s.uid, rec.Tokens.Me)
		}
		return "", err
	}
	if err != nil {
		return "", err // away or busy: the sign-in stays, and so does the attempt
	}
	if err := s.update(rec, record{Cloud: rec.Cloud, Tokens: t}); errors.Is(err, errGone) {
		s.room.queueRevoke(t)
		return "", &api.Error{Code: api.NotSignedIn, Detail: err.Error()}
	} else if err != nil {
		s.room.cfg.Log.Error("keep renewed sign-in", "uid", s.uid, "error", err)
	}
	return t.AccessToken, nil
}
