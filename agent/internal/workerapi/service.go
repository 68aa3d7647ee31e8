package workerapi

import (
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// Requests that a worker sends to the service. The service answers them with the
// signed-in user's own rights in the cloud; the worker's operation must be live.
const (
	MethodSpaces    = "service.spaces"    // OperationRef -> api.Spaces
	MethodList      = "service.list"      // List -> api.Listing
	MethodVersions  = "service.versions"  // Versions -> api.Versions
	MethodNewFolder = "service.newFolder" // NewFolder -> api.Entry
	MethodSignIn    = "service.signIn"    // SignIn -> api.AuthStatus
	MethodChosen    = "service.chosen"    // Chosen -> None
	MethodRenew     = "service.renew"     // OperationRef -> Renewed: a fresh transfer token
)

// Notices of a worker.
const (
	NoticeProgress = "progress" // Progress
	NoticeClosed   = "closed"   // PageClosed
)

// List asks for a folder for the page of an operation.
type List struct {
	Operation api.Operation `json:"operation"`
	api.List
}

// Versions asks for an object's versions for the page of an operation.
type Versions struct {
	Operation api.Operation `json:"operation"`
	api.ObjectRef
}

// NewFolder makes a folder from the save-as page.
type NewFolder struct {
	Operation api.Operation `json:"operation"`
	Space     string        `json:"space"`
	Parent    string        `json:"parent,omitempty"`
	Name      string        `json:"name"`
}

// SignIn carries what the user typed into the sign-in page.
type SignIn struct {
	Operation api.Operation `json:"operation"`
	api.AuthLogin
}

// Chosen is the user's answer in a page: for pick the object, version and
// whether to check it out; for saveAs the space, folder and name.
type Chosen struct {
	Operation api.Operation `json:"operation"`
	Object    string        `json:"object,omitempty"`
	Version   int64         `json:"version,omitempty"`
	Checkout  bool          `json:"checkout,omitempty"`
	Space     string        `json:"space,omitempty"`
	Folder    string        `json:"folder,omitempty"`
	Name      string        `json:"name,omitempty"`
}

// Renewed answers service.renew.
type Renewed struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// Progress tells how far an operation's transfer is, at most four times a second.
type Progress struct {
	Operation api.Operation `json:"operation"`
	Done      int64         `json:"done"`
	Total     int64         `json:"total"`
}

// PageClosed says that a page ended without an answer: by "user" (a button or a
// closed window) or by "silence" (no sign of life for api.PageSilence).
type PageClosed struct {
	Operation api.Operation `json:"operation"`
	By        string        `json:"by"`
}
