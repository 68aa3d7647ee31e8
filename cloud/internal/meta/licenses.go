package meta

import (
	"context"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// States of an instance.
const (
	StatusActive = "active"
	StatusFrozen = "frozen"
)

// Product is a piece of software that the cloud licenses. One that the operator has entered is for all
// organisations, another one for the organisation that has entered it, to license or to list.
type Product struct {
	ID, Name string
	Org      string // that has entered it; "" is the operator's
}

// Instance is a licence instance of an organisation with the accounts it is assigned to.
type Instance struct {
	ID       string
	Org      string
	Product  string
	Features []string
	Seats    int
	From     time.Time
	Until    time.Time
	Status   string
	Assigned []string
}

// Grant asks for the right to use an instance on a device from now on.
type Grant struct {
	Instance string
	Account  string
	Device   string
	Until    time.Time // end of the lease that will be signed
	Now      time.Time
	Devices  int // how many devices one account may hold at a time
	Why      Entry
}

// Issued is licence content with the hash of everything it was asked with.
type Issued struct {
	Key     Hash // of instance, account, device, product, form, fingerprint, devInfo
	Content string
}

// Licenses is everything about products, instances, assignments and what was issued.
type Licenses interface {
	// AddProduct adds a product; refusal name_exists.
	AddProduct(ctx context.Context, p Product, why Entry) error
	// Products lists all products by id.
	Products(ctx context.Context) ([]Product, error)
	// AddInstance adds an instance that the cloud licenses itself. Refusals: product_unknown,
	// forbidden for another organisation's product, conflict when the product is listed (then instances come from orders).
	AddInstance(ctx context.Context, i Instance, why Entry) error
	// Instances lists an organisation's instances, oldest first.
	Instances(ctx context.Context, org string) ([]Instance, error)
	// SetInstanceStatus freezes or thaws; refusal not_found.
	SetInstanceStatus(ctx context.Context, org, instance, status string, why Entry) error
	// Assign gives a seat to an account (again: nothing happens). Refusals: not_found
	// (instance or account not of org), conflict when all seats are taken; those that the order which is pending
	// on its resource gives back are.
	Assign(ctx context.Context, org, instance, account string, why Entry) error
	// Unassign takes the seat back and ends the account's device holds; refusal not_found.
	Unassign(ctx context.Context, org, instance, account string, why Entry) error

	// Assigned lists the instances of a product that are assigned to the account.
	// Refusal product_unknown.
	Assigned(ctx context.Context, account, product string) ([]Instance, error)
	// Grant notes that the account uses the instance on the device until the lease ends.
	// It looks again at assignment, status and dates, in the same transaction.
	// Refusals: license_none, license_refused with reason frozen, expired, early or devices.
	Grant(ctx context.Context, g Grant) error
	// GrantIssued is Grant that also keeps the content: the first content of a Key
	// stands, and what stands is returned.
	GrantIssued(ctx context.Context, g Grant, i Issued) (content string, err error)
	// Report notes an application's verdict once for each (account, report).
	Report(ctx context.Context, account, report string, why Entry) error
}

// Usable says whether an assigned instance lets its accounts work at now: nil, or
// license_refused with reason frozen, early or expired.
func (i Instance) Usable(now time.Time) error {
	switch {
	case i.Status == StatusFrozen:
		return Refuse(cloudapi.ErrLicenseRefused, "the licence instance is frozen", "reason", "frozen", "instance", i.ID)
	case now.Before(i.From):
		return Refuse(cloudapi.ErrLicenseRefused, "the licence instance has not begun yet", "reason", "early",
			"instance", i.ID, "from", i.From.Format(time.RFC3339))
	case !now.Before(i.Until):
		return Refuse(cloudapi.ErrLicenseRefused, "the licence instance has ended", "reason", "expired",
			"instance", i.ID, "until", i.Until.Format(time.RFC3339))
	}
	return nil
}
