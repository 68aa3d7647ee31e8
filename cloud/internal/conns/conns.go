// Package conns is the cloud's listener: it bounds the connections, of all addresses and of
// each network, and decides which gives way when there is no room. The cloud's command calls it.
// It never closes a connection with a request under way, and never waits for room: a crowd
// that only connects cannot keep a client out that asks something.
package conns

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"runtime"
	"sync"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
)

// What a zero of Limits means; docs/operating.md and docs/attacksurface.md have them.
const (
	defaultAll     = 4096
	defaultNetwork = 2048
	defaultNew     = 512
)

// Limits are numbers of connections; 0 takes the default. A network is one IPv4 address or one
// IPv6 /64. An office behind one address is one network, so Network is wide; New is not, for
// no honest client stays new for longer than a handshake.
type Limits struct {
	All     int
	Network int // of one network
	New     int // of one network that have not asked anything yet
}

func (l *Limits) fill() {
	for _, v := range []struct {
		p *int
		d int
	}{{&l.All, defaultAll}, {&l.Network, defaultNetwork}, {&l.New, defaultNew}} {
		if *v.p <= 0 {
			*v.p = v.d
		}
	}
}

// phase is how far a connection has come; the lower ones give way first.
type phase int

const (
	silent   phase = iota // no whole first message of TLS: what costs a crowd nothing
	greeting              // in the TLS handshake, or in the first request's head
	idle                  // has asked, asks nothing now
	active                // a request is under way: never closed from here
	phases
)

// Listener bounds the connections of another listener.
type Listener struct {
	net.Listener
	limits     Limits
	handshakes chan struct{} // a place for each handshake that is computed now

	mu       sync.Mutex // guards all, networks and each conn's phase and places; nothing blocks while it is held
	all      group
	networks map[string]*group
}

// group is a set of connections by phase, each list in the order in which they came to it.
type group struct {
	n  int
	by [phases]list.List
}

// Listen puts the limits before l. The caller serves the listener with a http.Server whose
// ConnState is State and whose TLSConfig.GetConfigForClient is Hello.
func Listen(l net.Listener, limits Limits) *Listener {
	limits.fill()
	// Half of the processors at most: requests that are under way keep the others.
	return &Listener{Listener: l, limits: limits, handshakes: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)), networks: map[string]*group{}}
}

// Accept takes the next connection at once. Where there is no room the one that gives way is
// closed; the new one itself when all others have a request under way.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &conn{Conn: raw, from: l, network: limit.Subnet(raw.RemoteAddr().String()), gone: make(chan struct{})}
		gaveWay, taken := l.place(c)
		for _, other := range gaveWay {
			_ = other.Close()
		}
		if taken {
			return c, nil
		}
		_ = raw.Close()
	}
}

// place finds room for c, and tells whom to close for it.
func (l *Listener) place(c *conn) (gaveWay []*conn, taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	drop := func(g *group, below phase) bool {
		other := g.first(below)
		if other == nil {
			return false
		}
		l.remove(other)
		gaveWay = append(gaveWay, other)
		return true
	}
	// A network whose last connection goes is forgotten, so it is looked up for each question.
	if g := l.networks[c.network]; g != nil && g.by[silent].Len()+g.by[greeting].Len() >= l.limits.New {
		drop(g, idle)
	}
	if g := l.networks[c.network]; g != nil && g.n >= l.limits.Network && !drop(g, active) {
		return gaveWay, false
	}
	if l.all.n >= l.limits.All {
		other := l.crowd()
		if other == nil {
			return gaveWay, false
		}
		l.remove(other)
		gaveWay = append(gaveWay, other)
	}
	g := l.networks[c.network]
	if g == nil {
		g = &group{}
		l.networks[c.network] = g
	}
	l.all.n++
	g.n++
	c.here = true
	l.queue(c, silent)
	return gaveWay, true
}

