package picker

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestPageRefusals(t *testing.T) {
	r, _, _ := newTestRoom(t)
	for _, c := range []struct {
		name string
		ask  workerapi.Page
		want api.Code
	}{
		{"no purpose", workerapi.Page{Operation: 1}, api.InvalidArgument},
		{"unknown purpose", workerapi.Page{Operation: 1, Purpose: "shell"}, api.InvalidArgument},
		{"no operation", workerapi.Page{Purpose: purposePick}, api.InvalidArgument},
		{"first", workerapi.Page{Operation: 1, Purpose: purposePick}, api.OK},
		{"twice", workerapi.Page{Operation: 1, Purpose: purposeSignIn}, api.InvalidArgument},
	} {
		if _, err := r.Page(t.Context(), c.ask); api.CodeOf(err) != c.want {
			t.Errorf("%s: %v, want code %d", c.name, err, c.want)
		}
	}
	for op := api.Operation(2); op <= maxPages; op++ {
		open(t, r, workerapi.Page{Operation: op, Purpose: purposePick})
	}
	if _, err := r.Page(t.Context(), workerapi.Page{Operation: 99, Purpose: purposePick}); api.CodeOf(err) != api.Busy {
		t.Errorf("one page too many: %v", err)
	}
	if err := r.PageEnd(t.Context(), workerapi.PageEnd{Operation: 1234}); err != nil {
		t.Errorf("end of no page: %v", err)
	}
	r.Progress(workerapi.Progress{Operation: 1234, Total: 1})
	r.Close()
	if _, err := r.Page(t.Context(), workerapi.Page{Operation: 100, Purpose: purposePick}); api.CodeOf(err) != api.Closed {
		t.Errorf("page after close: %v", err)
	}
}

// TestClosing tries how a page ends and what the service hears.
func TestClosing(t *testing.T) {
	for _, c := range []struct {
		name string
		act  func(t *testing.T, r *Room, s *fakeService, clock *clocktest.Clock, page *client)
		want []string
		view string
	}{
		{"cancel button", func(t *testing.T, _ *Room, _ *fakeService, _ *clocktest.Clock, p *client) {
			p.post("/ui/cancel", url.Values{}, http.StatusOK, "Cancelled")
		}, []string{"user"}, "Cancelled"},
		{"window closed", func(t *testing.T, _ *Room, _ *fakeService, _ *clocktest.Clock, p *client) {
			p.post("/closed", url.Values{}, http.StatusNoContent)
			p.post("/closed", url.Values{}, http.StatusNoContent)
		}, []string{"user"}, "Cancelled"},
		{"silent", func(t *testing.T, r *Room, _ *fakeService, clock *clocktest.Clock, p *client) {
			clock.Advance(api.PageSilence)
			r.find(7).state.silent()
		}, []string{"silence"}, "out of touch"},
		{"almost silent", func(t *testing.T, r *Room, _ *fakeService, clock *clocktest.Clock, p *client) {
			clock.Advance(api.PageSilence - time.Second)
			r.find(7).state.silent()
		}, nil, "Open a cloud file"},
		{"heartbeat", func(t *testing.T, r *Room, _ *fakeService, clock *clocktest.Clock, p *client) {
			clock.Advance(api.PageSilence - time.Second)
			p.post("/alive", url.Values{"seq": {"0"}}, http.StatusOK)
			clock.Advance(api.PageSilence - time.Second)
			r.find(7).state.silent()
		}, nil, "Open a cloud file"},
		{"closed after the answer", func(t *testing.T, _ *Room, _ *fakeService, _ *clocktest.Clock, p *client) {
			p.get("/ui/home")
			p.post("/ui/choose", url.Values{"object": {"ob1"}}, http.StatusOK)
			p.post("/closed", url.Values{}, http.StatusNoContent)
		}, nil, "Your answer has arrived"},
		{"silent after the answer", func(t *testing.T, r *Room, _ *fakeService, clock *clocktest.Clock, p *client) {
			p.get("/ui/home")
			p.post("/ui/choose", url.Values{"object": {"ob1"}}, http.StatusOK)
			clock.Advance(api.PageSilence)
			r.find(7).state.silent()
		}, nil, "Your answer has arrived"},
		{"cancelled by the application", func(t *testing.T, r *Room, _ *fakeService, _ *clocktest.Clock, p *client) {
			_ = r.PageEnd(t.Context(), workerapi.PageEnd{Operation: 7, Error: &api.Error{Code: api.Cancelled, Message: "The application cancelled."}})
			p.post("/ui/choose", url.Values{"object": {"ob1"}}, http.StatusUnprocessableEntity)
		}, nil, "The application cancelled."},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, service, clock := newTestRoom(t)
			p := enter(t, r, workerapi.Page{Operation: 7, Purpose: purposePick})
			c.act(t, r, service, clock, p)
			if got := service.closedBy(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("closed by %v, want %v", got, c.want)
			}
			p.get("/ui/home", c.view)
		})
	}
}

