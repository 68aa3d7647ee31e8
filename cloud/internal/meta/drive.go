package meta

import (
	"context"
	"time"
)

// Bounds of check-outs.
const (
	DefaultCheckout = 7 * 24 * time.Hour
	MaxCheckout     = 90 * 24 * time.Hour
)

// Who asks the drive for something, and when. The store looks the account's role up
// in the same transaction as everything else, on each call: a role that was taken away is
// gone at once. Someone without any role in a space is told not_found, as if
// there were nothing; a role that is too small is told forbidden.
type Who struct {
	Account string
	Org     string
	Device  string // "" when the sign-in named none
	Now     time.Time
}

// Space is a drive space as one of its members sees it.
type Space struct {
	ID, Name, Role string
}

// Item is a folder or an object.
type Item struct {
	ID       string
	Space    string
	Parent   string // folder, "" at the root
	Kind     string // cloudapi.KindFolder, KindFile, KindAssembly
	Name     string
	Size     int64
	Version  int64 // newest, 0 for folders
	Modified time.Time
	By       string
	Checkout *Checkout // live ones only
}

// Checkout is the lease on an object. Fence grows with every check-out of the object.
type Checkout struct {
	Fence   int64
	Account string
	Name    string // of the account
	Device  string
	Machine string // name of the device
	Since   time.Time
	Until   time.Time
}

// Place is an item with everything above it.
type Place struct {
	Space Space
	Path  []Item // folders from the root down, without Item itself
	Item  Item
}

// Version is one stored state of an object.
type Version struct {
	Number   int64
	Manifest Hash
	Size     int64
	Created  time.Time
	By       string
	Device   string
	Machine  string
}

// Drive is everything about spaces, folders, objects, versions and check-outs.
// What lies in a version is Content's.
type Drive interface {
	// Spaces lists the spaces in which the account has a role, by name.
	Spaces(ctx context.Context, who Who) ([]Space, error)
	// AddSpace makes a space of who's organisation with who as its owner.
	// Refusals: name_exists (in the organisation), name_invalid.
	AddSpace(ctx context.Context, who Who, name string, why Entry) (Space, error)
	// SetRole gives an account of the same organisation a role (owners). Refusals:
	// not_found, forbidden, conflict when the last owner would be lost.
	SetRole(ctx context.Context, who Who, space, account, role string, why Entry) error
	// Unset takes the role away (owners; anyone their own). Refusals as SetRole.
	Unset(ctx context.Context, who Who, space, account string, why Entry) error

	// Folder reads a folder ("" is the root) with its path, and up to limit entries behind
	// after, folders first, then by folded name; next is empty at the end. Viewers.
	Folder(ctx context.Context, who Who, space, folder, after string, limit int) (path, entries []Item, next string, err error)
	// AddFolder makes a folder (editors). Refusals: not_found, forbidden,
	// name_exists, name_invalid.
	AddFolder(ctx context.Context, who Who, space, parent, name string) (Item, error)
	// Object finds an object (viewers); refusal not_found, also for folders.
	Object(ctx context.Context, who Who, object string) (Place, error)
	// Versions lists up to limit versions below number before (0: all), newest first. Viewers.
	Versions(ctx context.Context, who Who, object string, before int64, limit int) ([]Version, error)

	// Checkout leases the object until the given time (editors). The same account
	// and device renews a live one: its fence stays, its end never comes nearer.
	// Refusals: not_found, forbidden, held_by_other with holder, machine, since, until.
	Checkout(ctx context.Context, who Who, object string, until time.Time) (Checkout, error)
	// Checkin gives the lease back. Nil also when it has ended and nobody took the
	// object since (a repetition). Refusals: not_found, checkout_lost.
	Checkin(ctx context.Context, who Who, object string, fence int64) error
	// Release takes the lease away from its holder (owners); nil when there is none. why
	// gets holder, machine and fence as parameters. Refusals: not_found, forbidden.
	Release(ctx context.Context, who Who, object string, why Entry) error
}

