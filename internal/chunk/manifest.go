package chunk

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Kinds of a manifest.
const (
	KindFile     = "file"     // exactly one file, whose path is its name
	KindAssembly = "assembly" // a folder tree
)

// Bounds of a manifest.
const (
	MaxFiles    = 200_000
	MaxTotal    = 1 << 40  // plain bytes of all files
	MaxManifest = 64 << 20 // encoded bytes
	MaxPath     = 1024     // bytes of one path
	MaxDepth    = 64       // elements of one path
)

// Ref names one chunk of a file and its plain length. In JSON it is the string
// "<id in hex>:<length>".
type Ref struct {
	ID   ID
	Size int64
}

// MarshalJSON writes the short form.
func (r Ref) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 80)
	b = append(b, '"')
	b = append(b, r.ID.String()...)
	b = append(b, ':')
	b = strconv.AppendInt(b, r.Size, 10)
	return append(b, '"'), nil
}

// UnmarshalJSON reads the short form. It takes the place of UnmarshalText
// because it is also asked about null: the first element that is not a
// reference ends the decoding, so hostile input cannot grow a list cheaply.
func (r *Ref) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || b[len(b)-1] != '"' {
		return fmt.Errorf("read chunk reference: %w", ErrDamaged)
	}
	id, size, _ := strings.Cut(string(b[1:len(b)-1]), ":")
	var err error
	if r.ID, err = ParseID(id); err != nil {
		return err
	}
	if r.Size, err = strconv.ParseInt(size, 10, 64); err != nil || r.Size < 1 || r.Size > MaxSize {
		return fmt.Errorf("read chunk reference: %w: length %q", ErrDamaged, size)
	}
	return nil
}

// File is one file of a version. Path is relative, clean and uses slashes. Mode
// is 0644 or 0755. ModTime is kept in UTC. Chunks are in file order and their
// sizes add up to Size; an empty file has none.
type File struct {
	Path    string    `json:"path"`
	Size    int64     `json:"size"`
	Mode    uint32    `json:"mode"`
	ModTime time.Time `json:"modTime"`
	Chunks  []Ref     `json:"chunks"`
}

// Manifest is one version of an object.
type Manifest struct {
	Kind  string `json:"kind"`
	Files []File `json:"files"`
}

// Size is the number of plain bytes of all files.
func (m Manifest) Size() int64 {
	var total int64
	for _, f := range m.Files {
		total += f.Size
	}
	return total
}

// Refs are all chunks that the manifest names, each once, in order of first use.
func (m Manifest) Refs() []Ref {
	var refs []Ref
	seen := make(map[Ref]bool)
	for _, f := range m.Files {
		for _, r := range f.Chunks {
			if !seen[r] {
				seen[r] = true
				refs = append(refs, r)
			}
		}
	}
	return refs
}

// Encode validates the manifest and returns its canonical bytes and their id.
// Files are sorted by path and times put in UTC; m itself is not changed.
// Errors: ErrName, ErrTooLarge, ErrDamaged.
func (m Manifest) Encode() ([]byte, ID, error) {
	files := slices.Clone(m.Files)
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := range files {
		files[i].ModTime = files[i].ModTime.UTC()
		if files[i].Chunks == nil {
			files[i].Chunks = []Ref{}
		}
	}
	m.Files = files
	if err := m.validate(); err != nil {
		return nil, ID{}, fmt.Errorf("encode manifest: %w", err)
	}
	b, err := m.marshal()
	if err != nil {
		return nil, ID{}, fmt.Errorf("encode manifest: %w", err)
	}
	if len(b) > MaxManifest {
		return nil, ID{}, fmt.Errorf("encode manifest: %w: %d bytes", ErrTooLarge, len(b))
	}
	return b, Sum(b), nil
}

// marshal leaves <, > and & as they are, so that the canonical form has no
// escapes that another language would not write.
func (m Manifest) marshal() ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(m); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// DecodeManifest reads and validates what Encode writes, and refuses every
// other spelling of the same. b may come from anyone: counts are checked while
// reading. Errors: ErrName, ErrTooLarge, ErrDamaged.
func DecodeManifest(b []byte) (Manifest, error) {
	if len(b) > MaxManifest {
		return Manifest{}, fmt.Errorf("decode manifest: %w: %d bytes", ErrTooLarge, len(b))
	}
	m, err := decode(b)
	if err != nil {
		if !errors.Is(err, ErrName) && !errors.Is(err, ErrTooLarge) && !errors.Is(err, ErrDamaged) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return Manifest{}, fmt.Errorf("decode manifest: %w", err)
	}
	if err := m.validate(); err != nil {
		return Manifest{}, fmt.Errorf("decode manifest: %w", err)
	}
	again, err := m.marshal()
	if err != nil || !bytes.Equal(again, b) {
		return Manifest{}, fmt.Errorf("decode manifest: %w: not in canonical form", ErrDamaged)
	}
	return m, nil
}

// decode reads the members in their canonical order, file by file, so that the
// number of files is known before they are kept.
func decode(b []byte) (Manifest, error) {
	dec := json.NewDecoder(bytes.NewReader(b))
	var m Manifest
	want := func(tokens ...json.Token) error {
		for _, w := range tokens {
			got, err := dec.Token()
			if err != nil {
				return err
			}
			if got != w {
				return fmt.Errorf("%v instead of %v", got, w)
			}
		}
		return nil
	}
	if err := want(json.Delim('{'), "kind"); err != nil {
		return m, err
	}
	if err := dec.Decode(&m.Kind); err != nil {
		return m, err
	}
	if err := want("files", json.Delim('[')); err != nil {
		return m, err
	}
	for dec.More() {
		if len(m.Files) >= MaxFiles {
			return m, fmt.Errorf("%w: more than %d files", ErrTooLarge, MaxFiles)
		}
		var f File
		if err := dec.Decode(&f); err != nil {
			return m, err
		}
		if f.ModTime.Location() != time.UTC || f.Chunks == nil {
			return m, errors.New("not in canonical form")
		}
		m.Files = append(m.Files, f)
	}
	if err := want(json.Delim(']'), json.Delim('}')); err != nil {
		return m, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return m, errors.New("bytes after its end")
	}
	return m, nil
}
