package e2e

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
)

// What the kill loop saves, drawn from its seed: documents, their contents, and
// how a content lies in a folder. Driver and checker both make the bytes of a
// content from its description, so neither believes the other.

// Kinds of save.
const (
	saveFile       = "file"       // a single file, again
	saveAssembly   = "assembly"   // a folder with parts changed, added and taken away
	saveAsFile     = "new file"   // into a new object
	saveAsAssembly = "new folder" // the same, of an assembly
	saveReopened   = "reopened"   // given back, opened with check-out, changed, saved
	saveAway       = "cloud away" // the cloud is down: queued, sent later
	saveAsAway     = "new, away"  // the same as a new object, and its next version behind it
	largestPart    = 6 << 20      // bytes of a single file: a dozen chunks
	largestInTree  = 3 << 20      // bytes of one part of an assembly
	mainExt        = ".dxf"       // of an assembly's main file
)

var saveKinds = []string{saveFile, saveAssembly, saveAsFile, saveAsAssembly, saveReopened, saveAway, saveAsAway}

// part is a file of a content: mark, then bytes that seed makes. Two parts that
// differ in the mark alone share all their chunks but the first.
type part struct {
	Name string `json:"name"`
	Size int    `json:"size"` // at least 1
	Mark byte   `json:"mark"`
	Seed uint64 `json:"seed"`
}

func (p part) bytes() []byte {
	var seed [32]byte
	for i := range 8 {
		seed[i] = byte(p.Seed >> (8 * i))
	}
	b := make([]byte, p.Size)
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	b[0] = p.Mark
	return b
}

// content is all files of one state of a document.
type content []part

// digest names a tree: each path with the checksum of its bytes.
func digest(files map[string][]byte) string {
	h := sha256.New()
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(h, "%q %x\n", path, sha256.Sum256(files[path]))
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}

func (c content) size() (n int64) {
	for _, p := range c {
		n += int64(p.Size)
	}
	return n
}

func (c content) digest() string {
	files := make(map[string][]byte, len(c))
	for _, p := range c {
		files[p.Name] = p.bytes()
	}
	return digest(files)
}

// lay writes the content as an application does that saves its document: over what
// is there, with files of parts that are no more taken away.
func (c content) lay(path string, assembly bool) error {
	if !assembly {
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, c[0].bytes(), 0o644))
	}
	keep := make(map[string]bool)
	for _, p := range c {
		keep[p.Name] = true
		at := filepath.Join(path, p.Name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, p.bytes(), 0o644)); err != nil {
			return err
		}
	}
	there, err := readTree(path, true)
	for name := range there {
		if !keep[name] {
			err = errors.Join(err, os.Remove(filepath.Join(path, name)))
		}
	}
	return err
}

// readTree reads what lies at path: slash path to bytes; a single file under its name.
func readTree(path string, assembly bool) (map[string][]byte, error) {
	files := make(map[string][]byte)
	if !assembly {
		b, err := os.ReadFile(path)
		files[filepath.Base(path)] = b
		return files, err
	}
	err := fs.WalkDir(os.DirFS(path), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files[name], err = os.ReadFile(filepath.Join(path, name))
		return err
	})
	return files, err
}

// document is a file or an assembly that the loop saves again and again, or once.
// Its name is its object's.
type document struct {
	name     string
	assembly bool
	path     string // where it lies now
	object   string // id, once it was told
	state    content
	marks    byte     // of the newest state; 256 states at most, so all differ
	checked  *attempt // whose bytes were found at path
	torn     bool     // the application is writing it, or died over that
}

// next draws the state that follows: for an assembly with its main file and some
// parts changed, one added and one taken away.
func (d *document) next(r *rand.Rand) content {
	d.marks++
	if !d.assembly {
		d.state = content{{Name: d.name, Size: size(r, largestPart), Mark: d.marks, Seed: r.Uint64()}}
		return d.state
	}
	fresh := func() part {
		folder := []string{"", "parts/", "parts/bolts/"}[r.IntN(3)]
		return part{Name: fmt.Sprintf("%sp%03d.stl", folder, d.marks), Size: size(r, largestInTree), Mark: d.marks, Seed: r.Uint64()}
	}
	if len(d.state) == 0 {
		d.state = content{{Name: d.name + mainExt, Size: size(r, 64<<10), Seed: r.Uint64()}}
		for i := range 3 + r.IntN(3) {
			p := fresh()
			p.Name += fmt.Sprint(".", i)
			d.state = append(d.state, p)
		}
	}
	state := slices.Clone(d.state)
	if len(state) > 3 {
		i := 1 + r.IntN(len(state)-1)
		state = slices.Delete(state, i, i+1)
	}
	for i := range state {
		if i == 0 || r.IntN(3) == 0 { // the main file always: it refers to the parts
			state[i].Mark = d.marks
		}
	}
	d.state = append(state, fresh())
	return d.state
}

// size is spread evenly over orders of magnitude, from one byte.
func size(r *rand.Rand, largest int) int {
	return max(1, int(math.Exp(r.Float64()*math.Log(float64(largest)))))
}

// median of samples, for how long a save of a kind takes.
func median[T cmp.Ordered](samples []T) T {
	s := slices.Sorted(slices.Values(samples))
	return s[len(s)/2]
}
