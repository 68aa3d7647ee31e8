package files

import (
	"os"
	"syscall"
)

// identify reads what tells one state of a file from another without reading it.
func identify(st os.FileInfo) identity {
	id := identity{Size: st.Size(), MTime: st.ModTime().UnixNano()}
	if s, ok := st.Sys().(*syscall.Stat_t); ok {
		id.Dev, id.Ino = uint64(s.Dev), s.Ino
		id.CTime = s.Ctim.Nano()
	}
	return id
}
