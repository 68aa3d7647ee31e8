package picker

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/windows"
)

func ownUser(t testing.TB) string {
	t.Helper()
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		t.Fatal(err)
	}
	return user.User.Sid.String()
}

// line is one row of a table.
func line(l layout, from, to string, state, pid uint32, bound uint64) []byte {
	out := make([]byte, l.row)
	put := func(address, port int, at netip.AddrPort) {
		if l.address == 4 {
			raw := at.Addr().As4()
			copy(out[address:], raw[:])
		} else {
			raw := at.Addr().As16()
			copy(out[address:], raw[:])
		}
		binary.BigEndian.PutUint16(out[port:], at.Port())
	}
	put(l.local, l.localPort, netip.MustParseAddrPort(from))
	put(l.remote, l.remotePort, netip.MustParseAddrPort(to))
	binary.LittleEndian.PutUint32(out[l.state:], state)
	binary.LittleEndian.PutUint32(out[l.pid:], pid)
	binary.LittleEndian.PutUint64(out[l.bound:], bound)
	return out
}

func tableOf(claimed uint32, rows ...[]byte) []byte {
	out := binary.LittleEndian.AppendUint32(nil, claimed)
	out = append(out, 0, 0, 0, 0)
	for _, r := range rows {
		out = append(out, r...)
	}
	return out
}

func TestFindEnd(t *testing.T) {
	const page, browser = "127.0.0.1:8080", "127.0.0.1:50000"
	from, to := netip.MustParseAddrPort(browser), netip.MustParseAddrPort(page)
	for _, l := range layouts {
		theirs, ours := line(l, browser, page, stateEstablished, 7, 99), line(l, page, browser, stateEstablished, 8, 98)
		for _, c := range []struct {
			name  string
			table []byte
			found bool
		}{
			{"the other side, not ours", tableOf(2, ours, theirs), true},
			{"only ours", tableOf(1, ours), false},
			{"another port", tableOf(1, line(l, "127.0.0.1:50001", page, stateEstablished, 7, 99)), false},
			{"another address", tableOf(1, line(l, "127.0.0.2:50000", page, stateEstablished, 7, 99)), false},
			{"to another page", tableOf(1, line(l, browser, "127.0.0.1:8081", stateEstablished, 7, 99)), false},
			{"waiting to be forgotten", tableOf(1, line(l, browser, page, 11, 7, 99)), false},
			{"empty", tableOf(0), false},
			{"nothing", nil, false},
			{"head cut short", make([]byte, tableHead-1), false},
			{"row cut short", tableOf(1, theirs)[:tableHead+l.row-1], false},
			{"behind the last row", tableOf(1, ours, theirs), false},
			{"more rows claimed than there are", tableOf(1<<32-1, ours, theirs), true},
		} {
			got, err := findEnd(c.table, l, from, to)
			if (err == nil) != c.found || c.found && got != (end{pid: 7, bound: 99}) || !c.found && !errors.Is(err, errNoOwner) {
				t.Errorf("family %d, %s: %+v, %v", l.family, c.name, got, err)
			}
		}
	}
}

// mapped connects an IPv6 socket to an IPv4 address, as a program that knows IPv6 only does.
func mapped(t *testing.T, to netip.AddrPort) {
	t.Helper()
	s, err := windows.Socket(windows.AF_INET6, windows.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = windows.Closesocket(s) })
	if err := windows.SetsockoptInt(s, windows.IPPROTO_IPV6, windows.IPV6_V6ONLY, 0); err != nil {
		t.Fatal(err)
	}
	if err := windows.Connect(s, &windows.SockaddrInet6{Port: int(to.Port()), Addr: to.Addr().As16()}); err != nil {
		t.Fatal(err)
	}
}

// TestConnectionOwner asks the system for connections of our own, over IPv4 and over
// an IPv6 socket with the mapped address.
func TestConnectionOwner(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	local := netip.MustParseAddrPort(l.Addr().String())
	for name, dial := range map[string]func(){
		"IPv4": func() {
			conn, err := net.Dial("tcp4", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
		},
		"IPv6": func() { mapped(t, local) },
	} {
		dial()
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		remote := netip.MustParseAddrPort(conn.RemoteAddr().String())
		if e, err := otherEnd(local, remote); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if name == "IPv6" && e.pid == 0 {
			t.Log("Wine has the connection in its table and does not tell the process of an IPv6 socket")
			continue
		}
		if user, err := connectionOwner(local, remote); err != nil || user != ownUser(t) {
			t.Errorf("%s: user %q, %v", name, user, err)
		}
	}
	for _, none := range []string{"127.0.0.1:1", "[::1]:1"} {
		if _, err := connectionOwner(local, netip.MustParseAddrPort(none)); !errors.Is(err, errNoOwner) {
			t.Errorf("%s: %v", none, err)
		}
	}
}

// A process that began after the socket was bound is not the one that bound it.
func TestReusedProcessNumber(t *testing.T) {
	var created, exited, kernel, used windows.Filetime
	if err := windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &used); err != nil {
		t.Fatal(err)
	}
	began := uint64(created.HighDateTime)<<32 | uint64(created.LowDateTime)
	own := uint32(os.Getpid())
	for _, c := range []struct {
		name  string
		end   end
		owner bool
	}{
		{"bound a second after the start", end{own, began + uint64(time.Second/100)}, true},
		{"bound at the start", end{own, began}, true},
		{"bound before", end{own, began - 1}, false},
		{"time unknown", end{own, 0}, true},
		{"no process", end{0xFFFFFFF0, 0}, false},
		{"the idle process", end{0, 0}, false},
	} {
		user, err := c.end.user()
		if (err == nil) != c.owner || c.owner && user != ownUser(t) {
			t.Errorf("%s: %q, %v", c.name, user, err)
		}
	}
}

func FuzzFindEnd(f *testing.F) {
	from, to := netip.MustParseAddrPort("127.0.0.1:50000"), netip.MustParseAddrPort("127.0.0.1:8080")
	for _, l := range layouts {
		f.Add(tableOf(1, line(l, from.String(), to.String(), stateEstablished, 7, 99)))
		f.Add(tableOf(1<<32-1, line(l, to.String(), from.String(), stateEstablished, 7, 99)))
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, table []byte) {
		for _, l := range layouts {
			_, _ = findEnd(table, l, from, to)
		}
	})
}
