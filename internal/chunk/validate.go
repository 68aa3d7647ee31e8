package chunk

import (
	"fmt"
	"strings"
)

// validate checks everything that a reader of the manifest relies on. Files are
// already sorted by path when Encode calls it; a decoded manifest must be.
func (m Manifest) validate() error {
	switch {
	case m.Kind != KindFile && m.Kind != KindAssembly:
		return fmt.Errorf("%w: kind %q", ErrDamaged, m.Kind)
	case m.Kind == KindFile && len(m.Files) != 1:
		return fmt.Errorf("%w: %d files in a single-file version", ErrDamaged, len(m.Files))
	case len(m.Files) == 0:
		return fmt.Errorf("%w: no files", ErrDamaged)
	case len(m.Files) > MaxFiles:
		return fmt.Errorf("%w: %d files, at most %d", ErrTooLarge, len(m.Files), MaxFiles)
	}
	tree := newTree()
	var total int64
	for i := range m.Files {
		f := &m.Files[i]
		if i > 0 && f.Path <= m.Files[i-1].Path {
			return fmt.Errorf("%w: path %q twice or out of order", ErrName, f.Path)
		}
		if m.Kind == KindFile && strings.Contains(f.Path, "/") {
			return fmt.Errorf("%w: a single file in a folder: %q", ErrName, f.Path)
		}
		if err := tree.add(f.Path); err != nil {
			return err
		}
		if err := f.validate(); err != nil {
			return fmt.Errorf("file %q: %w", f.Path, err)
		}
		if total += f.Size; total > MaxTotal {
			return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, int64(MaxTotal))
		}
	}
	return nil
}

func (f *File) validate() error {
	if f.Mode != 0o644 && f.Mode != 0o755 {
		return fmt.Errorf("%w: mode %o", ErrDamaged, f.Mode)
	}
	if y := f.ModTime.Year(); y < 1 || y > 9999 {
		return fmt.Errorf("%w: year %d", ErrDamaged, y)
	}
	if f.Size < 0 || f.Size > MaxTotal {
		return fmt.Errorf("%w: %d bytes", ErrTooLarge, f.Size)
	}
	var sum int64
	for _, c := range f.Chunks {
		if c.Size < 1 || c.Size > MaxSize {
			return fmt.Errorf("%w: chunk of %d bytes", ErrTooLarge, c.Size)
		}
		if sum += c.Size; sum > f.Size {
			break
		}
	}
	if sum != f.Size {
		return fmt.Errorf("%w: chunks do not add up to %d bytes", ErrDamaged, f.Size)
	}
	return nil
}

// tree remembers which folded paths are files and how folders are spelled.
// "Part/a" beside "part/b" is one folder on Windows and two on Linux: refused,
// because a save from the other system would change the tree.
type tree struct {
	files map[string]bool
	dirs  map[string]string
}

func newTree() *tree { return &tree{files: make(map[string]bool), dirs: make(map[string]string)} }

func (t *tree) add(path string) error {
	if len(path) > MaxPath {
		return fmt.Errorf("%w: path of %d bytes, at most %d", ErrName, len(path), MaxPath)
	}
	depth := 0
	for element := range strings.SplitSeq(path, "/") {
		if depth++; depth > MaxDepth {
			return fmt.Errorf("%w: path of more than %d levels", ErrName, MaxDepth)
		}
		if err := CheckName(element); err != nil {
			return fmt.Errorf("path %q: %w", path, err)
		}
	}
	// Folded once: the parents are parts of the same string and cost no memory.
	folded := Fold(path)
	for i, j := 0, 0; ; i, j = i+1, j+1 {
		di, dj := strings.IndexByte(path[i:], '/'), strings.IndexByte(folded[j:], '/')
		if di < 0 || dj < 0 {
			break
		}
		i, j = i+di, j+dj
		dir, key := path[:i], folded[:j]
		if t.files[key] {
			return fmt.Errorf("%w: %q is a file and a folder", ErrName, dir)
		}
		if old, ok := t.dirs[key]; ok && old != dir {
			return fmt.Errorf("%w: folder %q is also spelled %q", ErrName, dir, old)
		}
		t.dirs[key] = dir
	}
	if _, ok := t.dirs[folded]; ok {
		return fmt.Errorf("%w: %q is a file and a folder", ErrName, path)
	}
	if t.files[folded] {
		return fmt.Errorf("%w: %q twice, but for its case", ErrName, path)
	}
	t.files[folded] = true
	return nil
}
