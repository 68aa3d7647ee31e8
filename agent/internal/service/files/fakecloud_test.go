package files

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// drive is the fake cloud of both sides: what the service asks as a user, over
// the drive in memory that the worker transfers with.
type drive struct {
	*transfertest.Drive
	held *cloudapitest.Contract // each good answer of a method is what the cloud may say

	mu      sync.Mutex // guards what follows
	away    bool
	leases  map[string]*cloudapi.Checkout
	nextErr map[string]error // the next call of that name fails
	tokens  int
	asked   func() // happens while a transfer token is asked for
	found   func() // happens as an object was asked for
}

func newDrive(t testing.TB) *drive {
	d := &drive{Drive: transfertest.NewDrive(t), held: cloudapitest.For(t), leases: make(map[string]*cloudapi.Checkout), nextErr: make(map[string]error)}
	d.Fault = func(cloudhttp.Request, bool) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.away {
			return transfertest.Away()
		}
		return nil
	}
	return d
}

// Do is the worker's way. A new object is checked out to who made it.
func (d *drive) Do(ctx context.Context, r cloudhttp.Request) (cloudhttp.Reply, error) {
	reply, err := d.Drive.Do(ctx, r)
	if done, ok := r.Result.(*cloudapi.Committed); ok && err == nil && done.Checkout != nil && done.Version == 1 {
		done.Checkout.Account, done.Checkout.Device = account, device
		d.mu.Lock()
		defer d.mu.Unlock()
		d.leases[done.Object] = done.Checkout
	}
	return reply, err
}

func (d *drive) setAway(away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
}

func (d *drive) call(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return transfertest.Away()
	}
	err := d.nextErr[name]
	delete(d.nextErr, name)
	return err
}

func (d *drive) Spaces(context.Context) (cloudapi.Spaces, error) {
	s := cloudapi.Spaces{Spaces: []cloudapi.Space{{ID: "sp", Name: "Parts", Role: "editor"}}}
	d.held.Says("GET", "/v1/spaces", nil, http.StatusOK, s)
	return s, d.call("spaces")
}

func (d *drive) Entries(_ context.Context, _, _, _ string) (cloudapi.Listing, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l := cloudapi.Listing{Path: []cloudapi.Entry{}, Entries: []cloudapi.Entry{}}
	for id, o := range d.Objects {
		l.Entries = append(l.Entries, cloudapi.Entry{ID: id, Kind: o.Kind, Name: o.Name, Version: int64(len(o.Versions)), Checkout: d.leases[id]})
	}
	d.held.Says("GET", "/v1/spaces/sp/entries", nil, http.StatusOK, l)
	return l, nil
}

func (d *drive) Object(_ context.Context, object string) (cloudapi.Object, error) {
	if err := d.call("object"); err != nil {
		return cloudapi.Object{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.Objects[object]
	if o == nil {
		return cloudapi.Object{}, refuse(api.NotFound, object)
	}
	out := cloudapi.Object{Space: "sp", SpaceName: "Parts", Role: "editor", Path: []cloudapi.Entry{{ID: "f1", Kind: "folder", Name: "Pumps"}},
		Entry: cloudapi.Entry{ID: object, Kind: o.Kind, Name: o.Name, Version: int64(len(o.Versions)), Checkout: d.leases[object]}}
	d.held.Says("GET", "/v1/objects/"+object, nil, http.StatusOK, out)
	return out, nil
}

func (d *drive) Versions(_ context.Context, object string, before int64) (cloudapi.Versions, error) {
	o := d.Objects[object]
	var v cloudapi.Versions
	for n := int64(len(o.Versions)); n > 0; n-- {
		if before == 0 || n < before {
			v.Versions = append(v.Versions, cloudapi.Version{Number: n, Manifest: o.Versions[n-1]})
		}
	}
	d.held.Says("GET", "/v1/objects/"+object+"/versions", nil, http.StatusOK, v)
	return v, d.call("versions")
}

func (d *drive) NewFolder(_ context.Context, _ string, f cloudapi.NewFolder) (cloudapi.Entry, error) {
	e := cloudapi.Entry{ID: "f2", Kind: "folder", Name: f.Name}
	d.held.Says("POST", "/v1/spaces/sp/folders", f, http.StatusCreated, e)
	return e, d.call("newFolder")
}

func (d *drive) Checkout(_ context.Context, object string, seconds int64) (cloudapi.Checkout, error) {
	if err := d.call("checkout"); err != nil {
		return cloudapi.Checkout{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.leases[object]
	if l != nil && l.Account != account {
		return cloudapi.Checkout{}, refuse(api.HeldByOther, "planted")
	}
	if l == nil {
		d.Objects[object].Fence++
		l = &cloudapi.Checkout{Fence: d.Objects[object].Fence, Account: account, Device: device}
		d.leases[object] = l
	}
	d.held.Says("PUT", "/v1/objects/"+object+"/checkout", cloudapi.NewCheckout{Seconds: seconds}, http.StatusOK, *l)
	return *l, nil
}

func (d *drive) Checkin(_ context.Context, object string, fence int64) error {
	if err := d.call("checkin"); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.leases[object]; l == nil || l.Fence != fence {
		return refuse(api.CheckoutLost, "planted")
	}
	delete(d.leases, object)
	d.held.Says("DELETE", fmt.Sprintf("/v1/objects/%s/checkout?fence=%d", object, fence), nil, http.StatusNoContent, nil)
	return nil
}

// bound is the drive with the rights of one account, as signin.User gives it.
type bound struct {
	*drive
	d   *desk
	who string
}

func (b bound) Object(ctx context.Context, object string) (cloudapi.Object, error) {
	got, err := b.drive.Object(ctx, object)
	b.drive.mu.Lock()
	found := b.drive.found
	b.drive.mu.Unlock()
	if found != nil {
		found()
	}
	return got, err
}

func (b bound) Checkout(ctx context.Context, object string, seconds int64) (cloudapi.Checkout, error) {
	b.d.mu.Lock()
	now := b.d.who
	b.d.mu.Unlock()
	if now != b.who {
		return cloudapi.Checkout{}, refuse(api.SessionExpired, "planted")
	}
	if now != account {
		return cloudapi.Checkout{}, refuse(api.HeldByOther, "planted")
	}
	return b.drive.Checkout(ctx, object, seconds)
}

// take gives the check-out to someone else, as an owner of the space may.
func (d *drive) take(object string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.Objects[object].Fence++
	d.leases[object] = &cloudapi.Checkout{Fence: d.Objects[object].Fence, Account: "chen@example.com", Device: "dev-8"}
}

func (d *drive) Transfer(_ context.Context, space string, ask cloudapi.NewTransfer) (cloudapi.TransferToken, error) {
	d.mu.Lock()
	d.tokens++
	asked := d.asked
	d.mu.Unlock()
	if asked != nil {
		asked()
	}
	token := cloudapi.TransferToken{Token: "isct_t"}
	d.held.Says("POST", "/v1/spaces/"+space+"/transfer", ask, http.StatusCreated, token)
	return token, d.call("transfer")
}
