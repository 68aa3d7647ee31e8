package api

import "time"

// Space is one drive space the signed-in user may see.
type Space struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"` // owner, editor, viewer
}

// Spaces answers files.spaces.
type Spaces struct {
	Spaces []Space `json:"spaces"`
}

// List asks for a folder's entries; Folder "" is the space's root.
type List struct {
	Space  string `json:"space"`
	Folder string `json:"folder,omitempty"`
	After  string `json:"after,omitempty"` // Next of the page before
}

// Entry is a folder or an object.
type Entry struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"` // "folder", "file", "assembly"
	Name     string    `json:"name"`
	Size     int64     `json:"size,omitempty"`
	Version  int64     `json:"version,omitempty"`
	Modified time.Time `json:"modified,omitzero"`
	By       string    `json:"by,omitempty"` // account that made the newest version
	Holder   *Holder   `json:"holder,omitempty"`
}

// Holder says who has an object checked out.
type Holder struct {
	Account string    `json:"account"`
	Name    string    `json:"name,omitempty"`
	Machine string    `json:"machine"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Mine    bool      `json:"mine,omitempty"` // by this account on this machine
}

// Listing answers files.list.
type Listing struct {
	Path    []Entry `json:"path"` // folders from the root to here
	Entries []Entry `json:"entries"`
	Next    string  `json:"next,omitempty"`
}

// ObjectRef names an object, and a version of it (0 is the newest).
type ObjectRef struct {
	Object  string `json:"object"`
	Version int64  `json:"version,omitempty"`
}

// Version is one stored state of an object.
type Version struct {
	Number  int64     `json:"number"`
	Size    int64     `json:"size"`
	Created time.Time `json:"created"`
	By      string    `json:"by"`
	Machine string    `json:"machine,omitempty"`
}

// Versions answers files.versions, newest first.
type Versions struct {
	Versions []Version `json:"versions"`
}

// Open fetches an object into the workspace; the end is EVENT_OPENCLOUDFILE_RESULT.
type Open struct {
	Object   string `json:"object"`
	Version  int64  `json:"version,omitempty"`
	Checkout bool   `json:"checkout,omitempty"`
	ComeBack string `json:"comeBack,omitempty"`
}

// Pick lets the user choose in the picker page; the end is
// EVENT_OPENCLOUDFILE_RESULT or EVENT_OPEN_CANCELLED.
type Pick struct {
	ComeBack string `json:"comeBack,omitempty"`
}

// Save stores a workspace file as the next version; the end is EVENT_SAVE_RESULT.
// Path is absolute. Assembly: Path is the folder.
type Save struct {
	Path     string `json:"path"`
	Assembly bool   `json:"assembly,omitempty"`
	ComeBack string `json:"comeBack,omitempty"`
}

// SaveTo stores a local file or folder as a new object, without a page.
type SaveTo struct {
	Path     string `json:"path"`
	Assembly bool   `json:"assembly,omitempty"`
	Space    string `json:"space"`
	Folder   string `json:"folder,omitempty"`
	Name     string `json:"name,omitempty"` // default: the path's last part
	ComeBack string `json:"comeBack,omitempty"`
}

// Checkin gives a check-out back without saving.
type Checkin struct {
	Path   string `json:"path,omitempty"`   // a workspace path, or
	Object string `json:"object,omitempty"` // an object id
}
