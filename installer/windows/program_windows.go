package installer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/acl"
)

// CheckProgram refuses a program that somebody besides administrators could replace: as
// a service it would be run as the system at every boot. Every folder above it counts. It
// answers the program's path without links, which is what is to be registered.
func CheckProgram(path string) (string, error) {
	path, err := final(path)
	if err != nil {
		return "", fmt.Errorf("find the program: %w", err)
	}
	if err := checkPlace(path); err != nil {
		return "", err
	}
	trusted, err := acl.Machine()
	if err != nil {
		return "", err
	}
	// What lies beside a program can be a library that it loads: its folder counts whole.
	for at, rights := path, windows.ACCESS_MASK(acl.Change); ; {
		who, err := changers(at, rights, trusted)
		if err != nil {
			return "", fmt.Errorf("look at the program: %w", err)
		}
		if who != "" {
			return "", fmt.Errorf(`%s can be changed by %s: copy the program to a folder below %%ProgramFiles%% first, such as C:\Program Files\ISCDesk`, at, who)
		}
		above := filepath.Dir(at)
		if above == at {
			return path, nil
		}
		if at != path {
			rights = acl.Replace
		}
		at = above
	}
}

func changers(path string, rights windows.ACCESS_MASK, trusted []*windows.SID) (string, error) {
	h, _, err := acl.Open(path, windows.READ_CONTROL)
	if err != nil {
		return "", err
	}
	defer windows.CloseHandle(h)
	return acl.Others(h, rights, trusted)
}

// checkPlace takes a disk of this machine only: a service is started before anybody has
// connected a network drive, and a stick is gone one day.
func checkPlace(path string) error {
	volume := filepath.VolumeName(path)
	if len(volume) != 2 || volume[1] != ':' {
		return fmt.Errorf("%s lies on another machine or on no drive: copy the program to this machine first", path)
	}
	root, err := windows.UTF16PtrFromString(volume + `\`)
	if err != nil {
		return err
	}
	if kind := windows.GetDriveType(root); kind != windows.DRIVE_FIXED {
		return fmt.Errorf("%s lies on a drive that can be taken away: copy the program to this machine's own disk first", path)
	}
	return nil
}

// final is where path leads, without links and junctions.
func final(path string) (string, error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return "", err
	}
	h, err := windows.CreateFile(name, windows.FILE_READ_ATTRIBUTES, windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE,
		nil, windows.OPEN_EXISTING, windows.FILE_ATTRIBUTE_NORMAL, 0)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", path, err)
	}
	defer windows.CloseHandle(h)
	text := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(h, &text[0], uint32(len(text)), 0)
	if err == nil && int(n) >= len(text) {
		err = errors.New("its path is too long")
	}
	if err != nil {
		return "", fmt.Errorf("resolve %s: %w", path, err)
	}
	long := windows.UTF16ToString(text[:n])
	if rest, ok := strings.CutPrefix(long, `\\?\UNC\`); ok {
		return `\\` + rest, nil
	}
	return strings.TrimPrefix(long, `\\?\`), nil
}
