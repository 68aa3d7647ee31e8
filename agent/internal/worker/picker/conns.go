package picker

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// conns is the page's listener: it bounds the connections and refuses those of
// other users before a byte of them is parsed.
type conns struct {
	net.Listener
	max   int
	owner ownerFunc
	user  string
	quick bool          // owners are looked up at accept: a stranger's connection never has a place
	looks chan struct{} // bounds the look-ups that run at once: they cost, and strangers cause them

	mu   sync.Mutex           // guards open and next; nothing blocks while it is held
	open map[*ownedConn]int64 // number at accept for those that never asked, 0 for the rest
	next int64
}

func newConns(l net.Listener, max int, owner ownerFunc, user string) *conns {
	at, err := netip.ParseAddrPort(l.Addr().String())
	return &conns{Listener: l, max: max, owner: owner, user: user, quick: err == nil && ownersQuick(at), open: make(map[*ownedConn]int64), looks: make(chan struct{}, maxLooks)}
}

// maxLooks is how many owners are looked up at once.
const maxLooks = 2

// Accept never waits for room: when all places are taken, the oldest connection
// that has not asked anything yet gives way, and the new one when there is none.
// So a crowd of idle connections cannot lock the page's own browser out.
func (c *conns) Accept() (net.Conn, error) {
	for {
		raw, err := c.Listener.Accept()
		if err != nil {
			return nil, err
		}
		conn := &ownedConn{Conn: raw, from: c, gone: make(chan struct{})}
		if c.quick && conn.foreign() {
			_ = raw.Close()
			continue
		}
		evicted, taken := c.place(conn)
		if evicted != nil {
			_ = evicted.Close()
		}
		if taken {
			return conn, nil
		}
		_ = raw.Close()
	}
}

func (c *conns) place(conn *ownedConn) (evicted *ownedConn, taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.open) >= c.max {
		oldest := int64(0)
		for other, number := range c.open {
			if number != 0 && (oldest == 0 || number < oldest) {
				evicted, oldest = other, number
			}
		}
		if evicted == nil {
			return nil, false
		}
		delete(c.open, evicted)
	}
	c.next++
	c.open[conn] = c.next
	return evicted, true
}

// note is the server's ConnState hook: a connection that asks keeps its place.
func (c *conns) note(conn net.Conn, s http.ConnState) {
	owned, ok := conn.(*ownedConn)
	if !ok || s != http.StateActive {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, here := c.open[owned]; here {
		c.open[owned] = 0
	}
}

// closeNew closes the connections that never asked.
func (c *conns) closeNew() {
	c.mu.Lock()
	var idle []*ownedConn
	for conn, number := range c.open {
		if number != 0 {
			idle = append(idle, conn)
		}
	}
	c.mu.Unlock()
	for _, conn := range idle {
		_ = conn.Close()
	}
}

func (c *conns) forget(conn *ownedConn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, conn)
}

var errForeign = errors.New("connection of another user")

// ownedConn looks its owner up once and keeps the verdict: at accept where that is
// quick, else before the first read, in its own goroutine so that accepting does not wait.
type ownedConn struct {
	net.Conn
	from    *conns
	once    sync.Once
	verdict error
	closing sync.Once
	gone    chan struct{} // closes with the connection
}

func (c *ownedConn) Read(b []byte) (int, error) {
	if c.foreign() {
		_ = c.Close()
		return 0, c.verdict
	}
	return c.Conn.Read(b)
}

// foreign says whether verdict is anything but the page's own user.
func (c *ownedConn) foreign() bool {
	c.once.Do(func() { c.verdict = c.check() })
	return c.verdict != nil
}

func (c *ownedConn) check() error {
	local, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return err
	}
	remote, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return err
	}
	select {
	case c.from.looks <- struct{}{}:
		defer func() { <-c.from.looks }()
	case <-c.gone:
		return net.ErrClosed
	}
	select {
	case <-c.gone: // gave way to others while it waited
		return net.ErrClosed
	default:
	}
	user, err := c.from.owner(local, remote)
	if err != nil {
		return err
	}
	if user != c.from.user {
		return errForeign
	}
	return nil
}

func (c *ownedConn) Close() error {
	c.from.forget(c)
	c.closing.Do(func() { close(c.gone) })
	return c.Conn.Close()
}

// quiet drops what net/http would print about broken connections: it is the
// other side's doing and would let a stranger fill a log.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
