//go:build !linux

package files

import (
	"errors"
	"os"

	"github.com/iscdesk/iscdesk/sdk/api"
)

const openFlags = os.O_RDONLY

func lockRange(*os.File, int64, bool) error { return errors.ErrUnsupported }

func exchange(*os.File, string, string) error { return errors.ErrUnsupported }

func freeBytes(*os.File) (int64, error) { return 0, errors.ErrUnsupported }

// supported refuses at the room's door: everything below may rely on Linux.
func supported() error {
	return &api.Error{Code: api.NotSupported, Detail: "workspaces are kept on Linux only in this version"}
}

func renameNew(*os.File, string, string) error { return errors.ErrUnsupported }
