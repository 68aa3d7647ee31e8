package worker

import (
	"context"
	"encoding/json"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// method answers one request once the process has its rooms.
type method func(ctx context.Context, f Files, p Picker, params json.RawMessage) (any, error)

// methods is everything a worker does. worker.start and worker.cancel are the
// process's own; worker.cancel stands here so that one table names them all.
var methods = map[string]method{
	workerapi.MethodCancel: nil,
	workerapi.MethodDiscard: func(ctx context.Context, f Files, _ Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, nothing(f.Discard))
	},
	workerapi.MethodFetch: func(ctx context.Context, f Files, _ Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, f.Fetch)
	},
	workerapi.MethodForget: func(ctx context.Context, f Files, _ Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, nothing(f.Forget))
	},
	workerapi.MethodInspect: func(ctx context.Context, f Files, _ Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, f.Inspect)
	},
	workerapi.MethodKeep: func(ctx context.Context, f Files, _ Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, f.Keep)
	},
	workerapi.MethodPage: func(ctx context.Context, _ Files, p Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, p.Page)
	},
	workerapi.MethodPageEnd: func(ctx context.Context, _ Files, p Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, nothing(p.PageEnd))
	},
	workerapi.MethodPending: func(ctx context.Context, f Files, _ Picker, _ json.RawMessage) (any, error) {
		return f.Pending(ctx)
	},
	workerapi.MethodStore: func(ctx context.Context, f Files, _ Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, f.Store)
	},
	workerapi.MethodWriteFile: func(ctx context.Context, f Files, _ Picker, raw json.RawMessage) (any, error) {
		return decode(ctx, raw, f.WriteFile)
	},
}

// decode reads params as P and calls fn.
func decode[P, R any](ctx context.Context, raw json.RawMessage, fn func(context.Context, P) (R, error)) (any, error) {
	var p P
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &p); err != nil {
			return nil, &api.Error{Code: api.InvalidArgument, Detail: "decode request: " + err.Error()}
		}
	}
	return fn(ctx, p)
}

// nothing gives an answer to a request that has none.
func nothing[P any](fn func(context.Context, P) error) func(context.Context, P) (api.None, error) {
	return func(ctx context.Context, p P) (api.None, error) { return api.None{}, fn(ctx, p) }
}
