package conns

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

// networks are where connections of the table come from; near and beside are of one /64.
var networks = map[string]string{"near": "[2001:db8:1:1::1]:1000", "beside": "[2001:db8:1:1:ffff::2]:1000", "far": "192.0.2.7:1000",
	"a": "198.51.100.1:1", "b": "198.51.100.2:1", "c": "198.51.100.3:1", "d": "198.51.100.4:1", "e": "198.51.100.5:1", "f": "198.51.100.6:1", "g": "198.51.100.7:1"}

func TestWhoGivesWay(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps string // a network: one connects; "2!": the second's TLS hello, "2+" it asks, "2-" it has its answer, "2x" it ends
		want  string // which are open at the end
	}{
		{"room", "near near far far", "1 2 3 4"},
		{"new ones of a network", "near far near near", "2 3 4"},
		{"a network is a /64", "near near beside", "2 3"},
		{"a silent one before one that greets", "near near 1! near", "1 3"},
		{"the oldest of those that greet", "near near 2! 1! near", "1 3"},
		{"who has asked is not new", "near near 1+ 2+ 1- 2- near near", "1 2 3 4"},
		{"a full network closes its own new one", "far near near 2+ 3+ 2- 3- near 4+ near near", "1 2 3 4 6"},
		{"then its longest idle", "far near near 2+ 3+ 3- 2- near near 4+ 5+ near", "1 2 4 5 6"},
		{"never one that asks", "near 1+ near 2+ near 3+ near 4+ near", "1 2 3 4"},
		{"nor one that asks again", "near 1+ 1- 1+ near 2+ near 3+ near 4+ near", "1 2 3 4"},
		{"full in all", "near 1+ near 2+ near 3+ far 4+ far 5+ far near", "1 2 3 4 5 7"},
		{"full in all, the longest idle", "near 1+ near 2+ near 3+ far 4+ far 5+ far 6+ 5- 2- near", "1 2 3 4 6 7"},
		{"full in all, of the network that holds most", "near 1+ 1- near 2+ 2- near 3+ 3- far 4+ 4- far 5+ 5- a far", "2 3 4 5 6 7"},
		{"full in all, many new ones of one network", "near 1+ 1- near 2+ 2- near near far 5+ 5- a far", "1 2 4 5 6 7"},
		{"full in all, each of a network of its own", "a 1+ 1- b 2+ 2- c 3+ 3- d 4+ 4- e 5+ 5- f g", "2 3 4 5 6 7"},
		{"full in all with requests", "near 1+ near 2+ near 3+ far 4+ far 5+ far 6+ near", "1 2 3 4 5 6"},
		{"an ended one leaves room", "near 1+ near 2+ near 3+ near 4+ 2x near", "1 3 4 5"},
		{"what is told of an ended one", "near near 1x 1+ 1- 1x near", "2 3"},
		{"a network without connections is forgotten", "near near 1x 2x", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := &planted{}
			l := Listen(at, Limits{All: 6, Network: 4, New: 2})
			var raw []*wire
			var taken []net.Conn // nil where the listener refused
			for _, step := range strings.Fields(tt.steps) {
				if from := networks[step]; from != "" {
					raw = append(raw, &wire{from: from})
					at.next = raw[len(raw)-1]
					c, err := l.Accept()
					if err != nil && !errors.Is(err, errNone) {
						t.Fatal(err)
					}
					taken = append(taken, c)
					continue
				}
				var n int
				var what string
				if _, err := fmt.Sscanf(step, "%d%s", &n, &what); err != nil {
					t.Fatalf("step %q: %v", step, err)
				}
				switch c := taken[n-1]; what {
				case "!":
					if _, err := l.Hello(&tls.ClientHelloInfo{Conn: c}); err != nil {
						t.Fatal(err)
					}
					_, _ = c.Write([]byte("the answer"))
				case "+":
					l.State(c, http.StateActive)
				case "-":
					l.State(tls.Server(c, &tls.Config{}), http.StateIdle) // as the server tells it
				case "x":
					_ = c.Close()
				default:
					t.Fatalf("step %q", step)
				}
			}
			var open []string
			count := map[string]int{}
			for i, r := range raw {
				if !r.closed {
					open = append(open, fmt.Sprint(i+1))
					count[taken[i].(*conn).network]++
				}
			}
			if got := strings.Join(open, " "); got != tt.want {
				t.Errorf("open: %s; want %s", got, tt.want)
			}
			if l.all.n != len(open) || len(l.networks) != len(count) {
				t.Errorf("counted %d in %d networks; want %d in %d", l.all.n, len(l.networks), len(open), len(count))
			}
			for name, n := range count {
				if l.networks[name].n != n {
					t.Errorf("network %s: counted %d, want %d", name, l.networks[name].n, n)
				}
			}
		})
	}
}

// TestHandshakesInTurn: a handshake that is computed holds its place until its answer or its end.
func TestHandshakesInTurn(t *testing.T) {
	at := &planted{}
	l := Listen(at, Limits{})
	l.handshakes = make(chan struct{}, 1)
	accept := func() *conn {
		t.Helper()
		at.next = &wire{from: networks["far"]}
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c.(*conn)
	}
	hello := func(c net.Conn) error {
		conf, err := l.Hello(&tls.ClientHelloInfo{Conn: c})
		if conf != nil {
			t.Errorf("another configuration: %v", conf)
		}
		return err
	}
	first, second, third, fourth := accept(), accept(), accept(), accept()
	if err := hello(first); err != nil {
		t.Fatal(err)
	}
	waits := make(chan error, 1)
	go func() { waits <- hello(second) }() // ends with Close below
	_ = second.Close()
	if err := <-waits; !errors.Is(err, net.ErrClosed) {
		t.Errorf("one that was closed while it waited: %v", err)
	}
	go func() { waits <- hello(third) }() // ends with the first one's answer
	if _, err := first.Write([]byte("answer")); err != nil {
		t.Fatal(err)
	}
	if err := <-waits; err != nil {
		t.Errorf("the next in turn: %v", err)
	}
	_, _ = first.Write([]byte("more")) // gives no other's place back
	if len(l.handshakes) != 1 {
		t.Errorf("%d places taken, want 1", len(l.handshakes))
	}
	_ = third.Close()
	_ = third.Close()
	if len(l.handshakes) != 0 {
		t.Errorf("%d places taken, want none", len(l.handshakes))
	}
	_ = fourth.Close()
	if err := hello(fourth); !errors.Is(err, net.ErrClosed) || len(l.handshakes) != 0 {
		t.Errorf("one that is closed already: %v, %d places", err, len(l.handshakes))
	}
	if err := hello(&wire{}); err != nil {
		t.Errorf("a connection of another listener: %v", err)
	}
}

var errNone = errors.New("no further connection")

// planted is a listener that has one connection at a time.
type planted struct {
	net.Listener
	next net.Conn
}

func (p *planted) Accept() (net.Conn, error) {
	c := p.next
	if c == nil {
		return nil, errNone
	}
	p.next = nil
	return c, nil
}

// wire is a connection from a planted address.
type wire struct {
	net.Conn
	from   string
	closed bool
}

func (w *wire) RemoteAddr() net.Addr        { return place(w.from) }
func (w *wire) Write(b []byte) (int, error) { return len(b), nil }
func (w *wire) Close() error                { w.closed = true; return nil }

type place string

func (p place) Network() string { return "tcp" }
func (p place) String() string  { return string(p) }
