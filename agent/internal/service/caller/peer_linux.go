package caller

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// maxGroups is NGROUPS_MAX of the kernel.
const maxGroups = 65536

// Peer is the other end of an accepted connection: the Actor, and a handle on its
// process that cannot come to mean another one. Close it.
type Peer struct {
	Actor
	pidfd int // -1 where the process had ended already
}

// Accepted reads who is at the other end of conn.
func Accepted(conn *net.UnixConn) (*Peer, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("read peer: %w", err)
	}
	var p *Peer
	cerr := raw.Control(func(fd uintptr) { p, err = read(int(fd)) })
	if err := errors.Join(cerr, err); err != nil {
		return nil, fmt.Errorf("read peer: %w", err)
	}
	return p, nil
}

func read(fd int) (*Peer, error) {
	cred, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err != nil {
		return nil, fmt.Errorf("SO_PEERCRED: %w", err)
	}
	groups, err := peerGroups(fd)
	if err != nil {
		return nil, fmt.Errorf("SO_PEERGROUPS: %w", err)
	}
	p := &Peer{Actor: Actor{UID: uidOf(cred.Uid), Rights: Rights{GID: int(cred.Gid), Groups: groups}, PID: int(cred.Pid)}}
	// From Linux 6.5 the socket knows the process itself. Before that the number
	// is looked up: the process may have ended and the number may be another's,
	// which Executable notices by its owner.
	if p.pidfd, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PEERPIDFD); err != nil {
		if p.pidfd, err = unix.PidfdOpen(p.PID, 0); err != nil {
			p.pidfd = -1
		}
	}
	return p, nil
}

// Close gives the handle on the process back.
func (p *Peer) Close() error {
	if p.pidfd < 0 {
		return nil
	}
	return unix.Close(p.pidfd)
}

// Executable opens the program that the peer's process runs, for comparing it with
// a file: os.SameFile of its Stat. It opens nothing that a caller named. The
// caller closes it.
func (p *Peer) Executable() (*os.File, error) {
	if p.pidfd < 0 {
		return nil, errors.New("the peer's process had ended")
	}
	proc := "/proc/" + strconv.Itoa(p.PID)
	fd, err := unix.Open(proc+"/exe", unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open the peer's program: %w", err)
	}
	var owner unix.Stat_t
	err = unix.Stat(proc, &owner)
	if err == nil && uidOf(owner.Uid) != p.UID && owner.Uid != 0 { // 0: a process that is not dumpable
		err = errors.New("the process number belongs to another user by now")
	}
	if err == nil { // while it lives, its number is its own: what was opened was its program
		err = unix.PidfdSendSignal(p.pidfd, 0, nil, 0)
		if errors.Is(err, unix.EPERM) {
			err = nil // alive, and not ours to signal
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("hold on to the peer's process: %w", err), unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), proc+"/exe"), nil
}
