package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// FD is the descriptor that the service hands over on Linux; a handle of Windows
// has any number and comes on the command line.
const FD = 3

// maxInFlight bounds the requests of the service that run at once; each may be a
// whole transfer, so it is wider than the local socket's.
const maxInFlight = 256

// Files is what the process needs of the files room (package worker/files).
type Files interface {
	Fetch(ctx context.Context, f workerapi.Fetch) (workerapi.Fetched, error)
	Inspect(ctx context.Context, i workerapi.Inspect) (workerapi.Inspected, error)
	Store(ctx context.Context, s workerapi.Store) (workerapi.Stored, error)
	Pending(ctx context.Context) (workerapi.Pending, error)
	Keep(ctx context.Context, s workerapi.Staged) (workerapi.Kept, error)
	Discard(ctx context.Context, s workerapi.Staged) error
	Forget(ctx context.Context, f workerapi.Forget) error
	WriteFile(ctx context.Context, w workerapi.WriteFile) (workerapi.WrittenFile, error)
}

// Picker is what the process needs of the pages room (package worker/picker).
type Picker interface {
	Page(ctx context.Context, p workerapi.Page) (workerapi.PageOpened, error)
	PageEnd(ctx context.Context, p workerapi.PageEnd) error
	Close()
}

// Rooms makes the rooms of the process once the service has configured it.
type Rooms func(link *ipc.Link, start workerapi.Start, home string) (Files, Picker, error)

// process is the worker between start and end.
type process struct {
	rooms Rooms
	home  string
	ready chan struct{} // closed when link is set: the first request may come before
	link  *ipc.Link

	mu     sync.Mutex // guards what follows; nothing blocks while it is held
	files  Files
	picker Picker
	live   map[api.Operation]map[int]context.CancelFunc // running requests by operation
	next   int
}

// Run serves the socketpair until the service closes it, then cancels what runs
// and waits for it. home is the user's home folder as the service told it. A
// closed socketpair is the ordinary end and gives nil.
func Run(conn io.ReadWriteCloser, home string, rooms Rooms) error {
	p := &process{
		rooms: rooms, home: home,
		ready: make(chan struct{}),
		live:  make(map[api.Operation]map[int]context.CancelFunc),
	}
	p.link = ipc.NewLink(conn, ipc.Options{Handle: p.handle, MaxInFlight: maxInFlight, MaxIn: workerapi.MaxFrame})
	close(p.ready)
	<-p.link.Done()
	p.mu.Lock()
	picker := p.picker
	p.mu.Unlock()
	if picker != nil {
		picker.Close()
	}
	if err := p.link.Err(); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrClosedPipe) {
		return fmt.Errorf("serve the service: %w", err)
	}
	return nil
}

// handle is the worker's door: one request of the service.
func (p *process) handle(ctx context.Context, method string, params json.RawMessage) (any, error) {
	<-p.ready
	if method == workerapi.MethodStart {
		return decode(ctx, params, p.start)
	}
	serve, ok := methods[method]
	if !ok {
		return nil, &api.Error{Code: api.NotSupported, Detail: "the worker has no method " + method}
	}
	p.mu.Lock()
	files, picker := p.files, p.picker
	p.mu.Unlock()
	if files == nil {
		return nil, &api.Error{Code: api.Protocol, Detail: method + " before " + workerapi.MethodStart}
	}
	var of api.OperationRef
	_ = json.Unmarshal(params, &of) // a request without an operation has nothing to cancel it by
	if method == workerapi.MethodCancel {
		p.cancel(of.Operation)
		return api.None{}, nil
	}
	ctx, done := p.running(ctx, of.Operation)
	defer done()
	return serve(ctx, files, picker, params)
}

// start configures the process, once.
func (p *process) start(_ context.Context, s workerapi.Start) (workerapi.Started, error) {
	started, err := self(p.home)
	if err != nil {
		return workerapi.Started{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.files != nil {
		return workerapi.Started{}, &api.Error{Code: api.Protocol, Detail: "the worker was started before"}
	}
	files, picker, err := p.rooms(p.link, s, p.home)
	if err != nil {
		return workerapi.Started{}, fmt.Errorf("make the worker's rooms: %w", err)
	}
	p.files, p.picker = files, picker
	return started, nil
}

// running notes a request so that worker.cancel finds it; done forgets it.
func (p *process) running(ctx context.Context, op api.Operation) (context.Context, func()) {
	ctx, cancel := context.WithCancel(ctx)
	if op == 0 {
		return ctx, cancel
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next++
	id := p.next
	if p.live[op] == nil {
		p.live[op] = make(map[int]context.CancelFunc)
	}
	p.live[op][id] = cancel
	return ctx, func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.live[op], id)
		if len(p.live[op]) == 0 {
			delete(p.live, op)
		}
	}
}

func (p *process) cancel(op api.Operation) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, cancel := range p.live[op] {
		cancel()
	}
}

// Socket takes up the descriptor or handle that the service handed over. It refuses
// anything that is not a connected unix stream socket, on Windows a pipe of the process
// that started this one, so that the hidden command does nothing when a person tries it.
func Socket(number int) (io.ReadWriteCloser, error) { return socket(number) }
