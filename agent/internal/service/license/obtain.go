package license

import (
	"cmp"
	"context"
	"fmt"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// obtain gets the content: from the cloud, which may take as long as a publisher takes; or, when that
// is away, from what is kept here. A cloud that has the request is waited for.
func (r *Room) obtain(ctx context.Context, op *events.Op, q asked) (content, api.LicenseState, error) {
	o := op.Owner()
	k := key{o.UID, o.Product}
	w := &wait{room: r, op: op, asked: q}
	fp, err := r.cfg.Fingerprint(ctx)
	if err != nil {
		return content{}, api.LicenseState{}, err
	}
	made := madeFor(fp.Fingerprint, q.DevInfo)
	for {
		var got content
		var pending *cloudapi.LicensePending
		account, err := r.cfg.Account(o.UID)
		switch {
		case w.accepted() && account != "" && account != w.Account:
			return content{}, api.LicenseState{}, &api.Error{Code: api.SessionExpired,
				Detail: fmt.Sprintf("the licence was requested by %.100s, and another account is signed in now", w.Account)}
		case account != "":
			var leave func()
			if leave, err = w.turn(ctx); err != nil {
				return content{}, api.LicenseState{}, err
			}
			got, pending, err = r.ask(ctx, k, account, fp.Fingerprint, made, w.asked)
			leave()
		case err == nil:
			err = &api.Error{Code: api.NotSignedIn}
		}
		now, _ := r.watch.now()
		switch {
		case err == nil && pending == nil:
			return got, r.state(k, o.Language), nil
		case ctx.Err() != nil:
			return content{}, api.LicenseState{}, cmp.Or(err, context.Cause(ctx))
		case pending != nil:
			w.take(account, pending.Event, now)
		case cloudhttp.Away(err) || account == "" || signedOut(err) && r.document(k) != nil:
			kept, st, kerr := r.kept(k, account, fp.Fingerprint, made, w.asked, o.Language, err)
			if kerr == nil || !w.accepted() {
				return kept, st, kerr
			}
		case !w.accepted() || !away(err):
			return content{}, api.LicenseState{}, err
		}
		if w.over(now) {
			kept, st, kerr := r.kept(k, account, fp.Fingerprint, made, w.asked, o.Language, w.late())
			return kept, st, kerr
		}
		w.tell(err, now)
		if err := w.pause(ctx, pending, err, now); err != nil {
			return content{}, api.LicenseState{}, err
		}
	}
}

// signedOut says that somebody has to sign in first.
func signedOut(err error) bool {
	return api.CodeOf(err) == api.NotSignedIn || api.CodeOf(err) == api.SessionExpired
}

// kept is what this machine can hand out by itself: what the cloud gave for the same request, as long as
// its lease allows work, or an imported document. cause is why it is asked for.
func (r *Room) kept(k key, account, fingerprint, made string, q asked, language string, cause error) (content, api.LicenseState, error) {
	st := r.state(k, language)
	st.Offline = true
	if cached, ok := r.usable(k, account, q.Form, made); ok {
		if q.FileName != "" {
			cached.FileName = q.FileName
		}
		return cached, st, nil
	}
	now, suspect := r.now(k)
	r.mu.Lock()
	v, d := judge(r.entries[k], now, suspect, account), r.imports[k]
	r.mu.Unlock()
	rec := r.current(k, account)
	if d != nil && yields(rec) {
		got, err := d.handOut(q, fingerprint, judgeDocument(d, now, suspect))
		if err == nil {
			st = r.words(judgeDocument(d, now, suspect), language)
			st.Offline = true
		}
		if err == nil || rec.Lease == "" {
			return got, st, err
		}
	}
	if account == "" || rec.Lease == "" && rec.Refused == 0 || v.code == api.OK || api.CodeOf(cause) == api.LicenseLate {
		return content{}, st, cause // nothing to answer with: the cloud's absence is the reason
	}
	return content{}, st, &api.Error{Code: v.code, Detail: "answered from the cache, because: " + cause.Error()}
}

// usable is what the cloud gave for the same request, when its lease allows work.
func (r *Room) usable(k key, account, form, made string) (content, bool) {
	now, suspect := r.now(k)
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[k]
	if account == "" || judge(e, now, suspect, account).code != api.OK {
		return content{}, false
	}
	c, ok := e.rec.Contents[form]
	return c, ok && c.For == made
}
