package license

import (
	"context"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// early is how much before its beginning a lease already counts: the clocks of
// cloud and desk differ a little.
const early = 5 * time.Minute

// verdict is a state without its words.
type verdict struct {
	state  string
	code   api.Code
	until  time.Time
	source string // api.SourceImport, or empty
	why    string // of a refusal: one of api's Refused… words, or empty
}

// judge decides from a verified entry, what is known of the time, and who is
// signed in. It is a pure function: the table test drives it.
func judge(e *entry, now time.Time, suspect bool, account string) verdict {
	switch {
	case e == nil || e.rec.Account != account || e.rec.Lease == "" && e.rec.Refused == 0:
		// Only the cloud can say that there is none, and it was not asked.
		return verdict{state: api.StateUnknown, code: api.LicenseUnknown}
	case e.rec.Refused == api.LicenseRefused:
		return verdict{state: api.StateRefused, code: api.LicenseRefused, why: e.rec.Why}
	case e.rec.Refused != 0:
		return verdict{state: api.StateNone, code: e.rec.Refused}
	case e.untrusted != "":
		return verdict{state: api.StateNone, code: api.LicenseUntrusted}
	case suspect:
		return verdict{state: api.StateClockSuspect, code: api.ClockSuspect}
	}
	l := e.lease
	switch {
	case now.Before(l.From.Add(-early)):
		return verdict{state: api.StateNone, code: api.LicenseNone, until: l.From}
	case now.Before(refreshAt(l.Issued, l.Until, l.Refresh)):
		return verdict{state: api.StateValid, until: l.Until}
	case now.Before(l.Until):
		return verdict{state: api.StateRefreshDue, until: l.Until}
	case now.Before(l.Grace):
		return verdict{state: api.StateGrace, until: l.Grace}
	}
	return verdict{state: api.StateExpired, code: api.LicenseExpired, until: l.Grace}
}

// refreshAt is when a lease is renewed: as the cloud says, at 75 % of its life otherwise.
func refreshAt(issued, until, refresh time.Time) time.Time {
	if !refresh.IsZero() && refresh.After(issued) && refresh.Before(until) {
		return refresh
	}
	return issued.Add(until.Sub(issued) / 4 * 3)
}

// State answers from memory and never waits for the cloud. When what it says of
// a session's right changes afterwards, that session gets EVENT_LICENSE_STATE.
func (r *Room) State(_ context.Context, a caller.Actor) api.LicenseState { return r.answer(a) }

func (r *Room) state(k key, language string) api.LicenseState {
	account, err := r.cfg.Account(k.uid)
	now, suspect := r.now(k)
	r.mu.Lock()
	e, damaged, d := r.entries[k], r.damaged[k], r.imports[k]
	v := judge(e, now, suspect, account)
	r.mu.Unlock()
	switch {
	case damaged:
		v = verdict{state: api.StateStoreDamaged, code: api.StoreDamaged}
	case account == "" && err != nil:
		v = verdict{state: api.StateNone, code: api.CodeOf(err)}
	}
	if d != nil && v.code != api.OK && yields(r.current(k, account)) {
		if doc := judgeDocument(d, now, suspect); doc.code == api.OK || v.state == api.StateUnknown || v.state == api.StateNone {
			v = doc
		}
	}
	return r.words(v, language)
}

// now is the watch's time; the issue time of a lease or an imported document is a floor as
// well, for the case that the known time was lost, or that there never was one.
func (r *Room) now(k key) (time.Time, bool) {
	now, suspect := r.watch.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.watch.heard().IsZero() {
		return now, suspect
	}
	var issued time.Time
	if e := r.entries[k]; e != nil {
		issued = e.lease.Issued
	}
	if d := r.imports[k]; d != nil && d.Issued.After(issued) {
		issued = d.Issued
	}
	if !issued.IsZero() && now.Before(issued.Add(-tolerance)) {
		return issued, true
	}
	return now, suspect
}

// words makes the answer of a verdict.
func (r *Room) words(v verdict, language string) api.LicenseState {
	st := api.LicenseState{State: v.state, Code: v.code, Until: v.until, Checked: r.watch.heard(), Source: v.source,
		Offline: r.cfg.Cloud.Base() != "" && !r.cfg.Cloud.Reachable()}
	if v.state == api.StateUnknown {
		st.Checked = time.Time{} // whatever the cloud was asked last, it was not this
	}
	if v.why != "" {
		st.Reason, st.Hint = api.RefusalText(v.why, language)
		return st
	}
	if v.code != api.OK {
		st.Reason, st.Hint = api.Text(v.code, language)
		return st
	}
	st.Reason, st.Hint = phrase(v.state, api.Chinese(language))
	return st
}

// phrase is the sentence of a state in which work is allowed and something is to be said.
func phrase(state string, chinese bool) (reason, hint string) {
	switch {
	case state == api.StateGrace && chinese:
		return "许可租约已到期，目前处于宽限期，因为无法连接到云端。", "请恢复与云端的连接，许可会自动续期。"
	case state == api.StateGrace:
		return "The lease has ended and the cloud could not be reached; work goes on in its grace time.", "Restore the connection to the cloud; the licence then renews by itself."
	case state == api.StateRefreshDue && chinese:
		return "许可即将续期。", ""
	case state == api.StateRefreshDue:
		return "The licence is about to be renewed.", ""
	}
	return "", ""
}

// params are a state's members in an event.
func params(st api.LicenseState) map[string]string {
	p := map[string]string{
		"state":         st.State,
		api.ParamCode:   strconv.Itoa(int(st.Code)),
		"offline":       strconv.FormatBool(st.Offline),
		api.ParamReason: st.Reason,
		api.ParamHint:   st.Hint,
	}
	if st.Source != "" {
		p["source"] = st.Source
	}
	if !st.Until.IsZero() {
		p["until"] = st.Until.UTC().Format(time.RFC3339)
	}
	if !st.Checked.IsZero() {
		p["checked"] = st.Checked.UTC().Format(time.RFC3339)
	}
	return p
}
