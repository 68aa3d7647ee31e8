package picker

import (
	"net/http"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// saveView is the save-as page's foot after a refusal: the name stays, the reason
// stands beside it.
type saveView struct {
	listingView
	Problem *problem
	Field   string // "name" or "folder": which field the problem is about, or empty
	Typed   string
}

// chooseSave sends place and name to the service.
func (p *page) chooseSave(w http.ResponseWriter, r *http.Request) {
	values, ok := form(w, r)
	if !ok {
		return
	}
	v := saveView{listingView: listingView{view: p.view(), Folder: values.Get("folder"), Name: values.Get("name")}}
	space, _, ok := p.shown.space(values.Get("space"))
	v.Space, v.Writes = space, writes(space.Role)
	switch {
	case !ok:
		v.Problem = &problem{Title: p.say("gone"), Hint: p.say("gone.hint"), Code: api.NotFound}
	case !v.Writes:
		v.Problem = &problem{Title: p.say("save.viewer"), Code: api.Forbidden}
	default:
		v.Problem, v.Field = p.checkName(space.ID, v.Folder, v.Name), "name"
	}
	if v.Problem != nil {
		p.show(w, http.StatusUnprocessableEntity, "save-refused", v)
		return
	}
	err, begun := p.answer(workerapi.Chosen{Operation: p.ask.Operation, Space: space.ID, Folder: v.Folder, Name: v.Name})
	switch {
	case begun && needsSignIn(err):
		p.refusedList(w, err, "", false)
	case begun && err != nil:
		v.Problem = p.explain(err)
		if code := api.CodeOf(err); code != api.NameExists && code != api.NameInvalid {
			v.Field = ""
		}
		p.show(w, http.StatusUnprocessableEntity, "save-refused", v)
	default:
		p.showState(w)
	}
}

// checkName refuses at once what the cloud would refuse; the cloud's word stays
// the last one.
func (p *page) checkName(space, folder, name string) *problem {
	switch {
	case name == "":
		return &problem{Title: p.say("save.nameless"), Code: api.NameInvalid}
	case chunk.CheckName(name) != nil:
		return &problem{Title: p.say("save.badname"), Code: api.NameInvalid}
	case p.shown.named(space, folder, name):
		return &problem{Title: p.say("save.exists", name), Code: api.NameExists}
	}
	return nil
}

// newFolder makes a folder and goes into it.
func (p *page) newFolder(w http.ResponseWriter, r *http.Request) {
	values, ok := form(w, r)
	if !ok {
		return
	}
	name, parent := values.Get("name"), values.Get("folder")
	v := saveView{listingView: listingView{view: p.view(), Folder: parent}, Field: "folder", Typed: name}
	space, _, ok := p.shown.space(values.Get("space"))
	v.Space = space
	switch {
	case !ok:
		v.Problem = &problem{Title: p.say("gone"), Hint: p.say("gone.hint"), Code: api.NotFound}
	case !writes(space.Role):
		v.Problem = &problem{Title: p.say("save.viewer"), Code: api.Forbidden}
	default:
		v.Problem = p.checkName(space.ID, parent, name)
	}
	if v.Problem != nil {
		p.show(w, http.StatusUnprocessableEntity, "folder-refused", v)
		return
	}
	var made api.Entry
	err := p.call(workerapi.MethodNewFolder, workerapi.NewFolder{Operation: p.ask.Operation, Space: space.ID, Parent: parent, Name: name}, &made)
	if needsSignIn(err) {
		p.refusedList(w, err, "", false)
		return
	}
	if err != nil {
		v.Problem = p.explain(err)
		p.show(w, http.StatusUnprocessableEntity, "folder-refused", v)
		return
	}
	inside, err := p.load(space, made.ID, "")
	if err != nil {
		p.refusedList(w, err, link("/ui/list", "space", space.ID, "folder", made.ID), false)
		return
	}
	inside.OOB = true
	w.Header().Set("HX-Retarget", "#listing")
	w.Header().Set("HX-Reswap", "outerHTML")
	p.show(w, http.StatusOK, "folder", inside)
}
