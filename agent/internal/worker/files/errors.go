package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func refuse(code api.Code, format string, args ...any) *api.Error {
	return &api.Error{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// local gives an error of the local file system its code. Errors that carry one
// already, or that are no error of the disk, are returned as they are.
func local(verb, path string, err error) error {
	if err == nil {
		return nil
	}
	var known *api.Error
	if errors.As(err, &known) || errors.Is(err, errChanged) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	code := api.Internal
	switch {
	case errors.Is(err, fs.ErrNotExist):
		code = api.PathNotFound
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		code = api.PathDenied
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		code = api.DiskFull
	case escapes(err), errors.Is(err, fs.ErrExist), // a link out of the folder; where a folder is to be made stands something else
		errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR), errors.Is(err, syscall.ENXIO):
		code = api.PathNotRegular
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, chunk.ErrName):
		code = api.NameInvalid
	case errors.Is(err, chunk.ErrTooLarge):
		code = api.TooLarge
	case errors.Is(err, chunk.ErrDamaged):
		code = api.ContentDamaged
	}
	return fmt.Errorf("%s %s: %w", verb, path, &api.Error{Code: code, Detail: fmt.Sprintf("%s %s: %v", verb, path, err)})
}

// escapes knows os.Root's refusal of a link that leads out of its folder, an error
// that package os keeps to itself and wraps once or twice.
func escapes(err error) bool {
	for ; err != nil; err = errors.Unwrap(err) {
		if err.Error() == "path escapes from parent" {
			return true
		}
	}
	return false
}

// checkPath cleans a path that the service passed on from an application.
func checkPath(path string) (string, error) {
	switch {
	case path == "" || len(path) > api.MaxPath || strings.ContainsRune(path, 0):
		return "", refuse(api.InvalidArgument, "a path of %d bytes, or with a NUL in it", len(path))
	case !filepath.IsAbs(path):
		return "", refuse(api.InvalidArgument, "path %q is not absolute", path)
	}
	return filepath.Clean(path), nil
}

// canonical is the name under which the ledger knows a path: the folder with its
// links resolved, the last element as it is. So a workspace that lies behind a
// link is known by either name, and a link as last element stays visible as one.
func canonical(path string) (string, error) {
	dir, err := filepath.EvalSymlinks(filepath.Dir(path))
	if err != nil {
		return "", local("find", path, err)
	}
	return filepath.Join(dir, filepath.Base(path)), nil
}

// notRegular says what a path is that should be something else.
func notRegular(path string, mode os.FileMode, want string) error {
	kind := "a special file"
	switch {
	case mode.IsRegular():
		kind = "a file"
	case mode.IsDir():
		kind = "a folder"
	case mode&os.ModeSymlink != 0:
		kind = "a link"
	case mode&os.ModeNamedPipe != 0:
		kind = "a pipe"
	case mode&os.ModeSocket != 0:
		kind = "a socket"
	case mode&os.ModeDevice != 0:
		kind = "a device"
	}
	return refuse(api.PathNotRegular, "%s is %s, not %s", path, kind, want)
}
