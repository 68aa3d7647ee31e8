package files

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
	code, found := systemCode(err)
	switch {
	case found:
	case errors.Is(err, fs.ErrNotExist):
		code = api.PathNotFound
	case errors.Is(err, fs.ErrPermission):
		code = api.PathDenied
	case escapes(err), errors.Is(err, fs.ErrExist), // a link out of the folder; where a folder is to be made stands something else
		errors.Is(err, syscall.ELOOP), errors.Is(err, syscall.ENOTDIR), errors.Is(err, syscall.EISDIR):
		code = api.PathNotRegular
	case errors.Is(err, chunk.ErrName):
		code = api.NameInvalid
	case errors.Is(err, chunk.ErrTooLarge):
		code = api.TooLarge
	case errors.Is(err, chunk.ErrDamaged):
		code = api.ContentDamaged
	}
	detail := fmt.Sprintf("%s %s: %v", verb, path, err)
	if code == api.PathInUse {
		if who := holders(path); who != "" {
			detail = fmt.Sprintf("%s %s: it is open in %s: %v", verb, path, who, err)
		} else {
			detail = fmt.Sprintf("%s %s: it is open in another program: %v", verb, path, err)
		}
	}
	return fmt.Errorf("%s %s: %w", verb, path, &api.Error{Code: code, Detail: detail})
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
	}
	return systemPath(path)
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
