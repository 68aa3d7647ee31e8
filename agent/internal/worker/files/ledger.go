package files

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// identity is what the file system says of one state of a file. Two equal ones
// are the same bytes; two different ones may still be.
type identity struct {
	Dev   uint64 `json:"d,omitempty"`
	Ino   uint64 `json:"i,omitempty"`
	Size  int64  `json:"s"`
	MTime int64  `json:"m"` // ns
	CTime int64  `json:"c,omitempty"`
}

// fileState is a file of an entry and how it looked when it was the base.
type fileState struct {
	Path string   `json:"p"` // relative to the entry's path, with slashes; "" for a single file
	ID   identity `json:"id"`
}

// entry is what the ledger knows of one local path: the object it holds, the
// version it began from (the base), and how the base's files looked on disk.
type entry struct {
	Path      string      `json:"path"` // canonical
	Gone      bool        `json:"gone,omitempty"`
	Object    string      `json:"object,omitempty"`
	Space     string      `json:"space,omitempty"`
	SpaceName string      `json:"spaceName,omitempty"`
	Kind      string      `json:"kind,omitempty"`
	Name      string      `json:"name,omitempty"` // of the object in the cloud
	Account   string      `json:"account,omitempty"`
	Version   int64       `json:"version,omitempty"`
	Manifest  string      `json:"manifest,omitempty"`
	Content   string      `json:"content,omitempty"` // digest of names and chunks, see digest
	Fence     int64       `json:"fence,omitempty"`   // 0: opened read-only
	Until     time.Time   `json:"until,omitzero"`
	Files     []fileState `json:"files,omitempty"`
	Aside     *aside      `json:"aside,omitempty"`
	Op        int64       `json:"op,omitempty"`     // operation that wrote this; they count up
	Copy      string      `json:"copy,omitempty"`   // conflict copy that operation CopyOp made, told again
	CopyOp    int64       `json:"copyOp,omitempty"` // when its answer was lost
}

// aside is a switch of trees under way, so that a kill in its middle can be put
// right. Names are in the folder that holds the entry's path: the temporary one of
// the new tree, and the one that the old tree gets. Dev and Ino are the old tree's.
type aside struct {
	Temp     string `json:"temp"`
	Name     string `json:"name"`
	Dev      uint64 `json:"d"`
	Ino      uint64 `json:"i"`
	Conflict bool   `json:"conflict,omitempty"` // the old tree holds work that no version holds
	Op       int64  `json:"op"`
}

// maxLedgerFiles bounds the states of one entry; a tree has at most as many files.
const maxLedgerFiles = chunk.MaxFiles

// parseEntry reads one record. The ledger is the user's own file, so a record
// that makes no sense is no reason to stop: it is as if the path were unknown,
// and unknown files are never replaced.
func parseEntry(b []byte) (entry, bool) {
	var e entry
	if json.Unmarshal(b, &e) != nil {
		return entry{}, false
	}
	if !filepath.IsAbs(e.Path) || filepath.Clean(e.Path) != e.Path || strings.ContainsRune(e.Path, 0) {
		return entry{}, false
	}
	if e.Gone {
		return entry{Path: e.Path, Gone: true}, true
	}
	if e.Object == "" || e.Space == "" || e.Version < 1 || e.Fence < 0 || len(e.Files) > maxLedgerFiles {
		return entry{}, false
	}
	if e.Kind != cloudapi.KindFile && e.Kind != cloudapi.KindAssembly {
		return entry{}, false
	}
	for _, f := range e.Files {
		if (f.Path == "") != (e.Kind == cloudapi.KindFile) || f.Path != "" && !filepath.IsLocal(filepath.FromSlash(f.Path)) {
			return entry{}, false
		}
	}
	if a := e.Aside; a != nil && (!plainName(a.Temp) || !filepath.IsLocal(a.Name) || strings.Count(filepath.ToSlash(a.Name), "/") > 1) {
		return entry{}, false
	}
	return e, true
}

// plainName is one path element below the folder that it is used in.
func plainName(name string) bool {
	return name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00") && filepath.Base(name) == name
}

// ledger is the log while the room holds its lock.
type ledger struct {
	log    *atomicfile.Log
	byPath map[string]entry // by pathKey
	live   int64            // bytes of the records that still count
	all    int64
	sizes  map[string]int64
}

// withLedger runs fn while no other request or worker of this user uses the
// ledger. It is read anew each time: it is small, and so another worker of the
// same user (with other groups) needs no word from us.
func (r *Room) withLedger(fn func(l *ledger) error) error {
	dir, err := r.private()
	if err != nil {
		return err
	}
	unlock, err := r.lock(dir, ledgerLock, true)
	if err != nil {
		return err
	}
	defer unlock()
	path := filepath.Join(dir, "ledger.log")
	log, records, err := atomicfile.OpenLog(path, 0o600)
	if err != nil && !errors.Is(err, atomicfile.ErrDamaged) {
		return local("open", path, err)
	}
	// A damaged ledger was set aside by the log itself. What it no longer knows is
	// an unknown file from now on: never replaced, saved under a new name only.
	defer log.Close()
	l := &ledger{log: log, byPath: make(map[string]entry), sizes: make(map[string]int64)}
	for _, b := range records {
		if e, ok := parseEntry(b); ok {
			l.note(e, int64(len(b)))
		}
	}
	if err := fn(l); err != nil {
		return err
	}
	return l.compact()
}

func (l *ledger) note(e entry, size int64) {
	l.all += size
	key := pathKey(e.Path)
	l.live += size - l.sizes[key]
	l.byPath[key], l.sizes[key] = e, size
	if e.Gone {
		delete(l.byPath, key)
		delete(l.sizes, key)
		l.live -= size
	}
}

// put records e as what is known of its path; durable when it returns.
func (l *ledger) put(e entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return local("record", e.Path, err)
	}
	if err := l.log.Append(b); err != nil {
		return local("record", e.Path, err)
	}
	l.note(e, int64(len(b)))
	return nil
}

// drop forgets a path.
func (l *ledger) drop(path string) error { return l.put(entry{Path: path, Gone: true}) }

// of lists the entries of an object, by path.
func (l *ledger) of(object string) []entry {
	var found []entry
	for _, e := range l.byPath {
		if e.Object == object {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return strings.Compare(a.Path, b.Path) })
	return found
}

// slack is how much of the log may be history before it is written anew.
const slack = 1 << 20

func (l *ledger) compact() error {
	if l.all <= 2*l.live+slack {
		return nil
	}
	var records [][]byte
	for _, e := range l.byPath {
		b, err := json.Marshal(e)
		if err != nil {
			return local("record", e.Path, err)
		}
		records = append(records, b)
	}
	return local("compact", "ledger", l.log.Rewrite(records))
}

// lookup returns what is known of a canonical path.
func (r *Room) lookup(path string) (e entry, ok bool, err error) {
	err = r.withLedger(func(l *ledger) error {
		e, ok = l.byPath[pathKey(path)]
		return nil
	})
	return e, ok, err
}
