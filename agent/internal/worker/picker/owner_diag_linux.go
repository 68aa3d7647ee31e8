package picker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Sizes and places in the kernel's answer (sock_diag(7), inet_diag_msg).
const (
	diagHeader  = 16 // nlmsghdr
	diagRequest = diagHeader + 56
	diagAnswer  = diagHeader + 72
	diagState   = diagHeader + 1
	diagUID     = diagHeader + 64

	stateListen = 10
	stateActive = 1 // established
)

// askOwner asks the kernel for one connection, which takes microseconds however
// many the machine has; the tables of /proc are read in full. errors.ErrUnsupported
// where this kernel cannot be asked.
func askOwner(local, remote netip.AddrPort) (int, error) {
	uid, state, err := askSocket(remote, local)
	if errors.Is(err, errNoOwner) && !askable(local) {
		return 0, errors.ErrUnsupported
	}
	if err != nil {
		return 0, err
	}
	if state != stateActive {
		return 0, errNoOwner
	}
	return uid, nil
}

// askable says whether the kernel knows of the socket that listens on local: one
// without the module for TCP answers as if there were no sockets.
func askable(local netip.AddrPort) bool {
	_, state, err := askSocket(local, netip.AddrPortFrom(netip.IPv4Unspecified(), 0))
	return err == nil && state == stateListen
}

// askSocket finds the IPv4 socket, or the IPv6 one with mapped addresses, whose
// own address is from and whose other end is to.
func askSocket(from, to netip.AddrPort) (uid, state int, err error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for a connection: %w: %w", errors.ErrUnsupported, err)
	}
	defer unix.Close(fd)
	ask := make([]byte, diagRequest)
	native := binary.NativeEndian
	native.PutUint32(ask[0:], diagRequest)
	native.PutUint16(ask[4:], unix.SOCK_DIAG_BY_FAMILY)
	native.PutUint16(ask[6:], unix.NLM_F_REQUEST)
	body := ask[diagHeader:]
	body[0], body[1] = unix.AF_INET, unix.IPPROTO_TCP
	native.PutUint32(body[4:], 1<<32-1) // any state
	binary.BigEndian.PutUint16(body[8:], from.Port())
	binary.BigEndian.PutUint16(body[10:], to.Port())
	here, there := from.Addr().Unmap().As4(), to.Addr().Unmap().As4()
	copy(body[12:], here[:])
	copy(body[28:], there[:])
	native.PutUint64(body[48:], 1<<64-1) // no cookie
	if err := unix.Sendto(fd, ask, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return 0, 0, fmt.Errorf("ask for a connection: %w: %w", errors.ErrUnsupported, err)
	}
	// The kernel has answered when Sendto returns, so nothing waits here.
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(fd, answer, unix.MSG_DONTWAIT)
	if err != nil {
		return 0, 0, fmt.Errorf("ask for a connection: %w: %w", errors.ErrUnsupported, err)
	}
	return readDiag(answer[:n])
}

// readDiag reads the kernel's answer.
func readDiag(answer []byte) (uid, state int, err error) {
	if len(answer) < diagHeader+4 {
		return 0, 0, fmt.Errorf("ask for a connection: %w: an answer of %d bytes", errors.ErrUnsupported, len(answer))
	}
	native := binary.NativeEndian
	switch kind := native.Uint16(answer[4:]); {
	case kind == unix.NLMSG_ERROR && unix.Errno(-int32(native.Uint32(answer[diagHeader:]))) == unix.ENOENT:
		return 0, 0, errNoOwner
	case kind != unix.SOCK_DIAG_BY_FAMILY || len(answer) < diagAnswer:
		return 0, 0, fmt.Errorf("ask for a connection: %w: an answer of kind %d", errors.ErrUnsupported, kind)
	}
	return int(native.Uint32(answer[diagUID:])), int(answer[diagState]), nil
}
