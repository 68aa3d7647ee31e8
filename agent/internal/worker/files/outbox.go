package files

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// journal is a save in the outbox: outbox/<key>/ holds pack-… (chunks), manifest
// and, written last, store.json (this). It is removed when the operation's end is
// durable with the service (Discard), never before.
type journal struct {
	Store    workerapi.Store `json:"store"` // Staged set, no token
	Local    string          `json:"local"` // canonical path
	Kind     string          `json:"kind"`
	Name     string          `json:"name"` // of the object
	Manifest chunk.ID        `json:"manifest"`
	Content  string          `json:"content"`
	Files    []fileState     `json:"files"`
	Whole    bool            `json:"whole"`          // the packs hold every chunk; else the chunks were sent before
	Copy     string          `json:"copy,omitempty"` // conflict copy in Local's folder, see Keep
}

// size is the sum of the snapshot's files in bytes.
func (j *journal) size() (total int64) {
	for _, f := range j.Files {
		total += f.ID.Size
	}
	return total
}

// target is the journal's tree, of which own are lock-named files of its version.
func (j *journal) target(at *held, own names) target {
	return target{at: at, base: filepath.Base(j.Local), kind: j.Kind, name: j.Name, own: own}
}

// take notes a snapshot in the journal and encodes its manifest.
func (j *journal) take(s shot) ([]byte, error) {
	b, id, err := s.manifest.Encode()
	if err != nil {
		return nil, local("describe", j.Local, err)
	}
	j.Manifest, j.Content, j.Files = id, s.content, s.files
	return b, nil
}

const (
	journalFile  = "store.json"
	manifestFile = "manifest"
	packPrefix   = "pack-"
	stagePack    = 8 << 20
	maxJournal   = 64 << 20
)

// checkKey lets a key be a folder's name.
func checkKey(key string) error {
	if len(key) < 16 || len(key) > 64 || strings.Trim(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") != "" {
		return refuse(api.InvalidArgument, "idempotency key of %d characters", len(key))
	}
	return nil
}

func (r *Room) outbox(key string) (string, error) {
	if err := checkKey(key); err != nil {
		return "", err
	}
	dir, err := r.private()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "outbox", key), nil
}

// readJournal returns a save of the outbox; ok is false when there is none.
func (r *Room) readJournal(key string) (j journal, ok bool, err error) {
	dir, err := r.outbox(key)
	if err != nil {
		return journal{}, false, err
	}
	path := filepath.Join(dir, journalFile)
	b, err := atomicfile.ReadFile(path, maxJournal)
	if errors.Is(err, fs.ErrNotExist) {
		return journal{}, false, nil
	}
	if err != nil {
		return journal{}, false, local("read", path, err)
	}
	if err := json.Unmarshal(b, &j); err != nil {
		return journal{}, false, refuse(api.StoreDamaged, "read %s: %v", path, err)
	}
	if j.Store.Key != key || !filepath.IsAbs(j.Local) || j.Kind != cloudapi.KindFile && j.Kind != cloudapi.KindAssembly || !plainCopy(j.Copy) {
		return journal{}, false, refuse(api.StoreDamaged, "read %s: not a save of this outbox", path)
	}
	j.Store.Staged, j.Store.Token = true, ""
	return j, true, nil
}

// writeJournal makes the save known; what it refers to is durable already.
func (r *Room) writeJournal(j journal) error {
	dir, err := r.outbox(j.Store.Key)
	if err != nil {
		return err
	}
	j.Store.Staged, j.Store.Token = true, ""
	b, err := json.Marshal(j)
	if err != nil {
		return local("write", dir, err)
	}
	return local("write", dir, atomicfile.WriteFile(filepath.Join(dir, journalFile), b, 0o600))
}

// newJournal makes the folder and writes manifest and journal.
func (r *Room) newJournal(j journal, manifest []byte) error {
	dir, err := r.outbox(j.Store.Key)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return local("make folder", dir, err)
	}
	if err := atomicfile.WriteFile(filepath.Join(dir, manifestFile), manifest, 0o600); err != nil {
		return local("write", dir, err)
	}
	return r.writeJournal(j)
}

// manifestOf reads and verifies a journal's manifest.
func (r *Room) manifestOf(j journal) ([]byte, chunk.Manifest, error) {
	dir, err := r.outbox(j.Store.Key)
	if err != nil {
		return nil, chunk.Manifest{}, err
	}
	path := filepath.Join(dir, manifestFile)
	b, err := atomicfile.ReadFile(path, chunk.MaxManifest)
	if err != nil {
		return nil, chunk.Manifest{}, local("read", path, err)
	}
	m, err := chunk.DecodeManifest(b)
	if err != nil || chunk.Sum(b) != j.Manifest {
		return nil, chunk.Manifest{}, refuse(api.StoreDamaged, "%s is not what was staged", path)
	}
	return b, m, nil
}

// removeJournal forgets a save. The journal goes first: a kill in between leaves
// a folder that is no save.
func (r *Room) removeJournal(key string) error {
	dir, err := r.outbox(key)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(dir, journalFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return local("remove", dir, err)
	}
	return local("remove", dir, os.RemoveAll(dir))
}

// staleStage is after how long a folder without a journal is taken for what a
// kill has left, not for a staging under way.
const staleStage = 24 * time.Hour

// journals lists the outbox in the order in which the saves began.
func (r *Room) journals() ([]journal, error) {
	dir, err := r.private()
	if err != nil {
		return nil, err
	}
	dir = filepath.Join(dir, "outbox")
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, local("read", dir, err)
	}
	var all []journal
	for _, d := range list {
		if checkKey(d.Name()) != nil {
			continue
		}
		j, ok, err := r.readJournal(d.Name())
		switch {
		case api.CodeOf(err) == api.StoreDamaged:
			// Kept where it is: its packs may still be of use to a person.
		case err != nil:
			return nil, err
		case ok:
			all = append(all, j)
		default:
			if st, err := d.Info(); err == nil && r.cfg.Clock.Now().Sub(st.ModTime()) > staleStage {
				_ = os.RemoveAll(filepath.Join(dir, d.Name())) // tried again next time
			}
		}
	}
	slices.SortFunc(all, func(a, b journal) int { return cmp.Compare(a.Store.Operation, b.Store.Operation) })
	return all, nil
}

// maker is the staged save that will make the object of a path: one as a new
// object that is younger than what the ledger knows of the path, written by
// operation known. So a save of the path can wait its turn behind it.
func (r *Room) maker(path string, known int64) (j journal, found bool, err error) {
	all, err := r.journals()
	for _, k := range all {
		if pathKey(k.Local) == pathKey(path) && k.Store.Object == "" && k.Store.After == "" && int64(k.Store.Operation) > known {
			j, found = k, true
		}
	}
	return j, found, err
}
