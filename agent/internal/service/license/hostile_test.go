package license

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// liar is a worker that its user has taken over: the path that it wrote to.
type liar string

func (l liar) Call(_ context.Context, _ string, _, result any) error {
	result.(*workerapi.WrittenFile).Path = string(l)
	return nil
}

func (liar) Release() {}

// What is no path is not told as the licence's.
func TestPathOfAWorker(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for path, want := range map[string]api.Code{
		home() + "a.lic": api.OK, "": api.Internal, filepath.Join("..", "a.lic"): api.Internal, home() + "\x00b": api.Internal, home() + "\xff": api.Internal,
	} {
		_, err := b.room.write(ctx, "minicad", content{FileName: "a.lic"}, func(context.Context) (Worker, error) { return liar(path), nil })
		if api.CodeOf(err) != want {
			t.Errorf("%q: %v", path, err)
		}
	}
}
