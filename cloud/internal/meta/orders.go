package meta

import (
	"context"
	"time"
)

// Page asks for a part of a list that is given newest first: at most Limit rows, those that
// are older than the row whose id is Before ("" begins with the newest).
type Page struct {
	Before string
	Limit  int
}

// OrderFilter chooses orders; an empty member chooses all.
type OrderFilter struct {
	Org, Merchant, Resource string
	Page
}

// ResourceFilter chooses resources; an empty member chooses all.
type ResourceFilter struct {
	Org, Merchant string
	MerchantID    string // the instanceId that the merchant gave; with Merchant
	Delivery      bool   // only those in state ResourceDelivering
	Page
}

// Step is what one event does to a resource: all of it happens, or nothing. The rules that
// make one are package market's; the store only looks whether the resource is still
// the one that the rules have seen.
type Step struct {
	Resource Resource  // as it is to stand, with Rev as it was read; Rev 0 makes a new one
	Settle   []Settled // orders that end
	Instance *Instance // of a licence: made or changed, its assignments stay
	Calls    []Call    // for the queue; one whose Key is there already is left as it is, but one that has failed begins its plan anew
	Stop     []string  // calls on the resource of these activities end, unless they are done
	Notices  []Notice
	Why      Entry
}

// Settled ends an order in State with Reason; an Expire that is not zero replaces the
// order's.
type Settled struct {
	Order  string
	State  string
	Reason string
	Expire time.Time
}

// Orders is everything about orders, what they became, and the calls to merchants.
type Orders interface {
	// PlaceOrder stores an order with its first step. An order with the same Org and Repeat
	// that stands already is returned instead, and nothing happens. Refusals: those of
	// TakeStep; conflict with reason trial when the organisation has tried the product before, with reason
	// assigned when fewer seats would be left than are assigned.
	PlaceOrder(ctx context.Context, o Order, s Step) (Order, error)
	// TakeStep does a step. Refusals: not_found (resource), conflict with reason changed
	// when the resource's Rev is another: who asked reads it again.
	TakeStep(ctx context.Context, s Step) error

	// Order finds one; refusal not_found.
	Order(ctx context.Context, id string) (Order, error)
	// OrderOf finds the order that was placed with Repeat; refusal not_found.
	OrderOf(ctx context.Context, org, repeat string) (Order, error)
	// Orders lists orders, newest first.
	Orders(ctx context.Context, f OrderFilter) ([]Order, error)
	// Resource finds one; refusal not_found.
	Resource(ctx context.Context, id string) (Resource, error)
	// Resources lists resources, newest first.
	Resources(ctx context.Context, f ResourceFilter) ([]Resource, error)
	// DueResources lists up to limit resources whose Due is not after now, longest due first.
	DueResources(ctx context.Context, now time.Time, limit int) ([]Resource, error)

	Queue
}
