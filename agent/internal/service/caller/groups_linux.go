package caller

import (
	"errors"
	"unsafe"

	"golang.org/x/sys/unix"
)

// peerGroups reads the full supplementary group list of the peer (SO_PEERGROUPS):
// SO_PEERCRED has the primary group only. x/sys has no wrapper for an array of
// gid_t, so the call is made by hand; the kernel tells the size it needs.
func peerGroups(fd int) ([]int, error) {
	list := make([]uint32, 64)
	for {
		size := uint32(len(list) * 4)
		_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_PEERGROUPS,
			uintptr(unsafe.Pointer(&list[0])), uintptr(unsafe.Pointer(&size)), 0)
		switch {
		case errno == 0:
			groups := make([]int, size/4)
			for i := range groups {
				groups[i] = int(list[i])
			}
			return groups, nil
		case !errors.Is(errno, unix.ERANGE) || size > maxGroups*4 || int(size) <= len(list)*4:
			return nil, errno
		}
		list = make([]uint32, size/4)
	}
}
