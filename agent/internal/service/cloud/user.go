package cloud

import (
	"context"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Tokens gives a User its access token: the kept one, or with fresh a new one
// (the kept one was refused).
type Tokens func(ctx context.Context, refused string) (token string, err error)

// User is the cloud with the rights of one signed-in OS user. Its methods may be
// used from any goroutine.
type User struct {
	c      *Cloud
	tokens Tokens
}

// User makes the view of one signed-in user.
func (c *Cloud) User(tokens Tokens) *User { return &User{c: c, tokens: tokens} }

// Me asks who this is.
func (u *User) Me(ctx context.Context) (cloudapi.Me, error) { return cloudapi.Me{}, nil }

// Spaces lists the drive spaces.
func (u *User) Spaces(ctx context.Context) (cloudapi.Spaces, error) { return cloudapi.Spaces{}, nil }

// Entries lists a folder; folder "" is the root, after "" the first page.
func (u *User) Entries(ctx context.Context, space, folder, after string) (cloudapi.Listing, error) {
	return cloudapi.Listing{}, nil
}

// Object asks where an object is and what is newest.
func (u *User) Object(ctx context.Context, object string) (cloudapi.Object, error) {
	return cloudapi.Object{}, nil
}

// Versions lists versions, newest first; before 0 is from the newest.
func (u *User) Versions(ctx context.Context, object string, before int64) (cloudapi.Versions, error) {
	return cloudapi.Versions{}, nil
}

// NewFolder makes a folder.
func (u *User) NewFolder(ctx context.Context, space string, f cloudapi.NewFolder) (cloudapi.Entry, error) {
	return cloudapi.Entry{}, nil
}

// Checkout takes or renews the check-out; seconds 0 takes the cloud's default.
func (u *User) Checkout(ctx context.Context, object string, seconds int64) (cloudapi.Checkout, error) {
	return cloudapi.Checkout{}, nil
}

// Checkin gives the check-out with that fencing token back.
func (u *User) Checkin(ctx context.Context, object string, fence int64) error { return nil }

// Transfer gets a worker's token for one operation in one space.
func (u *User) Transfer(ctx context.Context, space string, t cloudapi.NewTransfer) (cloudapi.TransferToken, error) {
	return cloudapi.TransferToken{}, nil
}

// License asks for a product's licence on this device.
func (u *User) License(ctx context.Context, r cloudapi.LicenseRequest) (cloudapi.License, error) {
	return cloudapi.License{}, nil
}

// Renew asks for a fresh lease.
func (u *User) Renew(ctx context.Context, product string) (cloudapi.Lease, error) {
	return cloudapi.Lease{}, nil
}

// Report tells the cloud the application's own verdict.
func (u *User) Report(ctx context.Context, r cloudapi.VerifyReport) error { return nil }
