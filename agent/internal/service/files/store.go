package files

import (
	"context"
	"errors"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// store does the work of a save: what is known of the path, who may, the token,
// the worker.
func (x *run) store() (workerapi.Stored, error) {
	account, err := x.room.signedIn(x.uid, x.account)
	if err != nil {
		return workerapi.Stored{}, err
	}
	ask := workerapi.Store{
		Operation: x.op.ID(), Key: x.job.Key, Path: x.job.Path, Assembly: x.job.Assembly, Account: account,
		Space: x.job.Space, Folder: x.job.Folder, Name: x.job.Name,
	}
	if x.job.At != nil {
		ask.At = *x.job.At
	}
	if x.op.Method() == api.MethodSave {
		if err := x.known(account, &ask); err != nil {
			return workerapi.Stored{}, err
		}
	}
	var token string
	if ask.After != "" {
		err = refuse(api.CloudUnreachable, "an earlier save of "+x.job.Path+", which makes its object, waits for the cloud")
	} else {
		token, err = x.permit(account, &ask)
	}
	if err != nil && !cloudhttp.AwayOrBusy(err) {
		return workerapi.Stored{}, err
	}
	if err != nil {
		// The worker stages the snapshot; a token of none says that the cloud is away.
		got, serr := x.send(ask)
		if serr == nil && got.Queued {
			got.Why = failure(x.op.Owner().Language, err)
		}
		return got, serr
	}
	ask.Token = token
	return x.upload(ask)
}

// known asks the worker what the path is and refuses what cannot be saved back.
func (x *run) known(account string, ask *workerapi.Store) error {
	var in workerapi.Inspected
	if err := x.call(workerapi.MethodInspect, workerapi.Inspect{Path: x.job.Path, Assembly: x.job.Assembly}, &in); err != nil {
		return err
	}
	ask.At = in.At // what is decided here is decided for this file
	switch {
	case in.Object == "" && in.After == "" || in.Space == "":
		return refuse(api.NotCloudFile, x.job.Path+" did not come from the cloud")
	case in.Account != account:
		return refuse(api.Forbidden, x.job.Path+" was opened by another account")
	case in.After != "":
		// It waits its turn behind the save that makes the object.
		ask.Space, ask.Name, ask.After = in.Space, in.Name, in.After
		return nil
	case in.Fence == 0:
		return refuse(api.NotCheckedOut, x.job.Path+" was opened without check-out")
	}
	x.job.Object = in.Object
	ask.Space, ask.Object, ask.Base, ask.Fence = in.Space, in.Object, in.Version, in.Fence
	return nil
}

// permit looks whether the check-out that the work began with still lives, renews
// it, and gets the transfer token. It never takes a new check-out: that would turn
// lost rights into silent overwriting.
func (x *run) permit(account string, ask *workerapi.Store) (token string, err error) {
	ctx := x.op.Context()
	c, err := x.cloud()
	if err != nil {
		return "", err
	}
	if ask.Object != "" {
		obj, err := c.Object(ctx, ask.Object)
		if err != nil {
			return "", err
		}
		held := obj.Entry.Checkout
		if !x.mine(account, held) || held.Fence != ask.Fence {
			return "", refuse(api.CheckoutLost, "the check-out of "+x.job.Path+" ended or was taken over")
		}
		ask.Space, ask.SpaceName, ask.Name = obj.Space, obj.SpaceName, obj.Entry.Name
		if err := x.renewLease(ctx, c, ask.Object, held); err != nil {
			return "", err
		}
	}
	return x.grant(c, ask.Space, cloudapi.NewTransfer{Mode: "write", Operation: ask.Key, Object: ask.Object})
}

// renewLease makes a held check-out longer. Should it have ended in this very
// moment, the cloud gives a new one, which goes back at once.
func (x *run) renewLease(ctx context.Context, c Cloud, object string, held *cloudapi.Checkout) error {
	got, err := c.Checkout(ctx, object, 0) // an end never comes nearer
	if err != nil {
		return err
	}
	if got.Fence != held.Fence {
		return errors.Join(refuse(api.CheckoutLost, "the check-out of "+x.job.Path+" just ended"), c.Checkin(ctx, object, got.Fence))
	}
	return nil
}

// upload is send with the events of an upload around it.
func (x *run) upload(ask workerapi.Store) (workerapi.Stored, error) {
	x.op.Emit(api.EventUploadStart, api.OperateUploadStart, map[string]string{"path": x.job.Path, "object": ask.Object})
	x.showProgress(api.EventUploadProgress)
	got, err := x.send(ask)
	x.showProgress("")
	status := api.StatusSuccess
	if err != nil || got.Queued {
		status = api.StatusFailed
	}
	x.op.Emit(api.EventUploadEnd, api.OperateUploadEnd, map[string]string{"path": x.job.Path, api.ParamStatus: status})
	return got, err
}

// send lets the worker store, and believes of its answer only what fits.
func (x *run) send(ask workerapi.Store) (workerapi.Stored, error) {
	var got workerapi.Stored
	if err := x.call(workerapi.MethodStore, ask, &got); err != nil {
		return workerapi.Stored{}, err
	}
	if got.Queued {
		got.Why = why(got)
	}
	if !got.Queued && (got.Version < 1 || got.Object == "" || ask.Object != "" && got.Object != ask.Object) {
		return workerapi.Stored{}, refuse(api.Internal, "the worker's answer names no version of the object")
	}
	if !got.Queued {
		x.job.Object = got.Object
	}
	return got, nil
}
