package files

import (
	"errors"
	"path/filepath"
	"syscall"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// systemPath cleans a path that an application named.
func systemPath(path string) (string, error) {
	if !filepath.IsAbs(path) {
		return "", refuse(api.InvalidArgument, "path %q is not absolute", path)
	}
	return filepath.Clean(path), nil
}

// canonical is the name under which the ledger knows a path: the folder with its
// links resolved, the last element as it is. So a workspace that lies behind a
// link is known by either name, and a link as last element stays visible as one.
func canonical(path string) (string, error) {
	dir, err := resolved(filepath.Dir(path))
	if err != nil {
		return "", local("find", path, err)
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

// resolved is a folder's path with every link in it followed.
func resolved(dir string) (string, error) { return filepath.EvalSymlinks(dir) }

// pathKey is the same for two spellings of one path; here a path has only one.
func pathKey(path string) string { return path }

// privateDir is where the ledger and the outbox lie.
func privateDir(home string) string { return filepath.Join(home, ".local", "share", "iscdesk") }

// inUse says that another program's open file is in the way, which it never is here.
func inUse(error) bool { return false }

// errHindered is the error of a rename that takes a tree from its place.
func errHindered(err error) error { return err }

// holders names who has a file open, where that hinders others.
func holders(string) string { return "" }

// longestPath is how many UTF-16 units a path may have for programs to open it; 0 is
// no bound that a user meets.
func longestPath() int { return 0 }

// systemCode knows the errors that only this system has.
func systemCode(err error) (api.Code, bool) {
	switch {
	case errors.Is(err, syscall.EROFS):
		return api.PathDenied, true
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return api.DiskFull, true
	case errors.Is(err, syscall.ENXIO): // a socket or pipe where a file is needed
		return api.PathNotRegular, true
	case errors.Is(err, syscall.ENAMETOOLONG):
		return api.NameInvalid, true
	}
	return api.Internal, false
}