// TestClosedWhileAnswering closes the window while the service thinks.
func TestClosedWhileAnswering(t *testing.T) {
	for _, c := range []struct {
		name    string
		refusal error
		want    []string
	}{{"accepted", nil, nil}, {"refused", &api.Error{Code: api.HeldByOther}, []string{"user"}}} {
		t.Run(c.name, func(t *testing.T) {
			r, service, _ := newTestRoom(t)
			p := enter(t, r, workerapi.Page{Operation: 7, Purpose: purposePick})
			p.get("/ui/home")
			gate := make(chan struct{})
			service.mu.Lock()
			service.wait[workerapi.MethodChosen], service.refuse[workerapi.MethodChosen] = gate, c.refusal
			service.mu.Unlock()
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				p.do(http.MethodPost, "/ui/choose", url.Values{"object": {"ob1"}})
			}()
			for r.find(7).state.now().Phase != phaseAnswering {
				runtime.Gosched()
			}
			p.post("/closed", url.Values{}, http.StatusNoContent)
			if by := service.closedBy(); len(by) != 0 {
				t.Errorf("closed by %v before the service answered", by)
			}
			close(gate)
			<-answered
			if got := service.closedBy(); !reflect.DeepEqual(got, c.want) {
				t.Errorf("closed by %v, want %v", got, c.want)
			}
		})
	}
}

// TestReload asks for the frame again: before use it works, afterwards it explains.
func TestReload(t *testing.T) {
	r, _, _ := newTestRoom(t)
	_, base, token := open(t, r, workerapi.Page{Operation: 7, Purpose: purposePick, Product: "minicad"})
	c := newClient(t, base)
	if got := c.get("/", "Loading"); strings.Contains(got, "data-used") != strings.Contains(got[strings.Index(got, "<template"):], "data-used") ||
		strings.Contains(got[:strings.Index(got, "<template")], "data-used") {
		t.Error("a fresh page says that it was used")
	}
	c.login(token)
	if got := c.get("/", "start again from minicad"); !strings.Contains(got[:strings.Index(got, "<template")], "data-used") {
		t.Error("a used page does not say so")
	}
}

// crowd is how many idle connections a page is tried with: fewer where each look at
// the system's tables takes long, as Wine's does.
func crowd() int {
	if runtime.GOOS == "windows" {
		return maxConns / 4
	}
	return 1000
}

// TestManyConnections holds a crowd of idle connections; the page still answers.
func TestManyConnections(t *testing.T) {
	r, _, _ := newTestRoom(t)
	p := enter(t, r, workerapi.Page{Operation: 7, Purpose: purposePick})
	address := strings.TrimPrefix(p.base, "http://")
	for range crowd() {
		conn, err := net.Dial("tcp4", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	fresh := newClient(t, p.base)
	fresh.bearer = p.bearer
	fresh.get("/ui/home", "bearing cover.dxf")
	conns := r.find(7).conns
	conns.mu.Lock()
	defer conns.mu.Unlock()
	if n := len(conns.open); n > maxConns {
		t.Errorf("%d connections are kept, at most %d", n, maxConns)
	}
}

// TestStrangersTakeNoPlace: however often another user connects, the user's own
// connection that has not asked yet keeps its place.
func TestStrangersTakeNoPlace(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	const me, stranger = "1000", "1001"
	var own atomic.Int32 // port of the only connection that is ours
	c := newConns(l, 4, func(_, remote netip.AddrPort) (string, error) {
		if int32(remote.Port()) == own.Load() {
			return me, nil
		}
		return stranger, nil
	}, me)
	if !c.quick {
		t.Skip("owners cannot be looked up at accept on this system")
	}
	accepted := make(chan net.Conn, 1)
	go func() { // ends with the listener
		for {
			conn, err := c.Accept()
			if err != nil {
				return
			}
			accepted <- conn
		}
	}()
	first, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}) // a port that is ours
	if err != nil {
		t.Fatal(err)
	}
	mine := first.Addr().(*net.TCPAddr)
	first.Close()
	own.Store(int32(mine.Port))
	conn, err := (&net.Dialer{LocalAddr: mine}).Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	served := <-accepted
	for range 20 {
		other, err := net.Dial("tcp4", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		_ = other.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, err := other.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("a stranger's connection was kept: %v", err)
		}
	}
	if _, err := io.WriteString(conn, "x"); err != nil {
		t.Fatal(err)
	}
	if n, err := served.Read(make([]byte, 1)); n != 1 {
		t.Errorf("the user's own connection: %v", err)
	}
}

