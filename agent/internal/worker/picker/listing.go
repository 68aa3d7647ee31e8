package picker

import (
	"net/http"
	"path"
	"strings"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const kindFolder = cloudapi.KindFolder

// row is one entry as the list shows it.
type row struct {
	api.Entry
	Folder      bool
	Load        string // path: of the folder's listing, or of the object's details
	KindText    string
	SizeText    string
	Date        string
	HolderText  string
	HolderUntil string
	Held        bool // by someone else, or on another computer
}

// maxExt is what an extension has at most; what is longer may break anywhere.
const maxExt = 10

// Ext is the name's extension, which a line never breaks inside of: "z24.dx" over "f"
// reads as another kind of file. Empty for folders and for what is no extension.
func (r row) Ext() string {
	ext := path.Ext(r.Name)
	if r.Folder || len(ext) < 2 || len(ext) > maxExt || ext == r.Name {
		return ""
	}
	return ext
}

// Stem is the name before its extension.
func (r row) Stem() string { return strings.TrimSuffix(r.Name, r.Ext()) }

// place is one step of the breadcrumb.
type place struct {
	Name string
	Load string
	Here bool
}

// listingView shows a folder; Rows alone when it continues one.
type listingView struct {
	view
	Spaces  []spaceView
	Space   api.Space
	Folder  string
	Path    []place
	Here    string // name of the folder
	Rows    []row
	More    string // path of the rest, or empty
	Refresh string
	Writes  bool // the role allows saving here
	Choice  choiceView
	Account string
	Name    string // proposed name of a save
	OOB     bool   // the parts beside the list come along, to be swapped out of band
}

// spaceView is one space in the page's side.
type spaceView struct {
	api.Space
	Load     string
	Here     bool
	RoleText string
}

func writes(role string) bool {
	return role == cloudapi.RoleOwner || role == cloudapi.RoleEditor
}

// home answers the page's first request: sign-in, the first space, or, after an
// answer, how it goes on.
func (p *page) home(w http.ResponseWriter, _ *http.Request) {
	if p.state.now().Phase != phaseAsking {
		p.showState(w)
		return
	}
	if p.ask.Purpose == purposeSignIn {
		p.showSignIn(w, http.StatusOK, signInView{})
		return
	}
	p.showHome(w)
}

func (p *page) showHome(w http.ResponseWriter) {
	var spaces api.Spaces
	if err := p.call(workerapi.MethodSpaces, api.OperationRef{Operation: p.ask.Operation}, &spaces); err != nil {
		p.refusedList(w, err, "/ui/home", true)
		return
	}
	p.shown.setSpaces(spaces.Spaces)
	if len(spaces.Spaces) == 0 {
		p.show(w, http.StatusOK, "problem", problemView{view: p.view(), Target: "#main", Page: true, Problem: &problem{
			Title: p.say("space.none"), Hint: p.say("space.none.hint"), Retry: "/ui/home",
		}})
		return
	}
	first := spaces.Spaces[0]
	if p.ask.Purpose == purposeSaveAs { // begin where saving is allowed
		for _, s := range spaces.Spaces {
			if writes(s.Role) {
				first = s
				break
			}
		}
	}
	v, err := p.load(first, "", "")
	if err != nil {
		p.refusedList(w, err, "/ui/home", true)
		return
	}
	v.Name = p.ask.Name
	p.show(w, http.StatusOK, "browse", v)
}

// list answers a click on a space, a folder, a breadcrumb, or "show more".
func (p *page) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	space, _, ok := p.shown.space(q.Get("space"))
	if !ok {
		p.refusedList(w, refuse(api.NotFound, "space that was not listed"), "", false)
		return
	}
	folder, after := q.Get("folder"), q.Get("after")
	v, err := p.load(space, folder, after)
	switch {
	case err != nil:
		p.refusedList(w, err, r.URL.RequestURI(), false)
	case after != "":
		p.show(w, http.StatusOK, "rows", v)
	default:
		v.OOB, v.Choice.OOB = true, true
		p.show(w, http.StatusOK, "folder", v)
	}
}

// load asks the service for a folder and makes it ready to show.
func (p *page) load(space api.Space, folder, after string) (listingView, error) {
	var listing api.Listing
	err := p.call(workerapi.MethodList, workerapi.List{
		Operation: p.ask.Operation,
		List:      api.List{Space: space.ID, Folder: folder, After: after},
	}, &listing)
	if err != nil {
		return listingView{}, err
	}
	p.shown.add(space, folder, listing.Entries)
	v := listingView{
		view: p.view(), Space: space, Folder: folder, Here: space.Name, Writes: writes(space.Role),
		Refresh: link("/ui/list", "space", space.ID, "folder", folder),
		Account: p.account(),
		Choice:  choiceView{view: p.view()},
	}
	_, all, _ := p.shown.space(space.ID)
	for _, s := range all {
		v.Spaces = append(v.Spaces, spaceView{Space: s, Load: link("/ui/list", "space", s.ID), Here: s.ID == space.ID, RoleText: p.role(s.Role)})
	}
	v.Path = append(v.Path, place{Name: space.Name, Load: link("/ui/list", "space", space.ID), Here: len(listing.Path) == 0})
	for i, f := range listing.Path {
		v.Path = append(v.Path, place{Name: f.Name, Load: link("/ui/list", "space", space.ID, "folder", f.ID), Here: i == len(listing.Path)-1})
		v.Here = f.Name
	}
	for _, e := range listing.Entries {
		v.Rows = append(v.Rows, p.row(space, e))
	}
	if listing.Next != "" {
		v.More = link("/ui/list", "space", space.ID, "folder", folder, "after", listing.Next)
	}
	return v, nil
}

func (p *page) row(space api.Space, e api.Entry) row {
	r := row{Entry: e, Folder: e.Kind == kindFolder, Date: moment(e.Modified)}
	switch e.Kind {
	case kindFolder:
		r.KindText = p.say("kind.folder")
		r.Load = link("/ui/list", "space", space.ID, "folder", e.ID)
		return r
	case cloudapi.KindAssembly:
		r.KindText = p.say("kind.assembly")
	default:
		r.KindText = p.say("kind.file")
	}
	r.Load = link("/ui/details", "object", e.ID)
	r.SizeText = size(e.Size)
	if h := e.Holder; h != nil {
		r.Held, r.HolderUntil = !h.Mine, p.say("holder.until", moment(h.Until))
		if h.Mine {
			r.HolderText = p.say("holder.mine")
		} else {
			r.HolderText = p.say("holder.other", holderName(h), h.Machine)
		}
	}
	return r
}

func holderName(h *api.Holder) string {
	if h.Name != "" {
		return h.Name
	}
	return h.Account
}

func (p *page) role(role string) string {
	switch role {
	case cloudapi.RoleOwner:
		return p.say("role.owner")
	case cloudapi.RoleEditor:
		return p.say("role.editor")
	}
	return p.say("role.viewer")
}

// account is who is signed in: on this page, or before it opened.
func (p *page) account() string {
	if a := p.state.now().Account; a != "" {
		return a
	}
	return p.ask.Account
}
