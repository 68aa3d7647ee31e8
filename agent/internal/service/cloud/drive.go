package cloud

import (
	"context"
	"net/http"
	"net/url"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// Spaces lists the drive spaces.
func (u *User) Spaces(ctx context.Context) (cloudapi.Spaces, error) {
	var s cloudapi.Spaces
	err := u.get(ctx, "/v1/spaces", nil, &s)
	return s, err
}

// Entries lists a folder; folder "" is the root, after "" the first page.
func (u *User) Entries(ctx context.Context, space, folder, after string) (cloudapi.Listing, error) {
	q := url.Values{}
	text(q, "folder", folder)
	text(q, "after", after)
	var l cloudapi.Listing
	err := u.get(ctx, "/v1/spaces/"+url.PathEscape(space)+"/entries", q, &l)
	return l, err
}

// Object asks where an object is and what is newest.
func (u *User) Object(ctx context.Context, object string) (cloudapi.Object, error) {
	var o cloudapi.Object
	err := u.get(ctx, objectPath(object), nil, &o)
	return o, err
}

// Versions lists versions, newest first; before 0 is from the newest.
func (u *User) Versions(ctx context.Context, object string, before int64) (cloudapi.Versions, error) {
	q := url.Values{}
	number(q, "before", before)
	var v cloudapi.Versions
	err := u.get(ctx, objectPath(object)+"/versions", q, &v)
	return v, err
}

// NewFolder makes a folder. It is sent once: a repeat would find the name taken.
func (u *User) NewFolder(ctx context.Context, space string, f cloudapi.NewFolder) (cloudapi.Entry, error) {
	var e cloudapi.Entry
	_, err := u.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/spaces/" + url.PathEscape(space) + "/folders",
		JSON: f, Result: &e}, false)
	return e, err
}

// Checkout takes or renews the check-out; seconds 0 takes the cloud's default. A
// repeat renews: the fencing token stays.
func (u *User) Checkout(ctx context.Context, object string, seconds int64) (cloudapi.Checkout, error) {
	var c cloudapi.Checkout
	_, err := u.do(ctx, cloudhttp.Request{Method: http.MethodPut, Path: objectPath(object) + "/checkout",
		JSON: cloudapi.NewCheckout{Seconds: seconds}, Result: &c}, true)
	return c, err
}

// Checkin gives the check-out with that fencing token back.
func (u *User) Checkin(ctx context.Context, object string, fence int64) error {
	q := url.Values{}
	number(q, "fence", fence)
	_, err := u.do(ctx, cloudhttp.Request{Method: http.MethodDelete, Path: objectPath(object) + "/checkout", Query: q}, true)
	return err
}

// Transfer gets a worker's token for one operation in one space.
func (u *User) Transfer(ctx context.Context, space string, t cloudapi.NewTransfer) (cloudapi.TransferToken, error) {
	var tt cloudapi.TransferToken
	_, err := u.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: "/v1/spaces/" + url.PathEscape(space) + "/transfer",
		JSON: t, Result: &tt, Repeat: true}, true)
	return tt, err
}

func objectPath(object string) string { return "/v1/objects/" + url.PathEscape(object) }
