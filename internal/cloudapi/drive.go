package cloudapi

import "time"

// Roles of a space's members.
const (
	RoleOwner  = "owner"
	RoleEditor = "editor"
	RoleViewer = "viewer"
)

// Kinds of a folder's entries.
const (
	KindFolder   = "folder"
	KindFile     = "file"
	KindAssembly = "assembly"
)

// Bounds of the drive.
const (
	MaxName       = 255      // bytes of a folder's or object's name
	MaxEntries    = 500      // entries of one page
	MaxAskMissing = 4096     // ids in one missing or locate call
	MaxPack       = 32 << 20 // bytes of one pack
	MaxManifest   = 64 << 20 // bytes of one manifest
	MaxJSON       = 1 << 20  // bytes of any JSON body
)

// Space is a drive space. GET /v1/spaces, POST /v1/spaces (NewSpace),
// PUT /v1/spaces/{space}/members/{account} (SpaceRole), DELETE the same.
type Space struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"` // of the caller
}

// Spaces answers GET /v1/spaces.
type Spaces struct {
	Spaces []Space `json:"spaces"`
}

// NewSpace is POST /v1/spaces.
type NewSpace struct {
	Name string `json:"name"`
}

// SpaceRole is PUT /v1/spaces/{space}/members/{account}.
type SpaceRole struct {
	Role string `json:"role"`
}

// Entry is a folder or an object of a listing.
type Entry struct {
	ID       string    `json:"id"`
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Size     int64     `json:"size"`
	Version  int64     `json:"version"` // newest, 0 for folders
	Modified time.Time `json:"modified"`
	By       string    `json:"by,omitempty"`
	Checkout *Checkout `json:"checkout,omitempty"` // live ones only
}

// Listing answers GET /v1/spaces/{space}/entries?folder=&after= .
type Listing struct {
	Path    []Entry `json:"path"`
	Entries []Entry `json:"entries"` // folders first, then by name
	Next    string  `json:"next,omitempty"`
}

// NewFolder is POST /v1/spaces/{space}/folders, answered by Entry.
type NewFolder struct {
	Parent string `json:"parent,omitempty"`
	Name   string `json:"name"`
}

// Object is GET /v1/objects/{object}: where it is and what is newest.
type Object struct {
	Space     string  `json:"space"`
	SpaceName string  `json:"spaceName"`
	Role      string  `json:"role"` // of the caller in the space
	Folder    string  `json:"folder,omitempty"`
	Path      []Entry `json:"path"` // folders from the root down
	Entry     Entry   `json:"entry"`
}

// Version is one stored state. GET /v1/objects/{object}/versions?before= answers Versions.
type Version struct {
	Number   int64     `json:"number"`
	Manifest string    `json:"manifest"` // SHA-256 of the manifest, hex
	Size     int64     `json:"size"`     // bytes of all files
	Created  time.Time `json:"created"`
	By       string    `json:"by"`
	Device   string    `json:"device,omitempty"`
	Machine  string    `json:"machine,omitempty"`
}

// Versions answers GET /v1/objects/{object}/versions, newest first.
type Versions struct {
	Versions []Version `json:"versions"`
}

// Checkout is the lease on an object. PUT /v1/objects/{object}/checkout takes
// NewCheckout and answers Checkout (renews when the same account and device holds
// it: fence unchanged); DELETE /v1/objects/{object}/checkout?fence= gives it back;
// DELETE …/checkout?force=1 takes it away (space owners, audited).
type Checkout struct {
	Fence   int64     `json:"fence"` // grows with every check-out of the object
	Account string    `json:"account"`
	Name    string    `json:"name,omitempty"`
	Device  string    `json:"device"`
	Machine string    `json:"machine"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
}

// NewCheckout asks for a lease; Seconds 0 takes the default of 7 days, at most 90 days.
type NewCheckout struct {
	Seconds int64 `json:"seconds,omitempty"`
}

// TransferToken is POST /v1/spaces/{space}/transfer (NewTransfer): a token of
// 15 minutes for one operation in one space, the only token a worker ever holds.
// Mode "read" allows locate, packs and manifests of the one object and version range asked for; "write"
// also missing, packs, manifests and the one commit named by Operation.
type NewTransfer struct {
	Mode      string `json:"mode"`
	Operation string `json:"operation"`        // idempotency key of the commit, 16 to 64 characters
	Object    string `json:"object,omitempty"` // object read or replaced; empty for a new object
}

// TransferToken answers NewTransfer.
type TransferToken struct {
	Token   string    `json:"token"`
	Expires time.Time `json:"expires"`
}

// Chunks is POST /v1/spaces/{space}/chunks/missing (answered by Chunks: those not
// stored in this space) and the question of …/chunks/locate.
type Chunks struct {
	IDs []string `json:"ids"` // SHA-256 of the plain bytes, hex
}

// Location says where a chunk's compressed bytes lie.
type Location struct {
	ID     string `json:"id"`
	Pack   string `json:"pack"`
	Offset int64  `json:"offset"` // of the compressed bytes in the pack
	Stored int64  `json:"stored"` // compressed length
	Size   int64  `json:"size"`   // plain length
}

// Locations answers POST /v1/spaces/{space}/chunks/locate.
type Locations struct {
	Locations []Location `json:"locations"`
}

// Packs: PUT /v1/spaces/{space}/packs/{sha256} (body: package chunk's pack format;
// the cloud opens and verifies every chunk before it answers 204; a repeat is 204),
// GET the same with Range.
// Manifests: PUT and GET /v1/spaces/{space}/manifests/{sha256} (package chunk's manifest).

// Commit is POST /v1/spaces/{space}/commits with a write token: the version
// appears in one transaction, or not at all. The same Operation always gets the
// first answer again.
type Commit struct {
	Operation string `json:"operation"`
	Manifest  string `json:"manifest"`
	Object    string `json:"object,omitempty"` // replace: object, base and fence
	Base      int64  `json:"base,omitempty"`   // version the work began from
	Fence     int64  `json:"fence,omitempty"`
	Folder    string `json:"folder,omitempty"` // new object: folder, name and kind
	Name      string `json:"name,omitempty"`
	Kind      string `json:"kind,omitempty"`
	Checkout  bool   `json:"checkout,omitempty"` // new object: check it out to the committer at once
}

// Committed answers Commit.
type Committed struct {
	Object   string    `json:"object"`
	Version  int64     `json:"version"`
	Checkout *Checkout `json:"checkout,omitempty"`
}

// HeaderAPI is sent by the cloud with every answer: "1". An answer without it is
// not the cloud's (a proxy's log-in page, another server).
const HeaderAPI = "Iscdesk-Api"
