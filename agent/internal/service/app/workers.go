package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/launch"
	"github.com/iscdesk/iscdesk/agent/internal/service/license"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// workerStart is what a new worker is told: the way to the cloud, no key.
func (r *rooms) workerStart() workerapi.Start {
	return workerapi.Start{Cloud: r.http.Base(), CAPEM: string(r.caPEM), Proxy: r.http.Proxy(), Build: r.cfg.Build}
}

// handle gives a worker's request to its room. uid is the launcher's word.
func (r *rooms) handle(ctx context.Context, uid caller.UID, method string, params json.RawMessage) (any, error) {
	if method != workerapi.MethodSignIn {
		return r.files.Handle(ctx, uid, method, params)
	}
	var s workerapi.SignIn
	if err := json.Unmarshal(params, &s); err != nil {
		return nil, &api.Error{Code: api.InvalidArgument, Detail: "decode " + method + ": " + err.Error()}
	}
	return r.signin.SignInFromPage(ctx, s.Operation, uid, s.AuthLogin)
}

// notice gives a worker's notice to the rooms that may know its operation.
func (r *rooms) notice(uid caller.UID, method string, params json.RawMessage) {
	var closed workerapi.PageClosed
	if method == workerapi.NoticeClosed && json.Unmarshal(params, &closed) == nil {
		r.signin.PageClosed(closed.Operation, uid, closed.By)
	}
	r.files.Notice(uid, method, params)
}

// readNamed reads a file that the configuration names in a setting.
func readNamed(setting, path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the file of setting %s: %w", setting, err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("read the file of setting %s: %w", setting, err)
	}
	return text, nil
}

// importKeys reads the keys that the administrator named for licence documents; none are none.
func (r *rooms) importKeys() (jose.JSONWebKeySet, error) {
	if r.cfg.LicenseKeys == "" {
		return jose.JSONWebKeySet{}, nil
	}
	text, err := readNamed("license_keys", r.cfg.LicenseKeys, maxKeys)
	if err != nil {
		return jose.JSONWebKeySet{}, err
	}
	keys, err := license.ParseKeys(text)
	if err != nil {
		return jose.JSONWebKeySet{}, fmt.Errorf("read the file of setting license_keys (%s): %w", r.cfg.LicenseKeys, err)
	}
	return keys, nil
}

// worker keeps a nil *launch.Worker from becoming an interface that is not nil.
func worker(w *launch.Worker, err error) (workerCaller, error) {
	if err != nil {
		return nil, err
	}
	return w, nil
}

// workerCaller is what every room needs of a worker.
type workerCaller interface {
	Call(ctx context.Context, method string, params, result any) error
	Release()
}
