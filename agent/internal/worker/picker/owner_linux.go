package picker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"strconv"
	"strings"
)

// Positions of the fields of a line of /proc/self/net/tcp and tcp6 (proc(5)).
const (
	fieldLocal  = 1
	fieldRemote = 2
	fieldState  = 3
	fieldUID    = 7
)

// stateEstablished is the only state in which the uid column says who connected:
// a socket in TIME_WAIT is printed with uid 0.
const stateEstablished = "01"

// lookups is how often the tables are read: the kernel does not freeze them, so a
// line may be skipped while others come and go.
const lookups = 2

// ownersQuick says whether connectionOwner takes no time to speak of for the
// connections of a listener.
func ownersQuick(listener netip.AddrPort) bool { return askable(listener) }

// connectionOwner asks the kernel, or reads its tables where it cannot be asked.
// The caller's socket may be an IPv6 one that connected to the mapped address.
func connectionOwner(local, remote netip.AddrPort) (string, error) {
	if !local.Addr().Unmap().Is4() || !remote.Addr().Unmap().Is4() {
		return "", fmt.Errorf("find owner of %v: %w", remote, errNoOwner)
	}
	uid, err := askOwner(local, remote)
	if errors.Is(err, errors.ErrUnsupported) {
		uid, err = tableOwner(local, remote)
	}
	if err != nil {
		return "", fmt.Errorf("find owner of %v: %w", remote, err)
	}
	return strconv.Itoa(uid), nil
}

// tableOwner reads the kernel's tables.
func tableOwner(local, remote netip.AddrPort) (int, error) {
	for range lookups {
		for _, table := range []struct {
			name string
			wide bool
		}{{"/proc/self/net/tcp", false}, {"/proc/self/net/tcp6", true}} {
			uid, err := readOwner(table.name, procAddress(remote, table.wide), procAddress(local, table.wide))
			if err == nil {
				return uid, nil
			}
			if !errors.Is(err, errNoOwner) {
				return 0, err
			}
		}
	}
	return 0, errNoOwner
}

// readOwner searches one table; one that does not exist (no IPv6) has no lines.
func readOwner(name, from, to string) (int, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, errNoOwner
	}
	if err != nil {
		return 0, fmt.Errorf("read connections: %w", err)
	}
	defer f.Close()
	return findOwner(f, from, to)
}

// findOwner returns the uid of the established connection between two addresses
// in the tables' own spelling, seen from the side whose local address is from.
func findOwner(table io.Reader, from, to string) (int, error) {
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) <= fieldUID || fields[fieldLocal] != from || fields[fieldRemote] != to || fields[fieldState] != stateEstablished {
			continue
		}
		uid, err := strconv.ParseUint(fields[fieldUID], 10, 32)
		if err != nil {
			return 0, fmt.Errorf("parse owner: %w", err)
		}
		return int(uid), nil
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("read connections: %w", err)
	}
	return 0, errNoOwner
}

// procAddress spells an address as the tables do: each 32-bit word printed as the
// machine's own number, then the port.
func procAddress(a netip.AddrPort, wide bool) string {
	four := a.Addr().Unmap().As4()
	word := fmt.Sprintf("%08X", binary.NativeEndian.Uint32(four[:]))
	if wide {
		mapped := [4]byte{0, 0, 0xff, 0xff}
		word = strings.Repeat("0", 16) + fmt.Sprintf("%08X", binary.NativeEndian.Uint32(mapped[:])) + word
	}
	return fmt.Sprintf("%s:%04X", word, a.Port())
}