// crowd is who gives way when all places are taken: one of the network that holds most, so
// that no two networks' idle connections outlive a third one's handshake; where each holds
// one, anyone's. Its idle ones go first as long as its new ones are few, for those may be
// honest. nil when all have a request under way.
func (l *Listener) crowd() *conn {
	from, name := &l.all, ""
	for network, g := range l.networks {
		if g.n < 2 || g.first(active) == nil {
			continue
		}
		if name == "" || g.n > from.n || g.n == from.n && network < name {
			from, name = g, network
		}
	}
	if e := from.by[idle].Front(); e != nil && from.by[silent].Len()+from.by[greeting].Len() <= l.limits.New/2 {
		return e.Value.(*conn)
	}
	return from.first(active)
}

// first is who gives way: the one that is longest in the lowest phase below the given one.
func (g *group) first(below phase) *conn {
	for p := range below {
		if e := g.by[p].Front(); e != nil {
			return e.Value.(*conn)
		}
	}
	return nil
}

func (l *Listener) queue(c *conn, p phase) {
	c.phase = p
	c.inAll, c.inNetwork = l.all.by[p].PushBack(c), l.networks[c.network].by[p].PushBack(c)
}

func (l *Listener) unqueue(c *conn) {
	l.all.by[c.phase].Remove(c.inAll)
	l.networks[c.network].by[c.phase].Remove(c.inNetwork)
}

func (l *Listener) remove(c *conn) {
	if !c.here {
		return
	}
	c.here = false
	l.unqueue(c)
	l.all.n--
	g := l.networks[c.network]
	if g.n--; g.n == 0 {
		delete(l.networks, c.network)
	}
}

// move brings a connection that has its place to another phase.
func (l *Listener) move(c *conn, p phase) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.here {
		l.unqueue(c)
		l.queue(c, p)
	}
}

// State is the server's ConnState hook: who asks keeps its place until it has its answer.
func (l *Listener) State(nc net.Conn, s http.ConnState) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	c, ok := nc.(*conn)
	switch {
	case !ok:
	case s == http.StateActive:
		l.move(c, active)
	case s == http.StateIdle:
		l.move(c, idle)
	}
}

// Hello is the TLS configuration's GetConfigForClient hook: a handshake waits here, after the
// client's first message and before anything is computed for it, until few enough others
// are. Those that wait are no more than Limits.New of a network, each served in its turn.
func (l *Listener) Hello(h *tls.ClientHelloInfo) (*tls.Config, error) {
	c, ok := h.Conn.(*conn)
	if !ok {
		return nil, nil
	}
	l.move(c, greeting)
	select {
	case l.handshakes <- struct{}{}:
	case <-c.gone:
		return nil, net.ErrClosed
	}
	c.handshake.Lock()
	defer c.handshake.Unlock()
	select {
	case <-c.gone:
		<-l.handshakes
		return nil, net.ErrClosed
	default:
		c.computes = true
		return nil, nil
	}
}

// conn is one connection with its places in the lists.
type conn struct {
	net.Conn
	from    *Listener
	network string
	closing sync.Once
	gone    chan struct{} // closes with the connection

	// From here to inNetwork: guarded by Listener.mu.
	here             bool
	phase            phase
	inAll, inNetwork *list.Element

	handshake sync.Mutex // guards computes
	computes  bool       // holds a place of Listener.handshakes
}

// Write sends; the first one of a handshake is the answer that was computed.
func (c *conn) Write(b []byte) (int, error) {
	c.computed()
	return c.Conn.Write(b)
}

func (c *conn) Close() error {
	c.closing.Do(func() {
		close(c.gone)
		c.from.mu.Lock()
		defer c.from.mu.Unlock()
		c.from.remove(c)
	})
	c.computed()
	return c.Conn.Close()
}

// computed gives the handshake's place back, when c has one.
func (c *conn) computed() {
	c.handshake.Lock()
	defer c.handshake.Unlock()
	if c.computes {
		c.computes = false
		<-c.from.handshakes
	}
}
