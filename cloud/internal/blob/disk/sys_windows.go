package disk

import (
	"errors"

	"golang.org/x/sys/windows"
)

// syncFolder does nothing: NTFS journals names, and a folder cannot be flushed
// without the right to write its attributes.
func syncFolder(string) error { return nil }

// full says whether err means that no space is left.
func full(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
