//go:build unix

package localapi

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// maxSocketPath is what sockaddr_un holds, less its NUL.
const maxSocketPath = 107

// probeTimeout bounds the question whether somebody serves the socket.
const probeTimeout = time.Second

// Listener and stream are the endpoint of this system and a connection to it.
type (
	Listener = net.UnixListener
	stream   = net.UnixConn
)

func accept(ln *Listener) (*stream, error) { return ln.AcceptUnix() }

// isClosed tells the end that this side made.
func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// Listen opens the socket at path, for every user or for this process's own only. Its
// folder is made where there is none. A socket that nobody serves is taken away; one that
// answers, and anything that is no socket, is refused.
func Listen(path string, all bool) (*Listener, error) {
	dirMode, mode := os.FileMode(0o700), os.FileMode(0o600)
	if all {
		dirMode, mode = 0o755, 0o666 // everybody may knock; the kernel says who does
	}
	if !filepath.IsAbs(path) || len(path) > maxSocketPath {
		return nil, fmt.Errorf("listen on %q: not an absolute path of at most %d bytes", path, maxSocketPath)
	}
	if err := prepareDir(filepath.Dir(path), dirMode); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	if err := removeStale(path); err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	ln, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w", path, err)
	}
	// Whoever connects before the mode stands is known by the kernel's word all the same.
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("listen on %s: %w", path, err), ln.Close())
	}
	return ln, nil
}

// prepareDir makes the folder, and refuses one in which others could put a socket
// of their own in our place.
func prepareDir(dir string, mode os.FileMode) error {
	err := os.Mkdir(dir, mode)
	switch {
	case err == nil:
		return os.Chmod(dir, mode) // whatever the umask was
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("make its folder: %w", err)
	case !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("make its folder: %w", err)
	}
	st, err := os.Stat(dir)
	if err != nil {
		return err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	switch {
	case !st.IsDir():
		return fmt.Errorf("%s is not a folder", dir)
	case !ok || int(sys.Uid) != os.Geteuid() && sys.Uid != 0:
		return fmt.Errorf("folder %s belongs to another user", dir)
	case st.Mode().Perm()&0o022 != 0 && st.Mode()&os.ModeSticky == 0:
		return fmt.Errorf("folder %s can be written by others (mode %04o)", dir, st.Mode().Perm())
	}
	return nil
}

// removeStale takes away the socket of an agent that ended without a chance to.
func removeStale(path string) error {
	st, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case st.Mode().Type() != os.ModeSocket:
		return fmt.Errorf("there is something that is no socket (%s)", st.Mode())
	}
	c, err := net.DialTimeout("unix", path, probeTimeout)
	switch {
	case err == nil:
		return errors.Join(errors.New("another agent serves it"), c.Close())
	case !errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("another program seems to serve it: %w", err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the stale socket: %w", err)
	}
	return nil
}
