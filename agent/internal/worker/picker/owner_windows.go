package picker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// layout is where the fields of a row of one of the system's tables stand
// (MIB_TCPROW_OWNER_MODULE, MIB_TCP6ROW_OWNER_MODULE), in bytes.
type layout struct {
	family     uintptr
	row        int
	address    int // 4 or 16
	local      int
	localPort  int
	remote     int
	remotePort int
	state      int
	pid        int
	bound      int // when the socket was bound, as FILETIME
}

var layouts = [...]layout{
	{family: windows.AF_INET, row: 160, address: 4, state: 0, local: 4, localPort: 8, remote: 12, remotePort: 16, pid: 20, bound: 24},
	{family: windows.AF_INET6, row: 192, address: 16, local: 0, localPort: 20, remote: 24, remotePort: 44, state: 48, pid: 52, bound: 56},
}

const (
	tableHead               = 8 // the number of rows, and the gap before the first
	ownerModules            = 7 // TCP_TABLE_OWNER_MODULE_CONNECTIONS: the one with the time
	stateEstablished        = 5 // MIB_TCP_STATE_ESTAB
	maxTable                = 64 << 20
	tries                   = 8 // of a table that grows while it is asked for
	lookups                 = 3 // a row may be missed while others come and go
	maxWaits                = 10
	pause                   = 10 * time.Millisecond
	insufficient     uint32 = uint32(windows.ERROR_INSUFFICIENT_BUFFER)
)

// ownersQuick: the tables are read in full.
func ownersQuick(netip.AddrPort) bool { return false }

// connectionOwner reads the system's tables for the process at the other end, and
// asks that process for its user. The caller's socket may be an IPv6 one that
// connected to the mapped address. Windows answers both at once; Wine does not know the
// process of a socket that was not used yet, and is asked again for a while.
func connectionOwner(local, remote netip.AddrPort) (string, error) {
	if !local.Addr().Unmap().Is4() || !remote.Addr().Unmap().Is4() {
		return "", fmt.Errorf("find owner of %v: %w", remote, errNoOwner)
	}
	for missing := 0; missing < lookups; missing++ {
		e, err := otherEnd(local, remote)
		for waits := 0; err == nil && e.pid == 0 && waits < maxWaits; waits++ {
			time.Sleep(pause)
			e, err = otherEnd(local, remote)
		}
		if errors.Is(err, errNoOwner) {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("read connections: %w", err)
		}
		user, err := e.user()
		if err != nil {
			return "", fmt.Errorf("find owner of %v: %w", remote, err)
		}
		return user, nil
	}
	return "", fmt.Errorf("find owner of %v: %w", remote, errNoOwner)
}

// otherEnd searches both tables.
func otherEnd(local, remote netip.AddrPort) (end, error) {
	for _, l := range layouts {
		table, err := readTable(l.family)
		if errors.Is(err, windows.ERROR_NOT_SUPPORTED) {
			continue // no IPv6 here
		}
		if err != nil {
			return end{}, err
		}
		if e, err := findEnd(table, l, remote, local); !errors.Is(err, errNoOwner) {
			return e, err
		}
	}
	return end{}, errNoOwner
}

// readTable gives one table of connections as the system lays it out.
func readTable(family uintptr) ([]byte, error) {
	ask := windows.NewLazySystemDLL("iphlpapi.dll").NewProc("GetExtendedTcpTable")
	if err := ask.Find(); err != nil {
		return nil, err
	}
	size := uint32(64 << 10)
	for range tries {
		if size > maxTable {
			return nil, fmt.Errorf("a table of %d bytes", size)
		}
		table := make([]byte, size)
		code, _, _ := ask.Call(uintptr(unsafe.Pointer(&table[0])), uintptr(unsafe.Pointer(&size)), 0, family, ownerModules, 0)
		switch {
		case code == 0:
			return table[:min(int(size), len(table))], nil
		case uint32(code) != insufficient:
			return nil, windows.Errno(code)
		}
		size += size / 4 // others connect meanwhile
	}
	return nil, errors.New("the table grows faster than it can be read")
}

// end is the process at one end of a connection.
type end struct {
	pid   uint32 // 0 where the system does not know it yet
	bound uint64 // FILETIME; 0 where the system does not tell (Wine)
}

// findEnd searches a table for the established connection from one address to the
// other, seen from the side whose own address is from.
func findEnd(table []byte, l layout, from, to netip.AddrPort) (end, error) {
	if len(table) < tableHead {
		return end{}, errNoOwner
	}
	rows := uint64(binary.LittleEndian.Uint32(table))
	table = table[tableHead:]
	for ; rows > 0 && len(table) >= l.row; rows-- {
		row := table[:l.row]
		table = table[l.row:]
		if binary.LittleEndian.Uint32(row[l.state:]) != stateEstablished ||
			!l.is(row, l.local, l.localPort, from) || !l.is(row, l.remote, l.remotePort, to) {
			continue
		}
		return end{pid: binary.LittleEndian.Uint32(row[l.pid:]), bound: binary.LittleEndian.Uint64(row[l.bound:])}, nil
	}
	return end{}, errNoOwner
}

// is compares one address of a row; the port's two bytes stand as on the wire.
func (l layout) is(row []byte, address, port int, want netip.AddrPort) bool {
	got, ok := netip.AddrFromSlice(row[address : address+l.address])
	return ok && got.Unmap() == want.Addr().Unmap() && binary.BigEndian.Uint16(row[port:]) == want.Port()
}

// errReused is a number that another process has by now.
var errReused = errors.New("the process that opened the connection has ended")

// user is the SID of the process's user. A stranger's process can open a socket, hand
// it on and end; its number then comes to mean a process of anybody. So a process
// younger than the socket is not its owner. One that exists since before had the
// number then, and while it is held open here the number stays its own.
func (e end) user() (string, error) {
	process, err := windows.OpenProcess(windows.PROCESS_QUERY_LIMITED_INFORMATION, false, e.pid)
	if err != nil { // another user's, mostly, or one that has ended
		return "", fmt.Errorf("open process %d: %w", e.pid, err)
	}
	defer windows.CloseHandle(process)
	var created, exited, kernel, used windows.Filetime
	if err := windows.GetProcessTimes(process, &created, &exited, &kernel, &used); err != nil {
		return "", fmt.Errorf("read start of process %d: %w", e.pid, err)
	}
	if e.bound != 0 && uint64(created.HighDateTime)<<32|uint64(created.LowDateTime) > e.bound {
		return "", errReused
	}
	var token windows.Token
	if err := windows.OpenProcessToken(process, windows.TOKEN_QUERY, &token); err != nil {
		return "", fmt.Errorf("open token of process %d: %w", e.pid, err)
	}
	defer token.Close()
	user, err := token.GetTokenUser()
	if err != nil {
		return "", fmt.Errorf("read user of process %d: %w", e.pid, err)
	}
	return user.User.Sid.String(), nil
}
