package files

import (
	"context"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Open fetches an object into the workspace; EVENT_OPENCLOUDFILE_RESULT ends it,
// or EVENT_OPEN_CANCELLED. Refused at once: api.NotSignedIn, SessionExpired,
// RootCaller, Busy.
func (r *Room) Open(ctx context.Context, a caller.Actor, o api.Open) (api.Started, error) {
	if _, err := r.cfg.Account(a.UID); err != nil {
		return api.Started{}, err
	}
	if err := r.mayUseFiles(ctx, a); err != nil {
		return api.Started{}, err
	}
	x, err := r.begin(a, api.MethodOpen, o.ComeBack, "", job{Object: o.Object, Version: o.Version, Checkout: o.Checkout})
	if err != nil {
		return api.Started{}, err
	}
	r.start(func() {
		defer x.leave()
		x.open()
	})
	return api.Started{Operation: x.op.ID()}, nil
}

// mayUseFiles gets the worker once, so that who gets none is told at once.
func (r *Room) mayUseFiles(ctx context.Context, a caller.Actor) error {
	for n := 1; ; n++ {
		w, err := r.cfg.Worker(ctx, a)
		if err == nil {
			w.Release()
			r.sweep(a.UID)
			return nil
		}
		if api.CodeOf(err) != api.Internal || n == startTries || ctx.Err() != nil {
			return err
		}
		pause(ctx, n)
	}
}

// startTries is how often a worker that ended before it was ready is started again
// while an application waits.
const startTries = 4

// open runs an open whose object is known, to its event.
func (x *run) open() {
	done, err := x.fetch()
	switch {
	case x.stopping():
		return
	case err != nil && api.CodeOf(err) == api.Cancelled:
		x.giveBack()
		x.cancelled("application", err)
	case err != nil:
		x.giveBack()
		params := events.Failure(x.op.Owner().Language, err)
		params["mainFile"], params["object"] = "", x.job.Object
		x.end(api.EventOpenResult, api.OperateOpenFile, params, true)
	default:
		x.end(api.EventOpenResult, api.OperateOpenFile, done, false)
	}
	x.endPage(err, done["mainFile"])
}

func (x *run) end(typ, operate string, params map[string]string, failed bool) {
	if err := x.op.End(typ, operate, params, failed); err != nil {
		x.room.cfg.Log.Error("result not kept", "operation", x.op.ID(), "error", err)
	}
}

// cancelled ends an open as cancelled; by is user, application or silence.
func (x *run) cancelled(by string, err error) {
	params := events.Failure(x.op.Owner().Language, err)
	delete(params, api.ParamStatus)
	params["by"] = by
	x.end(api.EventOpenCancelled, api.OperateOpenCancelled, params, true)
}

// fetch does the work of an open and returns the params of its event.
func (x *run) fetch() (map[string]string, error) {
	ctx := x.op.Context()
	account, err := x.room.cfg.Account(x.uid)
	if err != nil {
		return nil, err
	}
	c, err := x.cloud()
	if err != nil {
		return nil, err
	}
	obj, err := c.Object(ctx, x.job.Object)
	if err != nil {
		return nil, err
	}
	version, err := pickVersion(ctx, c, x.job.Object, x.job.Version)
	if err != nil {
		return nil, err
	}
	held, err := x.hold(c, account, obj.Entry.Checkout)
	if err != nil {
		return nil, err
	}
	token, err := x.grant(c, obj.Space, cloudapi.NewTransfer{Mode: "read", Operation: x.job.Key, Object: x.job.Object})
	if err != nil {
		return nil, err
	}
	ask := workerapi.Fetch{
		Operation: x.op.ID(), Token: token, Space: obj.Space, SpaceName: obj.SpaceName,
		Object: x.job.Object, Name: obj.Entry.Name, Kind: obj.Entry.Kind, Version: version,
		Checkout: held, Account: account, Path: []string{},
	}
	for _, f := range obj.Path {
		ask.Path = append(ask.Path, f.Name)
	}
	x.showProgress(api.EventOpenProgress)
	defer x.showProgress("")
	var got workerapi.Fetched
	if err := x.call(workerapi.MethodFetch, ask, &got); err != nil {
		return nil, err
	}
	return x.opened(ask, got), nil
}

// hold is the check-out that an open goes with: the one that this user has on this
// machine, renewed or taken when the open asks for one, or nil.
func (x *run) hold(c Cloud, account string, held *cloudapi.Checkout) (*cloudapi.Checkout, error) {
	if !x.mine(account, held) {
		held = nil
	}
	if !x.job.Checkout {
		return held, nil
	}
	got, err := c.Checkout(x.op.Context(), x.job.Object, 0) // renewing never brings an end nearer
	if err != nil {
		return nil, err
	}
	if held == nil {
		x.job.Took = got.Fence
		if err := x.keep(); err != nil {
			return nil, err
		}
	}
	return &got, nil
}

// opened are the params of EVENT_OPENCLOUDFILE_RESULT.
func (x *run) opened(ask workerapi.Fetch, got workerapi.Fetched) map[string]string {
	params := map[string]string{
		api.ParamStatus: api.StatusSuccess,
		"mainFile":      got.MainFile,
		"openType":      api.OpenOnly,
		"workState":     api.WorkCheckin,
		"assembly":      strconv.FormatBool(ask.Kind == cloudapi.KindAssembly),
		"object":        ask.Object,
		"version":       strconv.FormatInt(ask.Version.Number, 10),
	}
	if x.job.Checkout {
		params["openType"] = api.OpenAndCheckout
	}
	if ask.Checkout != nil {
		params["workState"] = api.WorkCheckout
	}
	if got.ConflictCopy != "" {
		params["conflictCopy"] = got.ConflictCopy
	}
	if got.KeptLocal {
		params["keptLocal"] = "true"
	}
	return params
}

// pickVersion is the version asked for, or the newest.
func pickVersion(ctx context.Context, c Cloud, object string, number int64) (cloudapi.Version, error) {
	before := int64(0)
	if number > 0 {
		before = number + 1
	}
	list, err := c.Versions(ctx, object, before)
	if err != nil {
		return cloudapi.Version{}, err
	}
	if len(list.Versions) == 0 || number > 0 && list.Versions[0].Number != number {
		return cloudapi.Version{}, refuse(api.NotFound, "the object has no version "+strconv.FormatInt(number, 10))
	}
	return list.Versions[0], nil
}

// mine says that a check-out is this account's on this machine.
func (x *run) mine(account string, c *cloudapi.Checkout) bool { return x.room.mine(account, c) }

func (r *Room) mine(account string, c *cloudapi.Checkout) bool {
	return c != nil && account != "" && c.Account == account && c.Device != "" && c.Device == r.cfg.Device()
}

// giveBack returns the check-out that a failed or cancelled open had taken.
func (x *run) giveBack() {
	if x.job.Took == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(x.op.Context()), 10*time.Second)
	defer cancel()
	c, err := x.room.cfg.User(ctx, x.uid)
	if err == nil {
		err = c.Checkin(ctx, x.job.Object, x.job.Took)
	}
	if err != nil {
		x.room.cfg.Log.Warn("check-out of a failed open not given back; it ends by itself",
			"operation", x.op.ID(), "object", x.job.Object, "error", err)
	}
}
