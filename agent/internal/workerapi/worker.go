package workerapi

import (
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// MaxFrame is what a worker takes in one frame: a licence file in base64, and the rest.
const MaxFrame = 2 << 20

// Requests that the service sends to a worker. Each one of an operation is
// answered when its work ends; progress comes as notices in between.
const (
	MethodStart     = "worker.start"     // Start -> Started, once, first
	MethodFetch     = "worker.fetch"     // Fetch -> Fetched
	MethodInspect   = "worker.inspect"   // Inspect -> Inspected
	MethodStore     = "worker.store"     // Store -> Stored
	MethodPending   = "worker.pending"   // None -> Pending
	MethodKeep      = "worker.keep"      // Staged -> Kept: a staged save was refused for good
	MethodDiscard   = "worker.discard"   // Staged -> None: forget a staged save that ended
	MethodForget    = "worker.forget"    // Forget -> None: the object's check-out was given back
	MethodPage      = "worker.page"      // Page -> PageOpened, at once
	MethodPageEnd   = "worker.pageEnd"   // PageEnd -> None: the operation ended, show the result and close
	MethodWriteFile = "worker.writeFile" // WriteFile -> WrittenFile
	MethodCancel    = "worker.cancel"    // OperationRef -> None
)

// Start configures the worker. The cloud's CA bundle travels as PEM text: the
// worker opens no configuration file of the service.
type Start struct {
	Cloud string `json:"cloud"` // base address, empty when none is set
	CAPEM string `json:"caPem,omitempty"`
	Proxy string `json:"proxy,omitempty"` // "", "direct", "system" or a URL
	Build string `json:"build"`
}

// Started answers Start: what the worker finds that it is, for the service's log and tests.
type Started struct {
	PID  int    `json:"pid"`
	UID  string `json:"uid"` // decimal on Linux, a SID on Windows
	Home string `json:"home"`
	Rights
}

// Fetch brings a version of an object into the workspace.
type Fetch struct {
	Operation api.Operation      `json:"operation"`
	Token     string             `json:"token"`
	Space     string             `json:"space"`
	SpaceName string             `json:"spaceName"`
	Object    string             `json:"object"`
	Path      []string           `json:"path"` // folder names below the space
	Name      string             `json:"name"`
	Kind      string             `json:"kind"` // file, assembly
	Version   cloudapi.Version   `json:"version"`
	Checkout  *cloudapi.Checkout `json:"checkout,omitempty"` // ours, when opened with check-out
	Account   string             `json:"account"`
}

// Fetched answers Fetch.
type Fetched struct {
	MainFile     string `json:"mainFile"`               // absolute: the file, or the assembly's folder
	ConflictCopy string `json:"conflictCopy,omitempty"` // where unsaved local work was put aside
	KeptLocal    bool   `json:"keptLocal,omitempty"`    // unsaved local work on the same version was left in place
}

// Inspect asks what the workspace's ledger knows of a path, before a save.
type Inspect struct {
	Path     string `json:"path"`
	Assembly bool   `json:"assembly"`
}

// Inspected answers Inspect. Object is empty when the path did not come from the cloud.
type Inspected struct {
	Path    string    `json:"path"` // cleaned
	Object  string    `json:"object,omitempty"`
	Space   string    `json:"space,omitempty"`
	Kind    string    `json:"kind,omitempty"`
	Version int64     `json:"version,omitempty"` // base
	Fence   int64     `json:"fence,omitempty"`   // 0: opened read-only
	Until   time.Time `json:"until,omitzero"`    // of the check-out
	Account string    `json:"account,omitempty"` // who opened it

	// After is the key of a staged save that will make the path's object; Object,
	// Version and Fence are empty then. Name is what that object will be called.
	After string `json:"after,omitempty"`
	Name  string `json:"name,omitempty"`

	At Spot `json:"at,omitzero"` // for the Store that follows
}

// Spot is where a path led when it was inspected. A Store that carries it reads
// there or is refused: what was decided for one file never sends the bytes of
// another that the path leads to by then.
type Spot struct {
	Path   string `json:"path"`          // canonical: without links
	Folder FileID `json:"folder"`        // the folder that the path lies in
	Tree   FileID `json:"tree,omitzero"` // an assembly's own folder
}

// FileID tells one file or folder of a machine from all others that exist.
type FileID struct {
	Dev uint64 `json:"dev"`
	Ino uint64 `json:"ino"`
}

// Store saves a local file or folder. With Staged the snapshot taken earlier is
// sent (a queued save), Path is then only a label. An empty Token means that the
// cloud is away: take the snapshot, make it durable, answer Queued.
type Store struct {
	Operation api.Operation `json:"operation"`
	Key       string        `json:"key"` // idempotency key of the commit
	Token     string        `json:"token,omitempty"`
	Staged    bool          `json:"staged,omitempty"`
	Path      string        `json:"path"`
	Assembly  bool          `json:"assembly"`
	Space     string        `json:"space"`
	SpaceName string        `json:"spaceName,omitempty"`
	Object    string        `json:"object,omitempty"` // replace
	Base      int64         `json:"base,omitempty"`
	Fence     int64         `json:"fence,omitempty"`
	Folder    string        `json:"folder,omitempty"` // new object
	Name      string        `json:"name,omitempty"`
	Account   string        `json:"account"`
	After     string        `json:"after,omitempty"` // key of the staged save whose object this becomes the next version of
	At        Spot          `json:"at,omitzero"`     // what Inspect answered; zero: the path is resolved now
}

// Stored answers Store. Queued means that nothing is lost and nothing was
// acknowledged: the snapshot is durable in the user's outbox and Code says why it
// was not sent. The commit itself is made by the worker.
type Stored struct {
	Queued   bool               `json:"queued,omitempty"`
	Why      *api.Error         `json:"why,omitempty"` // with Queued
	Object   string             `json:"object,omitempty"`
	Version  int64              `json:"version,omitempty"`
	Checkout *cloudapi.Checkout `json:"checkout,omitempty"`
	Sent     int64              `json:"sent"` // bytes that crossed the network
	Total    int64              `json:"total"`
	Skipped  []string           `json:"skipped,omitempty"` // lock files of applications that were left out
}

// Pending lists the saves that are staged in the user's outbox.
type Pending struct {
	Stores []Store `json:"stores"` // Staged set, Token empty
}

// Staged names a save of the user's outbox. The key alone says which: numbers of
// operations begin anew when the agent's state is lost.
type Staged struct {
	Operation api.Operation `json:"operation"`
	Key       string        `json:"key"`
}

// Kept answers Keep. ConflictCopy is where the snapshot was laid, absolute; empty
// when the path still holds exactly that content, or nothing is staged.
type Kept struct {
	ConflictCopy string `json:"conflictCopy,omitempty"`
}

// Forget marks an object's workspace copy as read-only again.
type Forget struct {
	Object string `json:"object"`
}

// Page serves one page on loopback until it is answered, closed or silent.
type Page struct {
	Operation api.Operation `json:"operation"`
	Purpose   string        `json:"purpose"` // pick, saveAs, signIn
	Language  string        `json:"language"`
	Product   string        `json:"product,omitempty"`
	Name      string        `json:"name,omitempty"`     // saveAs: proposed name
	Assembly  bool          `json:"assembly,omitempty"` // saveAs
	Cloud     string        `json:"cloud,omitempty"`    // shown to the user
	Account   string        `json:"account,omitempty"`  // who is signed in
}

// PageOpened answers Page. The token is in the URL's fragment and works once.
type PageOpened struct {
	URL string `json:"url"`
}

// PageEnd tells the page how its operation ended.
type PageEnd struct {
	Operation api.Operation `json:"operation"`
	Error     *api.Error    `json:"error,omitempty"`
	Path      string        `json:"path,omitempty"` // where the file landed
}

// WriteFile writes a small file (a licence) where only this user can read it:
// mode 0600 below the user's private data folder. Name is one path element.
type WriteFile struct {
	Dir  string `json:"dir"` // "licenses/<product>"
	Name string `json:"name"`
	Data []byte `json:"data"` // at most cloudapi.MaxLicenseFile
}

// WrittenFile answers WriteFile.
type WrittenFile struct {
	Path string `json:"path"`
}
