package launch

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/worker"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/ipc"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// The test program is its own worker: the launcher runs the running program.
func TestMain(m *testing.M) {
	if os.Getenv(serviceProgram) != "" {
		serveUntilKilled()
	}
	if len(os.Args) > 1 && os.Args[1] == "worker" {
		link := worker.FD
		if len(os.Args) > 2 {
			link, _ = strconv.Atoi(os.Args[2])
		}
		home, _ := os.UserHomeDir()
		conn, err := worker.Socket(link)
		if err == nil {
			err = worker.Run(conn, home, func(l *ipc.Link, _ workerapi.Start, _ string) (worker.Files, worker.Picker, error) {
				return &probe{service: l}, nil, nil
			})
		}
		if err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// probe is a files room that shows what the process is and can do. Inspect's
// path selects the deed.
type probe struct {
	worker.Files
	service *ipc.Link
}

func (p *probe) Inspect(ctx context.Context, i workerapi.Inspect) (workerapi.Inspected, error) {
	var out any
	switch verb, arg, _ := strings.Cut(i.Path, " "); verb {
	case "env":
		out = os.Environ()
	case "cwd":
		out, _ = os.Getwd()
	case "write":
		out = fmt.Sprint(os.WriteFile(arg, []byte("x"), 0o666))
	case "sleep":
		<-ctx.Done()
		return workerapi.Inspected{}, &api.Error{Code: api.Cancelled}
	case "ask":
		var answer string
		err := p.service.Call(ctx, "service.echo", arg, &answer)
		out = fmt.Sprint(answer, err)
	default:
		var err error
		if out, err = systemsDeed(i.Path); err != nil {
			return workerapi.Inspected{}, err
		}
	}
	raw, err := json.Marshal(out)
	return workerapi.Inspected{Path: string(raw)}, err
}

// WriteFile tells how much it was handed.
func (p *probe) WriteFile(_ context.Context, w workerapi.WriteFile) (workerapi.WrittenFile, error) {
	return workerapi.WrittenFile{Path: strconv.Itoa(len(w.Data))}, nil
}

// Pending never answers before its request ends.
func (p *probe) Pending(ctx context.Context) (workerapi.Pending, error) {
	<-ctx.Done()
	return workerapi.Pending{}, ctx.Err()
}

func newLauncher(t *testing.T, change func(*Config)) *Launcher {
	t.Helper()
	cfg := Config{
		Start: func() workerapi.Start { return workerapi.Start{Build: "test"} },
		Handle: func(_ context.Context, uid caller.UID, method string, params json.RawMessage) (any, error) {
			return fmt.Sprintf("%s %s %s", uid, method, params), nil
		},
		Notice: func(caller.UID, string, json.RawMessage) {},
		Users:  somebody,
	}
	if change != nil {
		change(&cfg)
	}
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func deed(t *testing.T, w *Worker, what string) string {
	t.Helper()
	var out workerapi.Inspected
	if err := w.Call(t.Context(), workerapi.MethodInspect, workerapi.Inspect{Path: what}, &out); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return out.Path
}

func acquire(t *testing.T, l *Launcher, a caller.Actor) *Worker {
	t.Helper()
	w, err := l.Acquire(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Release)
	return w
}