// TestSlowClient sends a request a byte at a time: it is cut off, others are served.
func TestSlowClient(t *testing.T) {
	r, _, _ := newTestRoom(t)
	p := enter(t, r, workerapi.Page{Operation: 7, Purpose: purposePick})
	conn, err := net.Dial("tcp4", strings.TrimPrefix(p.base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET /ui/ho"); err != nil {
		t.Fatal(err)
	}
	p.get("/ui/home", "bearing cover.dxf")
	_ = conn.SetReadDeadline(time.Now().Add(4 * headerTimeout))
	_, err = io.Copy(io.Discard, conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Error("a connection that never finished its request was kept")
	}
}

// TestForeignOwner plants an owner that is another user, and one that is unknown.
func TestForeignOwner(t *testing.T) {
	for _, c := range []struct {
		name  string
		owner ownerFunc
	}{
		{"other user", func(_, _ netip.AddrPort) (string, error) { return "12345", nil }},
		{"unknown", func(_, _ netip.AddrPort) (string, error) { return "", errNoOwner }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, _, _ := newTestRoom(t)
			r.owner = c.owner
			_, base, _ := open(t, r, workerapi.Page{Operation: 7, Purpose: purposePick})
			conn, err := net.Dial("tcp4", strings.TrimPrefix(base, "http://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: "+strings.TrimPrefix(base, "http://")+"\r\n\r\n")
			if got, _ := io.ReadAll(conn); len(got) != 0 {
				t.Errorf("answered %q", got)
			}
		})
	}
}

// TestNothingLeft opens and ends pages in every way and counts what still runs.
func TestNothingLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	service := newFakeService()
	r := New(Config{Service: service, Clock: clocktest.New(day), User: ownUser(t)})
	var clients []*client
	for op := api.Operation(1); op <= 8; op++ {
		p := enter(t, r, workerapi.Page{Operation: op, Purpose: purposePick})
		clients = append(clients, p)
		idle, err := net.Dial("tcp4", strings.TrimPrefix(p.base, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer idle.Close()
	}
	clients[0].post("/ui/cancel", url.Values{}, http.StatusOK)
	clients[1].get("/ui/home")
	r.Close()
	for _, c := range clients {
		if conn, err := net.Dial("tcp4", strings.TrimPrefix(c.base, "http://")); err == nil {
			_ = conn.Close()
			t.Errorf("%s still listens", c.base)
		}
		c.http.CloseIdleConnections()
	}
	for wait := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(wait) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestOneExchange lets many come with the right token at once: one gets the bearer.
func TestOneExchange(t *testing.T) {
	r, _, _ := newTestRoom(t)
	_, base, token := open(t, r, workerapi.Page{Operation: 7, Purpose: purposePick})
	many := min(32, crowd()/2)
	got := make(chan int, many)
	for range many {
		c := newClient(t, base)
		go func() {
			status, _, _ := c.do(http.MethodPost, "/session", url.Values{"token": {token}})
			got <- status
		}()
	}
	counts := map[int]int{}
	for range many {
		counts[<-got]++
	}
	if counts[http.StatusOK] != 1 || counts[http.StatusForbidden] != many-1 {
		t.Errorf("answers %v, want one 200 and the rest 403", counts)
	}
}
