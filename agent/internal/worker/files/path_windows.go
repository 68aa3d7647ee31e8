package files

import (
	"path/filepath"
	"strings"
	"syscall"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// maxElement is the length of a name in UTF-16 units, on every file system of Windows.
const maxElement = 255

// systemPath makes of a path as an application spells it the one that Windows would
// open: slashes, dots and blanks at an element's end, "..". Refused is what depends
// on the worker's own folder (C:part.dxf), what is no file system's (\\.\), streams
// of a file, and names that Windows keeps for devices.
func systemPath(path string) (string, error) {
	if !utf8.ValidString(path) {
		return "", refuse(api.NameInvalid, "path %q is not UTF-8", path)
	}
	given := path
	if rest, ok := strings.CutPrefix(path, `\\?\`); ok {
		path = short(path)
		// Such a path is taken as it is; ours would not be. So only one that means the same.
		if full, err := syscall.FullPath(path); path == `\\?\`+rest || err != nil || full != path {
			return "", refuse(api.NameInvalid, "path %q is not one that every program could name: %q", given, full)
		}
	}
	if !filepath.IsAbs(path) {
		return "", refuse(api.InvalidArgument, "path %q is not absolute", given)
	}
	full, err := syscall.FullPath(path)
	if err != nil {
		return "", local("read", given, err)
	}
	if strings.HasPrefix(full, `\\.\`) || strings.HasPrefix(full, `\\?\`) || strings.HasPrefix(full, `\??\`) {
		return "", refuse(api.NameInvalid, "path %q is a device, not a file of a drive or a server", given)
	}
	volume := filepath.VolumeName(full)
	if share := strings.ToLower(volume[strings.LastIndexByte(volume, '\\')+1:]); share == "pipe" || share == "mailslot" {
		return "", refuse(api.NameInvalid, "path %q is a pipe, not a file", given)
	}
	for element := range strings.SplitSeq(full, `\`) {
		if len(utf16.Encode([]rune(element))) > maxElement {
			return "", refuse(api.NameInvalid, "path %q has an element of more than %d letters", given, maxElement)
		}
	}
	if strings.ContainsRune(full[len(volume):], ':') {
		return "", refuse(api.NameInvalid, "path %q is a stream inside of a file", given)
	}
	return filepath.Clean(full), nil
}

// canonical is the name under which the ledger knows a path: the folder with its
// links, short names and substituted drives resolved and its letters as they are
// stored; so is the last element, of which a link stays one.
func canonical(path string) (string, error) {
	if filepath.Dir(path) == path {
		return "", refuse(api.PathNotRegular, "%s is a drive, not a file or folder", path)
	}
	h, err := openPath(filepath.Dir(path), windows.FILE_READ_ATTRIBUTES, shareAll, 0)
	if err != nil {
		return "", local("find", path, err)
	}
	defer windows.CloseHandle(h)
	if st, err := statHandle(h); err == nil && !st.IsDir() {
		return "", notRegular(filepath.Dir(path), st.mode, "a folder")
	}
	dir, err := finalPath(h, filepath.Dir(path))
	if err != nil {
		return "", local("find", path, err)
	}
	name := filepath.Base(path)
	last, err := ntOpen(h, name, openArgs{windows.FILE_READ_ATTRIBUTES, shareAll, windows.FILE_OPEN_REPARSE_POINT})
	if err == nil { // what is not there has the name that it was given
		defer windows.CloseHandle(last)
		stored, err := finalPath(last, path)
		if err == nil && strings.EqualFold(filepath.Dir(stored), dir) {
			name = filepath.Base(stored)
		}
	}
	return filepath.Join(dir, name), nil
}

// resolved is a folder's path with every link in it followed.
func resolved(dir string) (string, error) {
	h, err := openPath(dir, windows.FILE_READ_ATTRIBUTES, shareAll, 0)
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(h)
	return finalPath(h, dir)
}

// pathKey is the same for two spellings of one path: Windows looks for names without
// the case of letters, by a table of its own.
func pathKey(path string) string {
	var b strings.Builder
	b.Grow(len(path))
	for _, c := range path {
		switch {
		case c < utf8.RuneSelf:
			if 'a' <= c && c <= 'z' {
				c -= 'a' - 'A'
			}
		case c < 0x10000:
			up, _, _ := upcase.Call(uintptr(c))
			c = rune(uint16(up))
		}
		b.WriteRune(c)
	}
	return b.String()
}

var upcase = windows.NewLazySystemDLL("ntdll.dll").NewProc("RtlUpcaseUnicodeChar")

// privateDir is where the ledger and the outbox lie: in the part of the profile that
// does not roam, beside an agent of the user's own.
func privateDir(home string) string {
	return filepath.Join(home, "AppData", "Local", "ISCDesk", "files")
}
