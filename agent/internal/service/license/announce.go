package license

import (
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// maxTold bounds what is remembered of sessions; over it, those that have ended are forgotten.
const maxTold = 4096

// word is what makes two states the same to an application: its right, why, and
// until when. That the cloud is away shows in heartbeats, so it is no news here.
func word(st api.LicenseState) string {
	return st.State + "/" + strconv.Itoa(int(st.Code)) + "/" + st.Until.UTC().Format(time.RFC3339) + "/" + st.Source
}

// answer is State for one session, which from then on knows it.
func (r *Room) answer(a caller.Actor) api.LicenseState {
	r.telling.Lock()
	defer r.telling.Unlock()
	st := r.state(key{a.UID, a.Product}, a.Language)
	if a.Session == "" {
		return st
	}
	before, known := r.told[a.Session]
	if !known && len(r.told) >= maxTold {
		r.forgetEnded(r.cfg.Events.Sessions(""))
	}
	r.told[a.Session] = word(st)
	if known && before != word(st) {
		r.look() // other sessions of the product heard as little of it
	}
	return st
}

// heard notes what a session reads out of the end of its request, and tells it where that has
// changed meanwhile: a sign-out may come between the answer and its event.
func (r *Room) heard(session string, st api.LicenseState) {
	r.telling.Lock()
	if _, known := r.told[session]; known {
		r.told[session] = word(st)
	}
	r.telling.Unlock()
	r.announce()
}

// announce tells each session whose licence is not as it saw it last, in its own
// language. A session that has not asked yet is told nothing: its hello answers.
func (r *Room) announce() {
	r.telling.Lock()
	defer r.telling.Unlock()
	sessions := r.cfg.Events.Sessions("")
	r.forgetEnded(sessions)
	for _, o := range sessions {
		st := r.state(key{o.UID, o.Product}, o.Language)
		if seen, known := r.told[o.Session]; known && seen != word(st) {
			r.told[o.Session] = word(st)
			r.cfg.Events.Emit(o, api.EventLicenseState, api.OperateLicenseState, params(st))
		}
	}
}

// forgetEnded keeps what these sessions were told and nothing else. Called with
// telling held.
func (r *Room) forgetEnded(sessions []events.Owner) {
	kept := make(map[string]string, len(sessions))
	for _, o := range sessions {
		if seen, known := r.told[o.Session]; known {
			kept[o.Session] = seen
		}
	}
	r.told = kept
}
