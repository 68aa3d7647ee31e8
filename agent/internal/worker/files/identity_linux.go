package files

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// timesAreLate: a write stamps the file before it returns. One through a shared map of
// a page that is dirty already does not; no program is known to save so.
const timesAreLate = false

// identify reads what tells one state of a file from another without reading it.
func identify(st os.FileInfo) identity {
	id := identity{Size: st.Size(), MTime: st.ModTime().UnixNano()}
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		id.Dev, id.Ino = uint64(s.Dev), s.Ino
		id.CTime = s.Ctim.Nano()
	}
	return id
}

// statOpen looks at an open file or folder.
func statOpen(f *os.File) (os.FileInfo, error) { return f.Stat() }

// statIn looks at a path in a root, at a link itself.
func statIn(root *os.Root, rel string) (os.FileInfo, error) {
	return root.Lstat(filepath.FromSlash(rel))
}

// statEntry is statIn for what a listing of its folder has just shown.
func statEntry(_ *os.Root, _ string, d fs.DirEntry) (os.FileInfo, error) { return d.Info() }
