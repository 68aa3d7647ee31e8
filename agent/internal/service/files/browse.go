package files

import (
	"context"
	"path/filepath"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// user is the cloud as the OS user's account sees it.
func (r *Room) user(ctx context.Context, uid caller.UID) (Cloud, string, error) {
	c, err := r.cfg.User(ctx, uid)
	if err != nil {
		return nil, "", err
	}
	account, err := r.cfg.Account(uid)
	return c, account, err
}

// Spaces lists the drive spaces of the signed-in user.
func (r *Room) Spaces(ctx context.Context, a caller.Actor) (api.Spaces, error) {
	r.nudge(a.UID)
	return r.spaces(ctx, a.UID)
}

func (r *Room) spaces(ctx context.Context, uid caller.UID) (api.Spaces, error) {
	c, _, err := r.user(ctx, uid)
	if err != nil {
		return api.Spaces{}, err
	}
	got, err := c.Spaces(ctx)
	if err != nil {
		return api.Spaces{}, err
	}
	out := api.Spaces{Spaces: make([]api.Space, 0, len(got.Spaces))}
	for _, s := range got.Spaces {
		out.Spaces = append(out.Spaces, api.Space{ID: s.ID, Name: s.Name, Role: s.Role})
	}
	return out, nil
}

// List lists a folder.
func (r *Room) List(ctx context.Context, a caller.Actor, l api.List) (api.Listing, error) {
	r.nudge(a.UID)
	return r.list(ctx, a.UID, l)
}

func (r *Room) list(ctx context.Context, uid caller.UID, l api.List) (api.Listing, error) {
	c, account, err := r.user(ctx, uid)
	if err != nil {
		return api.Listing{}, err
	}
	got, err := c.Entries(ctx, l.Space, l.Folder, l.After)
	if err != nil {
		return api.Listing{}, err
	}
	out := api.Listing{Path: make([]api.Entry, 0, len(got.Path)), Entries: make([]api.Entry, 0, len(got.Entries)), Next: got.Next}
	for _, e := range got.Path {
		out.Path = append(out.Path, r.entry(account, e))
	}
	for _, e := range got.Entries {
		out.Entries = append(out.Entries, r.entry(account, e))
	}
	return out, nil
}

// entry is an entry of the cloud as this account on this machine sees it.
func (r *Room) entry(account string, e cloudapi.Entry) api.Entry {
	out := api.Entry{ID: e.ID, Kind: e.Kind, Name: e.Name, Size: e.Size, Version: e.Version, Modified: e.Modified, By: e.By}
	if c := e.Checkout; c != nil {
		out.Holder = &api.Holder{
			Account: c.Account, Name: c.Name, Machine: c.Machine, Since: c.Since, Until: c.Until, Mine: r.mine(account, c),
		}
	}
	return out
}

// Versions lists an object's versions, newest first; from o.Version down when it is set.
func (r *Room) Versions(ctx context.Context, a caller.Actor, o api.ObjectRef) (api.Versions, error) {
	r.nudge(a.UID)
	return r.versions(ctx, a.UID, o)
}

func (r *Room) versions(ctx context.Context, uid caller.UID, o api.ObjectRef) (api.Versions, error) {
	c, _, err := r.user(ctx, uid)
	if err != nil {
		return api.Versions{}, err
	}
	before := int64(0)
	if o.Version > 0 {
		before = o.Version + 1
	}
	got, err := c.Versions(ctx, o.Object, before)
	if err != nil {
		return api.Versions{}, err
	}
	out := api.Versions{Versions: make([]api.Version, 0, len(got.Versions))}
	for _, v := range got.Versions {
		out.Versions = append(out.Versions, api.Version{Number: v.Number, Size: v.Size, Created: v.Created, By: v.By, Machine: v.Machine})
	}
	return out, nil
}

// Checkin gives a check-out back without saving; the local copy stays and is
// read-only from then on as far as the cloud is concerned. api.NotCheckedOut when
// there is none of this user on this machine, PathInUse while a save of the path
// waits for the cloud: given back, it could never be sent.
func (r *Room) Checkin(ctx context.Context, a caller.Actor, ci api.Checkin) error {
	r.nudge(a.UID)
	c, account, err := r.user(ctx, a.UID)
	if err != nil {
		return err
	}
	worker := func(method string, params, result any) error { return r.theirs(ctx, a, method, params, result) }
	object := ci.Object
	if object == "" {
		got, err := inspectAny(worker, filepath.Clean(ci.Path))
		if err != nil {
			return err
		}
		if got.Object == "" {
			return refuse(api.NotCloudFile, ci.Path+" did not come from the cloud")
		}
		object = got.Object
	}
	var waiting workerapi.Pending
	if err := worker(workerapi.MethodPending, api.None{}, &waiting); err != nil {
		return err
	}
	for _, s := range waiting.Stores {
		if s.Object == object {
			return refuse(api.PathInUse, "a save of "+s.Path+" still waits for the cloud")
		}
	}
	obj, err := c.Object(ctx, object)
	if err != nil {
		return err
	}
	held := obj.Entry.Checkout
	if !r.mine(account, held) {
		if err := worker(workerapi.MethodForget, workerapi.Forget{Object: object}, nil); err != nil {
			return err
		}
		return refuse(api.NotCheckedOut, "the object is not checked out by this user on this machine")
	}
	if err := c.Checkin(ctx, object, held.Fence); err != nil {
		return err
	}
	return worker(workerapi.MethodForget, workerapi.Forget{Object: object}, nil)
}

// inspectAny inspects a path of either kind.
func inspectAny(worker func(method string, params, result any) error, path string) (workerapi.Inspected, error) {
	var got workerapi.Inspected
	err := worker(workerapi.MethodInspect, workerapi.Inspect{Path: path}, &got)
	if api.CodeOf(err) == api.PathNotRegular {
		err = worker(workerapi.MethodInspect, workerapi.Inspect{Path: path, Assembly: true}, &got)
	}
	return got, err
}
