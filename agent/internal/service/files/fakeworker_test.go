package files

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/iscdesk/iscdesk/agent/internal/service/launch"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// inside is the worker as the service sees it.
type inside struct{ d *desk }

func (inside) Release() {}

func (w inside) Call(ctx context.Context, method string, params, result any) error {
	w.d.mu.Lock()
	dies, fails := w.d.dying[method] > 0, w.d.failing[method]
	if dies {
		w.d.dying[method]--
	}
	w.d.mu.Unlock()
	if fails != nil {
		return fails
	}
	got, err := w.serve(ctx, method, params)
	if dies { // after the work: the worst moment
		return fmt.Errorf("%w: planted", launch.ErrLost)
	}
	if err != nil {
		return err
	}
	return recode(got, result)
}

func (w inside) serve(ctx context.Context, method string, params any) (any, error) {
	switch method {
	case workerapi.MethodFetch:
		return serve(ctx, params, w.d.worker.Fetch)
	case workerapi.MethodInspect:
		return serve(ctx, params, w.d.worker.Inspect)
	case workerapi.MethodStore:
		return serve(ctx, params, w.d.worker.Store)
	case workerapi.MethodPending:
		return w.d.worker.Pending(ctx)
	case workerapi.MethodKeep:
		return serve(ctx, params, w.d.worker.Keep)
	case workerapi.MethodDiscard:
		return serve(ctx, params, func(ctx context.Context, o workerapi.Staged) (api.None, error) {
			return api.None{}, w.d.worker.Discard(ctx, o)
		})
	case workerapi.MethodForget:
		return serve(ctx, params, func(ctx context.Context, f workerapi.Forget) (api.None, error) {
			return api.None{}, w.d.worker.Forget(ctx, f)
		})
	case workerapi.MethodPage:
		return serve(ctx, params, func(_ context.Context, p workerapi.Page) (workerapi.PageOpened, error) {
			w.d.mu.Lock()
			defer w.d.mu.Unlock()
			w.d.pages[p.Operation] = p
			return workerapi.PageOpened{URL: "http://127.0.0.1:1/#token"}, nil
		})
	case workerapi.MethodPageEnd:
		return serve(ctx, params, func(_ context.Context, p workerapi.PageEnd) (api.None, error) {
			w.d.mu.Lock()
			defer w.d.mu.Unlock()
			w.d.ended[p.Operation] = p
			return api.None{}, nil
		})
	case workerapi.MethodCancel:
		return api.None{}, nil
	}
	return nil, fmt.Errorf("no method %s", method)
}

func serve[P, R any](ctx context.Context, params any, fn func(context.Context, P) (R, error)) (any, error) {
	var p P
	if err := recode(params, &p); err != nil {
		return nil, err
	}
	return fn(ctx, p)
}

func recode(from, into any) error {
	if into == nil {
		return nil
	}
	raw, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return json.Unmarshal(raw, into)
}