// Pack is a stored pack with the place of each of its chunks.
type Pack struct {
	Sum    Hash
	Size   int64
	Chunks []PackedChunk
}

// PackedChunk is a chunk's place in a pack, see package chunk.
type PackedChunk struct {
	ID     Hash
	Offset int64
	Stored int64
	Size   int64
}

// Location is where a chunk of a space lies.
type Location struct {
	Pack Hash
	PackedChunk
}

// ChunkRef names a chunk of a manifest and its plain length.
type ChunkRef struct {
	ID   Hash
	Size int64
}

// Manifest is what is known of a manifest whose bytes are stored.
type Manifest struct {
	Sum      Hash
	Kind     string
	Size     int64 // plain bytes of all files
	Complete bool  // all chunks are stored in the space
}

// Scope is what a transfer token is good for.
type Scope struct {
	Space     string
	Write     bool
	Operation string // idempotency key of the one commit
	Object    string // read or replaced; "" for a new object
}

// Commit makes a version. Object is set for a replacement (with Base and Fence), else Folder,
// Name and Kind make a new object; Until is then the end of a check-out to the
// committer, zero for none.
type Commit struct {
	Manifest Hash
	Object   string
	Base     int64
	Fence    int64
	Folder   string
	Name     string
	Kind     string
	Until    time.Time
}

// Committed is a commit's answer, the same for each repetition.
type Committed struct {
	Object   string
	Version  int64
	Checkout *Checkout
}

// Content is the index of what is stored in each space: packs, chunks, manifests, and the
// commits that make versions of them. The index is per space: a chunk that is known in
// one space is missing in every other, so knowing a checksum gives nothing. Rows of
// this index are only ever added; a back end that learns to remove some must not do so
// between Complete and Commit.
type Content interface {
	// Permit looks at a transfer token's scope as its owner's role is now: reading needs a
	// viewer, writing an editor, an object must lie in the space. ended says
	// that the operation has its commit already: then only Commit answers. Refusals:
	// not_found, forbidden.
	Permit(ctx context.Context, who Who, s Scope) (ended bool, err error)
	// Missing returns those ids that the space does not hold, in the order asked.
	Missing(ctx context.Context, space string, ids []Hash) ([]Hash, error)
	// Locate finds chunks of the packs that hold content of the object's versions;
	// ids that are not there are left out.
	Locate(ctx context.Context, space, object string, ids []Hash) ([]Location, error)
	// HasPack says whether the space's index has the pack.
	HasPack(ctx context.Context, space string, sum Hash) (bool, error)
	// PackOf says whether the pack holds content of the object's versions.
	PackOf(ctx context.Context, space, object string, sum Hash) (bool, error)
	// ManifestOf says whether the manifest is one of the object's versions.
	ManifestOf(ctx context.Context, space, object string, sum Hash) (bool, error)
	// AddPack indexes a pack whose bytes are stored and verified; again: nothing happens.
	// A chunk that is known already keeps its first place.
	AddPack(ctx context.Context, space string, p Pack) error
	// AddManifest notes a manifest whose bytes are stored and valid; again: nothing happens.
	AddManifest(ctx context.Context, space string, m Manifest) error
	// Manifest reads what AddManifest noted; refusal not_found.
	Manifest(ctx context.Context, space string, sum Hash) (Manifest, error)
	// Complete marks the manifest as complete when the space holds all of refs with
	// these lengths; refusal chunks_missing with their number.
	Complete(ctx context.Context, space string, sum Hash, refs []ChunkRef) error
	// Committed finds the answer of an operation that has its commit; found is false
	// when there is none.
	Committed(ctx context.Context, who Who, s Scope) (c Committed, found bool, err error)
	// Commit makes a version in one transaction, or returns the first answer when the
	// operation has one. It looks again at role, name, base, fence and manifest. Refusals: not_found,
	// forbidden, not_checked_out, checkout_lost, conflict, name_exists,
	// name_invalid, chunks_missing, invalid_argument (kinds differ).
	Commit(ctx context.Context, who Who, s Scope, c Commit) (Committed, error)
}
