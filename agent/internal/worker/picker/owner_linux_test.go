package picker

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func ownUser(testing.TB) string { return strconv.Itoa(os.Getuid()) }

const table4 = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1 0 100 0 0 10 0
   1: 0100007F:C350 0100007F:1F90 06 00000000:00000000 03:00001209 00000000     0        0 0 3 0
   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1004        0 2 1 0 20 4 30 10 -1
   3: 0100007F:1F90 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 3 1 0 20 4 30 10 -1
   4: 0100007F:C351 0100007F:1F90 01 cut short
`

func TestFindOwner(t *testing.T) {
	for _, c := range []struct {
		name, table, from, to string
		uid                   int
		found                 bool
	}{
		{"caller's side, not its last connection's", table4, "0100007F:C350", "0100007F:1F90", 1004, true},
		{"our side", table4, "0100007F:1F90", "0100007F:C350", 1000, true},
		{"other port", table4, "0100007F:C352", "0100007F:1F90", 0, false},
		{"line cut short", table4, "0100007F:C351", "0100007F:1F90", 0, false},
		{"empty", "", "0100007F:C350", "0100007F:1F90", 0, false},
		{"uid not a number", "0: a b 01 c d e -1 f", "a", "b", 0, false},
		{"uid over 32 bits", "0: a b 01 c d e 4294967296 f", "a", "b", 0, false},
		{"only the waiting end", "0: a b 06 c d e 0 f", "a", "b", 0, false},
		{"endless line", strings.Repeat("x", 1<<20), "a", "b", 0, false},
	} {
		uid, err := findOwner(strings.NewReader(c.table), c.from, c.to)
		if (err == nil) != c.found || uid != c.uid {
			t.Errorf("%s: uid %d, %v", c.name, uid, err)
		}
	}
}

func TestProcAddress(t *testing.T) {
	a := netip.MustParseAddrPort("127.0.0.1:8080")
	if got := procAddress(a, false); got != "0100007F:1F90" && got != "7F000001:1F90" {
		t.Errorf("got %s", got)
	}
	if got := procAddress(a, true); len(got) != 37 || !strings.HasSuffix(got, procAddress(a, false)) {
		t.Errorf("got %s", got)
	}
}

// TestConnectionOwner asks the kernel for a connection of our own, over IPv4 and
// over an IPv6 socket with the mapped address.
func TestConnectionOwner(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	local, remote := netip.MustParseAddrPort(conn.RemoteAddr().String()), netip.MustParseAddrPort(conn.LocalAddr().String())
	for name, owner := range map[string]func(local, remote netip.AddrPort) (int, error){"asked": askOwner, "from the tables": tableOwner} {
		if name == "asked" && !askable(local) {
			t.Log("this kernel cannot be asked for one connection")
			continue
		}
		if uid, err := owner(local, remote); err != nil || uid != os.Getuid() {
			t.Errorf("%s: uid %d, %v", name, uid, err)
		}
		if _, err := owner(local, netip.MustParseAddrPort("127.0.0.1:1")); !errors.Is(err, errNoOwner) {
			t.Errorf("%s, no such connection: %v", name, err)
		}
	}
	if user, err := connectionOwner(local, remote); err != nil || user != ownUser(t) {
		t.Errorf("either way: user %q, %v", user, err)
	}
	if _, err := connectionOwner(local, netip.MustParseAddrPort("127.0.0.1:1")); !errors.Is(err, errNoOwner) {
		t.Errorf("either way, no such connection: %v", err)
	}
	if _, err := connectionOwner(local, netip.MustParseAddrPort("[::1]:1")); !errors.Is(err, errNoOwner) {
		t.Errorf("address of the other family: %v", err)
	}
}

func FuzzFindOwner(f *testing.F) {
	f.Add(table4, "0100007F:C350", "0100007F:1F90")
	f.Add("0: a b 01 c d e 7 f", "a", "b")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, table, from, to string) {
		uid, err := findOwner(strings.NewReader(table), from, to)
		if err == nil && (uid < 0 || uid > 1<<32-1) {
			t.Errorf("uid %d", uid)
		}
	})
}

func FuzzReadDiag(f *testing.F) {
	missing := make([]byte, diagHeader+20)
	binary.NativeEndian.PutUint16(missing[4:], unix.NLMSG_ERROR)
	binary.NativeEndian.PutUint32(missing[diagHeader:], ^uint32(unix.ENOENT)+1)
	found := make([]byte, diagAnswer)
	binary.NativeEndian.PutUint16(found[4:], unix.SOCK_DIAG_BY_FAMILY)
	if _, _, err := readDiag(missing); !errors.Is(err, errNoOwner) {
		f.Errorf("no such connection: %v", err)
	}
	if _, _, err := readDiag(found[:diagAnswer-1]); !errors.Is(err, errors.ErrUnsupported) {
		f.Errorf("cut short: %v", err)
	}
	f.Add(missing)
	f.Add(found)
	f.Fuzz(func(t *testing.T, answer []byte) {
		if uid, _, err := readDiag(answer); err == nil && (uid < 0 || uid > 1<<32-1) {
			t.Errorf("uid %d", uid)
		}
	})
}
