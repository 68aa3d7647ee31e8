package picker

import (
	"net/http"
	"strconv"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// versionView is one line of the version list.
type versionView struct {
	Number int64
	Text   string
}

// choiceView is the pick page's foot: what is chosen and what can be done with it.
type choiceView struct {
	view
	Row      *row // nil while nothing is chosen
	Versions []versionView
	Version  int64  // preselected
	Why      string // why checking out is not possible, or empty
	Problem  *problem
	OOB      bool // swapped out of band, beside a new list
}

// details answers the choice of a row.
func (p *page) details(w http.ResponseWriter, r *http.Request) {
	entry, ok := p.shown.object(r.URL.Query().Get("object"))
	if !ok {
		p.show(w, http.StatusOK, "choice", p.goneChoice())
		return
	}
	p.show(w, http.StatusOK, "choice", p.choice(entry, 0))
}

func (p *page) goneChoice() choiceView {
	return choiceView{view: p.view(), Problem: &problem{Title: p.say("gone"), Hint: p.say("gone.hint"), Code: api.NotFound}}
}

// choice describes an object; without its versions when they cannot be had, since
// opening the newest needs none.
func (p *page) choice(entry seenEntry, version int64) choiceView {
	shown := p.row(entry.Space, entry.Entry)
	v := choiceView{view: p.view(), Row: &shown, Version: version}
	if version == 0 {
		v.Version = entry.Version
	}
	switch h := entry.Holder; {
	case h != nil && !h.Mine:
		v.Why = p.say("checkout.held", holderName(h), h.Machine, moment(h.Until))
	case !writes(entry.Space.Role):
		v.Why = p.say("checkout.viewer")
	}
	var versions api.Versions
	err := p.call(workerapi.MethodVersions, workerapi.Versions{
		Operation: p.ask.Operation, ObjectRef: api.ObjectRef{Object: entry.ID},
	}, &versions)
	if err != nil {
		v.Problem = p.explain(err)
		return v
	}
	for i, one := range versions.Versions {
		key := "version.older"
		if i == 0 {
			key = "version.newest"
		}
		v.Versions = append(v.Versions, versionView{Number: one.Number, Text: p.say(key, one.Number, moment(one.Created), one.By, size(one.Size))})
	}
	return v
}

// choosePick sends the person's choice to the service.
func (p *page) choosePick(w http.ResponseWriter, r *http.Request) {
	values, ok := form(w, r)
	if !ok {
		return
	}
	entry, ok := p.shown.object(values.Get("object"))
	if !ok {
		p.show(w, http.StatusUnprocessableEntity, "choice", p.goneChoice())
		return
	}
	version := int64(0) // the newest
	if text := values.Get("version"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			http.Error(w, "unreadable version", http.StatusBadRequest)
			return
		}
		if n != entry.Version {
			version = n
		}
	}
	checkout := values.Get("checkout") == "true"
	if checkout && version != 0 {
		v := p.choice(entry, version)
		v.Problem = &problem{Title: p.say("checkout.older"), Code: api.InvalidArgument}
		p.show(w, http.StatusUnprocessableEntity, "choice", v)
		return
	}
	err, begun := p.answer(workerapi.Chosen{Operation: p.ask.Operation, Object: entry.ID, Version: version, Checkout: checkout})
	switch {
	case begun && needsSignIn(err):
		p.refusedList(w, err, "", false)
	case begun && err != nil:
		v := p.choice(entry, version)
		v.Problem = p.explain(err)
		p.show(w, http.StatusUnprocessableEntity, "choice", v)
	default:
		p.showState(w)
	}
}

// answer hands the page's answer to the service; begun is false when there was one
// already.
func (p *page) answer(chosen workerapi.Chosen) (err error, begun bool) {
	if !p.state.begin() {
		return nil, false
	}
	if err := p.call(workerapi.MethodChosen, chosen, nil); err != nil {
		p.state.refused()
		return err, true
	}
	p.state.accepted()
	return nil, true
}

func needsSignIn(err error) bool {
	code := api.CodeOf(err)
	return code == api.NotSignedIn || code == api.SessionExpired
}
