//go:build linux

package e2e

import (
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// lossy stands before a server and loses what goes through it: a connection is cut before its request has
// arrived, or while the answer is on its way. Both ends speak TLS, so each cut is a lost call or a lost answer.
type lossy struct {
	listener net.Listener
	to       string
	wg       sync.WaitGroup

	mu    sync.Mutex // guards what follows
	rand  *rand.Rand
	loss  float64 // of packets, either way
	lost  int
	conns map[net.Conn]bool
}

// front listens on loopback before the server at to and ends with the test.
func front(t *testing.T, to string, seed uint64) *lossy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &lossy{listener: l, to: to, rand: rand.New(rand.NewPCG(seed, 7)), conns: map[net.Conn]bool{}}
	f.wg.Go(f.accept)
	t.Cleanup(func() {
		l.Close()
		f.cutAll()
		f.wg.Wait()
	})
	return f
}

func (f *lossy) accept() {
	for {
		in, err := f.listener.Accept()
		if err != nil {
			return // the test is over
		}
		out, err := net.Dial("tcp", f.to)
		if err != nil { // the server is being started again
			in.Close()
			continue
		}
		f.mu.Lock()
		f.conns[in], f.conns[out] = true, true
		f.mu.Unlock()
		f.wg.Go(func() { f.pass(in, out) })
		f.wg.Go(func() { f.pass(out, in) })
	}
}

// pass carries bytes one way until an end closes, or until it loses.
func (f *lossy) pass(from, to net.Conn) {
	defer f.close(from)
	defer f.close(to)
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 && !f.loses() {
			if _, werr := to.Write(buf[:n]); werr != nil {
				return
			}
		} else if n > 0 {
			return
		}
		if err != nil {
			return
		}
	}
}

func (f *lossy) loses() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.rand.Float64() >= f.loss {
		return false
	}
	f.lost++
	return true
}

func (f *lossy) set(loss float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.loss = loss
}

func (f *lossy) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

func (f *lossy) close(c net.Conn) {
	c.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}

func (f *lossy) cutAll() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		c.Close()
	}
}

func (f *lossy) address() string { return f.listener.Addr().String() }
