package conns

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
)

// answerIn is when the agent gives a quiet call up (internal/cloudhttp): no test waits longer for an answer.
const answerIn = 8 * time.Second

// TestFlood: thousands of connections that ask nothing, from the clients' own address, others
// opened for those that are closed. Requests are answered meanwhile, and an upload that
// began before ends whole.
func TestFlood(t *testing.T) {
	for _, tt := range []struct {
		name  string
		hello string // what each of the flood sends
		http2 bool   // what the clients speak
	}{
		{"silent", "", true},
		{"half a record", "\x16\x03\x01\x02", false},
	} {
		t.Run(tt.name, func(t *testing.T) { flooded(t, tt.hello, tt.http2) })
	}
}

func flooded(t *testing.T, hello string, http2 bool) {
	need.NoLeak(t)
	limits := Limits{All: 256, Network: 192, New: 128}
	began := make(chan struct{})
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.CopyN(io.Discard, r.Body, 5)
		if n > 0 {
			close(began)
		}
		more, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n+more)
	}))
	watch := &watched{Listener: srv.Listener}
	l := Listen(watch, limits)
	srv.Listener, srv.Config.ConnState, srv.EnableHTTP2 = l, l.State, http2
	srv.TLS = &tls.Config{GetConfigForClient: l.Hello}
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // a line for each that is closed in its handshake
	addr := srv.Listener.Addr().String()
	srv.StartTLS()
	defer srv.Close()

	body, sent := io.Pipe()
	defer sent.Close()
	uploaded := make(chan string, 1)
	go func() { // ends with the body, at the latest with srv.Close
		res, err := srv.Client().Post(srv.URL, "", body)
		if err != nil {
			uploaded <- err.Error()
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		uploaded <- fmt.Sprint(string(b), err)
	}()
	_, _ = io.WriteString(sent, "first")
	<-began

	stop := flood(t, addr, hello)
	defer stop()
	for watch.n.Load() < 2000 { // a flood that does not come is ended by the test's own time
		time.Sleep(time.Millisecond)
	}
	for i := range 10 {
		ask(t, srv, i)
	}
	l.mu.Lock()
	if n := l.all.n; n > limits.New+2 {
		t.Errorf("%d connections are open", n)
	}
	l.mu.Unlock()
	_, _ = io.WriteString(sent, "last")
	_ = sent.Close()
	if got := <-uploaded; got != "9<nil>" {
		t.Errorf("upload: %s", got)
	}
	stop()
	ask(t, srv, 10)
}

// ask makes a request on a connection of its own. An agent asks again when a connection breaks, and
// so does this.
func ask(t *testing.T, srv *httptest.Server, i int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), answerIn)
	defer cancel()
	transport := srv.Client().Transport.(*http.Transport).Clone()
	defer transport.CloseIdleConnections()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := transport.RoundTrip(req)
		if err == nil {
			res.Body.Close()
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
}

// flood keeps more connections open than there is room for, until stop, which waits for its end.
func flood(t *testing.T, addr, hello string) (stop func()) {
	const many = 200 // descriptors of the test count as well
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range many {
		wg.Go(func() {
			for ctx.Err() == nil {
				c, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
				if err != nil {
					continue
				}
				end := context.AfterFunc(ctx, func() { _ = c.Close() })
				_, _ = io.WriteString(c, hello)
				_, _ = c.Read(make([]byte, 1)) // until the cloud closes it
				end()
				_ = c.Close()
			}
		})
	}
	return func() { cancel(); wg.Wait() }
}

// watched counts what came.
type watched struct {
	net.Listener
	n atomic.Int64
}

func (w *watched) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err == nil {
		w.n.Add(1)
	}
	return c, err
}
