package disk

import (
	"bytes"
	"errors"
	"io"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// syncFolder does nothing: rename writes names through, and a folder cannot be
// flushed without the right to write its attributes.
func syncFolder(string) error { return nil }

// How often, and after which pause, a name that is held is tried again.
const (
	holdTries = 40
	holdPause = 25 * time.Millisecond
)

// openFile opens a blob for reading. One that is being put in place is held for a
// moment.
func openFile(path string) (*os.File, error) {
	for n := 0; ; n++ {
		f, err := os.Open(path)
		if !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || n == holdTries {
			return f, err
		}
		time.Sleep(holdPause)
	}
}

// rename gives from the name to, in place of what bears it. A blob that is being read,
// or is being put by another, cannot be replaced here, and need not be when it holds
// the same bytes.
func rename(from, to string) error {
	f, err := windows.UTF16PtrFromString(from)
	if err != nil {
		return err
	}
	t, err := windows.UTF16PtrFromString(to)
	if err != nil {
		return err
	}
	for n := 0; ; n++ {
		err := windows.MoveFileEx(f, t, windows.MOVEFILE_REPLACE_EXISTING|windows.MOVEFILE_WRITE_THROUGH)
		if !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) {
			return err
		}
		if same(from, to) {
			return os.Remove(from)
		}
		if n == holdTries {
			return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
		}
		time.Sleep(holdPause)
	}
}

// same says that two files hold the same bytes. What cannot be read does not.
func same(a, b string) bool {
	x, err := os.Open(a)
	if err != nil {
		return false
	}
	defer x.Close()
	y, err := os.Open(b)
	if err != nil {
		return false
	}
	defer y.Close()
	left, right := make([]byte, 256<<10), make([]byte, 256<<10)
	for {
		n, err := io.ReadFull(x, left)
		m, other := io.ReadFull(y, right)
		if n != m || !bytes.Equal(left[:n], right[:m]) || !errors.Is(other, err) {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		}
	}
}

// full says whether err means that no space is left.
func full(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
