package files

import (
	"crypto/sha256"
	"encoding/binary"
	"io/fs"
	"os"
	"path/filepath"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// stat is what an open handle says of a file. A folder's listing is not asked: it
// shows sizes and times of files that a program has open as they once were.
type stat struct {
	name string
	mode os.FileMode
	id   identity
}

func (s *stat) Name() string       { return s.name }
func (s *stat) Size() int64        { return s.id.Size }
func (s *stat) Mode() os.FileMode  { return s.mode }
func (s *stat) ModTime() time.Time { return time.Unix(0, s.id.MTime) }
func (s *stat) IsDir() bool        { return s.mode.IsDir() }
func (s *stat) Sys() any           { return s.id }

// timesAreLate: the times of a file are sure to be right only when the handle that
// changed it has been closed (Windows' documentation, "File Times").
const timesAreLate = true

// identify reads what tells one state of a file from another without reading it.
// What package os says of a file has no identity; it equals no other then.
func identify(st os.FileInfo) identity {
	if id, ok := st.Sys().(identity); ok {
		return id
	}
	return identity{Size: st.Size(), MTime: st.ModTime().UnixNano()}
}

// basicInfo, standardInfo, tagInfo and idInfo are FILE_BASIC_INFO,
// FILE_STANDARD_INFO, FILE_ATTRIBUTE_TAG_INFO and FILE_ID_INFO of the Windows SDK;
// times in 100 ns since 1601.
type (
	basicInfo struct {
		_, _             int64 // created, last read
		written, changed int64
		attributes       uint32
		_                uint32
	}
	standardInfo struct {
		_, size int64
		_       uint32 // links
		_       [4]byte
	}
	tagInfo struct{ _, tag uint32 }
	idInfo  struct {
		volume uint64
		file   [16]byte
	}
)

// statOpen looks at an open file or folder, at a link itself when it was opened so.
func statOpen(f *os.File) (os.FileInfo, error) {
	s, err := statHandle(handle(f))
	if err != nil {
		return nil, &os.PathError{Op: "look at", Path: f.Name(), Err: err}
	}
	s.name = filepath.Base(f.Name())
	return s, nil
}

func statHandle(h windows.Handle) (*stat, error) {
	if kind, err := windows.GetFileType(h); err != nil || kind != windows.FILE_TYPE_DISK {
		return &stat{mode: os.ModeDevice}, err // a pipe or a console, whose attributes say nothing
	}
	var basic basicInfo
	var standard standardInfo
	if err := ask(h, windows.FileBasicInfo, &basic); err != nil {
		return nil, err
	}
	if err := ask(h, windows.FileStandardInfo, &standard); err != nil {
		return nil, err
	}
	var tag tagInfo
	if basic.attributes&windows.FILE_ATTRIBUTE_REPARSE_POINT != 0 {
		if err := ask(h, windows.FileAttributeTagInfo, &tag); err != nil {
			return nil, err
		}
	}
	dev, ino, err := number(h)
	if err != nil {
		return nil, err
	}
	id := identity{Dev: dev, Ino: ino, Size: standard.size, MTime: unixNano(basic.written)}
	if basic.changed != 0 { // FAT keeps none
		id.CTime = unixNano(basic.changed)
	}
	return &stat{mode: modeOf(basic.attributes, tag.tag), id: id}, nil
}

func ask[T any](h windows.Handle, class uint32, into *T) error {
	return windows.GetFileInformationByHandleEx(h, class, (*byte)(unsafe.Pointer(into)), uint32(unsafe.Sizeof(*into)))
}

// number is the volume's and the file's own number. File systems of today number
// in 128 bits, of which NTFS uses 64; FAT and old servers know only the older call.
func number(h windows.Handle) (dev, ino uint64, err error) {
	var id idInfo
	if ask(h, windows.FileIdInfo, &id) == nil {
		ino = binary.LittleEndian.Uint64(id.file[:8])
		if binary.LittleEndian.Uint64(id.file[8:]) != 0 {
			sum := sha256.Sum256(id.file[:])
			ino = binary.LittleEndian.Uint64(sum[:])
		}
		return id.volume, ino, nil
	}
	var old windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &old); err != nil {
		return 0, 0, err
	}
	return uint64(old.VolumeSerialNumber), uint64(old.FileIndexHigh)<<32 | uint64(old.FileIndexLow), nil
}

func unixNano(t int64) int64 {
	const since1601 = 116444736000000000
	return (t - since1601) * 100
}

// surrogate marks the tags that lead elsewhere: symbolic links, junctions, folders
// in which a volume is mounted, links of Linux programs.
const surrogate = 0x20000000

// modeOf is a file's mode. Files that a cloud client keeps, or that are stored
// compressed or deduplicated, are files like any other. Windows has no bit for
// programs.
func modeOf(attributes, tag uint32) os.FileMode {
	var mode os.FileMode
	switch {
	case tag&surrogate != 0:
		return os.ModeSymlink | 0o600
	case tag == 0x80000023: // IO_REPARSE_TAG_AF_UNIX
		mode = os.ModeSocket
	case tag == 0x80000024: // IO_REPARSE_TAG_LX_FIFO
		mode = os.ModeNamedPipe
	case tag == 0x80000025, tag == 0x80000026: // IO_REPARSE_TAG_LX_CHR, LX_BLK
		mode = os.ModeDevice
	case tag == 0x8000001b: // IO_REPARSE_TAG_APPEXECLINK: an alias of a program
		mode = os.ModeIrregular
	}
	if attributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0 {
		return mode | os.ModeDir | 0o700
	}
	return mode | 0o600
}

// onlyLook opens for attributes alone, at a link itself: so also a file that
// another program lets nobody read is seen.
const onlyLook = os.O_WRONLY | os.O_RDWR | windows.FILE_FLAG_OPEN_REPARSE_POINT

// statIn looks at a path in a root, at a link itself.
func statIn(root *os.Root, rel string) (os.FileInfo, error) {
	f, err := root.OpenFile(filepath.FromSlash(rel), onlyLook, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return statOpen(f)
}

// statEntry is statIn for what a listing of its folder has just shown.
func statEntry(root *os.Root, rel string, _ fs.DirEntry) (os.FileInfo, error) {
	return statIn(root, rel)
}
