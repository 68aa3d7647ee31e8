package sdktest

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Call is one request that the agent has received.
type Call struct {
	Method string
	Params json.RawMessage
}

// listener is where applications connect: a socket, or a named pipe of Windows.
// stream is one connection.
type (
	listener interface {
		Accept() (stream, error)
		Close() error
	}
	stream interface {
		io.ReadWriteCloser
		SetWriteDeadline(t time.Time) error
	}
)

// Agent is the fake. All methods may be called from any goroutine.
type Agent struct {
	t        testing.TB
	endpoint string
	clock    *Clock

	mu       sync.Mutex // guards the rest; nothing is sent while it is held
	listener listener
	running  sync.WaitGroup // accept loop and pumps of the running agent
	conns    map[*conn]bool
	sessions map[string]*session // by secret
	epoch    int
	secrets  int

	hello    func(*api.HelloResult)
	scripts  map[string]*script
	calls    []Call
	lastOp   api.Operation
	ops      map[api.Operation]*operation
	manual   bool
	pending  bool   // licences have to be made by their publisher
	imported []byte // the parts of a document that came so far
	away     bool   // the cloud
	license  api.LicenseState
	auth     api.AuthStatus
	passwd   string
	spaces   []api.Space
	folders  map[string][]api.Entry // by space and folder id
	pageURL  string
	folder   string // where opened files are laid
	nextBeat time.Time
}

// NewAgent starts a fake agent and ends it with the test. Its user is signed in
// as "mei@example.com", has a valid licence for a year and one space "s1" with
// a few files.
func NewAgent(t testing.TB) *Agent {
	t.Helper()
	dir, err := os.MkdirTemp("", "isc") // t.TempDir can be longer than a socket's path may be
	if err != nil {
		t.Fatal(err)
	}
	a := &Agent{
		t: t, endpoint: endpointIn(dir), folder: t.TempDir(), clock: NewClock(),
		conns: map[*conn]bool{}, sessions: map[string]*session{},
		scripts: map[string]*script{}, ops: map[api.Operation]*operation{}, lastOp: 100,
	}
	a.furnish()
	t.Cleanup(func() {
		a.Halt()
		_ = os.RemoveAll(dir)
	})
	a.Start()
	return a
}

// Endpoint is the socket's path or the pipe's name, for sdk.Options or iscdesk_init.
func (a *Agent) Endpoint() string { return a.endpoint }

// Folder is where opened cloud files are laid.
func (a *Agent) Folder() string { return a.folder }

// Start listens, after Stop or Halt, as a new process would: a new epoch, no
// session known, operations kept.
func (a *Agent) Start() {
	a.t.Helper()
	l, err := listen(a.endpoint)
	if err != nil {
		a.t.Errorf("start fake agent: %v", err)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.epoch++
	a.sessions = map[string]*session{}
	a.listener = l
	a.running.Go(func() { a.accept(l) })
}

// Stop ends the agent in order: it tells every session EVENT_DESK_CLOSED with
// the reason "stopping", then goes.
func (a *Agent) Stop() {
	a.Emit(Event{Type: api.EventDeskClosed, Operate: api.OperateDeskClosed, Params: map[string]string{
		api.ParamReason: "stopping", api.ParamHint: "The agent is being stopped."}})
	a.Flush()
	a.Halt()
}

// Halt ends the agent as a kill does: connections break, the endpoint refuses.
func (a *Agent) Halt() {
	a.mu.Lock()
	l := a.listener
	a.listener = nil
	a.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
	a.Drop()
	a.running.Wait()
}

// Restart is Halt and Start.
func (a *Agent) Restart() {
	a.t.Helper()
	a.Halt()
	a.Start()
}

// Drop breaks every connection. The agent goes on, sessions and epoch live.
func (a *Agent) Drop() {
	for _, c := range a.open() {
		_ = c.link.Close()
		<-c.link.Done()
	}
}

// Garbage writes raw bytes to every connection.
func (a *Agent) Garbage(b []byte) {
	for _, c := range a.open() {
		_, _ = c.raw.Write(b)
	}
}

// Connections is how many applications are connected now.
func (a *Agent) Connections() int { return len(a.open()) }

func (a *Agent) open() []*conn {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []*conn
	for c := range a.conns {
		list = append(list, c)
	}
	return list
}

// accept serves l until it closes.
func (a *Agent) accept(l listener) {
	for {
		raw, err := l.Accept()
		if err != nil {
			return
		}
		c := &conn{agent: a, raw: raw, wake: make(chan struct{}, 1)}
		a.mu.Lock()
		stopped := a.listener != l
		if !stopped {
			a.conns[c] = true
			c.link = ipc.NewLink(raw, ipc.Options{MaxIn: api.MaxRequestFrame, Handle: c.handle})
			a.running.Go(c.pump)
		}
		a.mu.Unlock()
		if stopped {
			_ = raw.Close()
		}
	}
}

func (a *Agent) epochName() string { return fmt.Sprintf("epoch-%d", a.epoch) }
