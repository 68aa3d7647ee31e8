package worker

import (
	"context"
	"encoding/json"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// fakeFiles answers at once; Fetch waits for its context.
type fakeFiles struct{ fetching chan struct{} }

func (f fakeFiles) Fetch(ctx context.Context, _ workerapi.Fetch) (workerapi.Fetched, error) {
	f.fetching <- struct{}{}
	<-ctx.Done()
	return workerapi.Fetched{}, &api.Error{Code: api.Cancelled}
}
func (fakeFiles) Inspect(_ context.Context, i workerapi.Inspect) (workerapi.Inspected, error) {
	return workerapi.Inspected{Path: i.Path}, nil
}
func (fakeFiles) Store(context.Context, workerapi.Store) (workerapi.Stored, error) {
	return workerapi.Stored{Version: 2}, nil
}
func (fakeFiles) Pending(context.Context) (workerapi.Pending, error) { return workerapi.Pending{}, nil }
func (fakeFiles) Keep(context.Context, workerapi.Staged) (workerapi.Kept, error) {
	return workerapi.Kept{}, nil
}
func (fakeFiles) Discard(context.Context, workerapi.Staged) error { return nil }
func (fakeFiles) Forget(context.Context, workerapi.Forget) error {
	return &api.Error{Code: api.NotFound}
}
func (fakeFiles) WriteFile(context.Context, workerapi.WriteFile) (workerapi.WrittenFile, error) {
	return workerapi.WrittenFile{}, nil
}

type fakePicker struct{ closed chan struct{} }

func (fakePicker) Page(context.Context, workerapi.Page) (workerapi.PageOpened, error) {
	return workerapi.PageOpened{URL: "http://127.0.0.1:1/"}, nil
}
func (fakePicker) PageEnd(context.Context, workerapi.PageEnd) error { return nil }
func (p fakePicker) Close()                                         { close(p.closed) }

// pair starts a worker on one end of a link and gives the service's end.
func pair(t *testing.T) (service *ipc.Link, files fakeFiles, picker fakePicker, ended chan error) {
	t.Helper()
	ours, theirs := link(t)
	files, picker = fakeFiles{make(chan struct{}, 1)}, fakePicker{make(chan struct{})}
	ended = make(chan error, 1)
	go func() {
		ended <- Run(theirs, "/home/a", func(*ipc.Link, workerapi.Start, string) (Files, Picker, error) {
			return files, picker, nil
		})
	}()
	service = ipc.NewLink(ours, ipc.Options{})
	t.Cleanup(func() { _ = service.Close(); <-service.Done() })
	return service, files, picker, ended
}

func TestMethodsBeforeAndAfterStart(t *testing.T) {
	service, _, _, _ := pair(t)
	call := func(method, params string) api.Code {
		return api.CodeOf(service.Call(t.Context(), method, json.RawMessage(params), nil))
	}
	names := []string{"worker.unknown", "hello", ""}
	for name := range methods {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names[1:] {
		want := api.Protocol
		if _, ok := methods[name]; !ok {
			want = api.NotSupported
		}
		if got := call(name, `{}`); got != want {
			t.Errorf("%s before start: %d, want %d", name, got, want)
		}
	}
	var started workerapi.Started
	if err := service.Call(t.Context(), workerapi.MethodStart, workerapi.Start{}, &started); err != nil {
		t.Fatal(err)
	}
	if started.PID != os.Getpid() || started.UID != ownUser() || started.Home != "/home/a" || !told(started.Rights) {
		t.Errorf("started %+v", started)
	}
	if got := call(workerapi.MethodStart, `{}`); got != api.Protocol {
		t.Errorf("a second start: %d", got)
	}
	for _, name := range names[1:] {
		want := map[string]api.Code{
			"worker.unknown": api.NotSupported, "hello": api.NotSupported, workerapi.MethodForget: api.NotFound,
		}[name]
		if name == workerapi.MethodFetch {
			continue // it waits
		}
		if got := call(name, `{}`); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
		if name == workerapi.MethodStore || name == workerapi.MethodPage {
			if got := call(name, `{"operation":"one"}`); got != api.InvalidArgument {
				t.Errorf("%s with wrong types: %d", name, got)
			}
		}
	}
}

func TestCancelFindsItsOperationOnly(t *testing.T) {
	service, files, _, _ := pair(t)
	if err := service.Call(t.Context(), workerapi.MethodStart, workerapi.Start{}, nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Call(t.Context(), workerapi.MethodFetch, workerapi.Fetch{Operation: 7}, nil) }()
	<-files.fetching
	for _, op := range []api.Operation{0, 8} {
		if err := service.Call(t.Context(), workerapi.MethodCancel, api.OperationRef{Operation: op}, nil); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-done:
		t.Fatalf("another operation's cancel ended it: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	if err := service.Call(t.Context(), workerapi.MethodCancel, api.OperationRef{Operation: 7}, nil); err != nil {
		t.Fatal(err)
	}
	if err := <-done; api.CodeOf(err) != api.Cancelled {
		t.Errorf("cancelled: %v", err)
	}
}

func TestEndOfTheSocketEndsEverything(t *testing.T) {
	before := runtime.NumGoroutine()
	service, files, picker, ended := pair(t)
	if err := service.Call(t.Context(), workerapi.MethodStart, workerapi.Start{}, nil); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- service.Call(t.Context(), workerapi.MethodFetch, workerapi.Fetch{Operation: 7}, nil) }()
	<-files.fetching
	_ = service.Close()
	if err := <-ended; err != nil {
		t.Errorf("the ordinary end: %v", err)
	}
	<-picker.closed
	<-done
	<-service.Done()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left of %d", runtime.NumGoroutine(), before)
}
