package market

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Bounds of test codes.
const (
	MaxTestCodes = 20
	MaxTestLife  = 366 * 24 * time.Hour
)

// CodeStore is what the rules of authorization codes need of the metadata.
type CodeStore interface {
	meta.Codes
	Order(ctx context.Context, id string) (meta.Order, error)
	Resource(ctx context.Context, id string) (meta.Resource, error)
	Spec(ctx context.Context, productID string) (meta.Spec, error)
	Listing(ctx context.Context, product string) (meta.Listing, error)
}

// Codes are the rules of authorization codes: one for each resource of KindCode, which the merchant
// delivers, the buyer collects, and the ISV's software activates. Its methods may be called
// from several goroutines.
type Codes struct {
	store CodeStore
	// activated gives a resource its term; again: nothing happens (Room.Activated).
	activated func(ctx context.Context, resource string, from, until time.Time) error
}

// NewCodes makes the rules. Its Follow is for the Config of the room whose Activated is given.
func NewCodes(store CodeStore, activated func(ctx context.Context, resource string, from, until time.Time) error) *Codes {
	return &Codes{store: store, activated: activated}
}

func newCode() string { return "PL" + rand.Text() }

// Follow lets the code of a resource be what the resource is, and makes it for a new one. It may be
// called any number of times for the same state.
func (c *Codes) Follow(ctx context.Context, res meta.Resource) error {
	if res.Kind != meta.KindCode {
		return nil
	}
	code, err := c.of(ctx, res)
	if err != nil {
		return err
	}
	ch := meta.CodeChange{Code: code.Code}
	switch res.State {
	case meta.ResourceActive:
		if res.Term == 0 {
			return nil // not activated: its state is the delivery's
		}
		ch.From, ch.To, ch.Expire = []string{meta.CodeFrozen, meta.CodeExpired}, meta.CodeAlive, res.Until
	case meta.ResourceFrozen:
		ch.From, ch.To = []string{meta.CodeAlive}, meta.CodeFrozen
	case meta.ResourceReleasing, meta.ResourceReleased:
		ch.From = []string{meta.CodeMade, meta.CodeDelivered, meta.CodeCollected, meta.CodeAlive, meta.CodeFrozen, meta.CodeExpired}
		ch.To = meta.CodeReleased
	default:
		return nil
	}
	_, err = c.store.ChangeCode(ctx, ch)
	if meta.CodeOf(err) == cloudapi.ErrConflict {
		return nil // a later step was faster
	}
	return err
}

// of is the code of a resource, made when there is none: an order that was placed just before a crash
// has a resource and no code.
func (c *Codes) of(ctx context.Context, res meta.Resource) (meta.Code, error) {
	code, err := c.store.CodeOfResource(ctx, res.ID)
	if meta.CodeOf(err) != cloudapi.ErrNotFound {
		return code, err
	}
	listing, err := c.store.Listing(ctx, res.Product)
	if err != nil {
		return code, err
	}
	code = meta.Code{Code: newCode(), Merchant: res.Merchant, Org: res.Org, Product: res.Product, ProductID: res.Spec, Resource: res.ID,
		Order: res.Order, Amount: res.Amount, State: meta.CodeMade, Created: res.Created}
	if listing.Provision == meta.ProvisionAtOnce {
		code.State = meta.CodeDelivered // there is nothing to implement first
	}
	return c.store.AddCode(ctx, code, meta.Entry{Org: res.Org, Time: res.Created, Action: "code.made",
		Params: map[string]string{"resource": res.ID, "order": res.Order}})
}

// OfBuyer is the code of an organisation's resource. Until it is collected, the code itself is not shown.
// Refusal not_found.
func (c *Codes) OfBuyer(ctx context.Context, org, resource string) (meta.Code, error) {
	code, err := c.ofOrg(ctx, org, resource)
	if code.State == meta.CodeMade || code.State == meta.CodeDelivered {
		code.Code = ""
	}
	return code, err
}

func (c *Codes) ofOrg(ctx context.Context, org, resource string) (meta.Code, error) {
	res, err := c.store.Resource(ctx, resource)
	if err != nil {
		return meta.Code{}, err
	}
	if res.Org != org || res.Kind != meta.KindCode {
		return meta.Code{}, meta.Refuse(cloudapi.ErrNotFound, "there is no such resource with an authorization code")
	}
	return c.of(ctx, res)
}

// Collect is the buyer's confirmation that shows the code; from then on it can be activated. Again: nothing
// happens. Refusals: not_found, conflict with param state while the merchant has not delivered.
func (c *Codes) Collect(ctx context.Context, org, resource string, why meta.Entry) (meta.Code, error) {
	code, err := c.ofOrg(ctx, org, resource)
	if err != nil || code.State != meta.CodeMade && code.State != meta.CodeDelivered {
		return code, err
	}
	return c.store.ChangeCode(ctx, meta.CodeChange{Code: code.Code, From: []string{meta.CodeDelivered}, To: meta.CodeCollected, Why: why})
}

// Delivered is the merchant's word that a code's software is implemented at the buyer. Again: nothing happens.
// Refusals: not_found (also for another merchant's), conflict with param state.
func (c *Codes) Delivered(ctx context.Context, merchant, code string, why meta.Entry) (meta.Code, error) {
	if _, err := c.ofMerchant(ctx, merchant, code); err != nil {
		return meta.Code{}, err
	}
	return c.store.ChangeCode(ctx, meta.CodeChange{Code: code, From: []string{meta.CodeMade}, To: meta.CodeDelivered, Why: why})
}

func (c *Codes) ofMerchant(ctx context.Context, merchant, code string) (meta.Code, error) {
	got, err := c.store.Code(ctx, code)
	if err == nil && got.Merchant != merchant {
		err = meta.Refuse(cloudapi.ErrNotFound, "there is no such authorization code", "code", code)
	}
	return got, err
}

// AddTests makes n test codes of a merchant's product, good until a time. They are collected already.
// Refusals: invalid_argument, not_found (product).
func (c *Codes) AddTests(ctx context.Context, merchant, product string, n int, until, now time.Time, why meta.Entry) ([]meta.Code, error) {
	if n < 1 || n > MaxTestCodes {
		return nil, meta.Refuse(cloudapi.ErrInvalid, "1 to 20 test codes are made at a time", "member", "count")
	}
	if err := testEnd(until, now); err != nil {
		return nil, err
	}
	listing, err := c.store.Listing(ctx, product)
	if err == nil && listing.Merchant != merchant {
		err = meta.Refuse(cloudapi.ErrNotFound, "there is no such product of this merchant")
	}
	if err != nil {
		return nil, err
	}
	var list []meta.Code
	for range n {
		code, err := c.store.AddCode(ctx, meta.Code{Code: newCode(), Merchant: merchant, Product: product, Amount: 1, Test: true,
			State: meta.CodeCollected, Expire: begin(until), Created: meta.Stamp(now)}, why)
		if err != nil {
			return nil, err
		}
		list = append(list, code)
	}
	return list, nil
}

// SetTestEnd changes the end of a test code. Refusals: not_found (also for one that is bought), invalid_argument.
func (c *Codes) SetTestEnd(ctx context.Context, merchant, code string, until, now time.Time, why meta.Entry) (meta.Code, error) {
	if err := testEnd(until, now); err != nil {
		return meta.Code{}, err
	}
	got, err := c.ofMerchant(ctx, merchant, code)
	if err == nil && !got.Test {
		err = meta.Refuse(cloudapi.ErrNotFound, "only a test code's end can be changed", "code", code)
	}
	if err != nil {
		return meta.Code{}, err
	}
	return c.store.ChangeCode(ctx, meta.CodeChange{Code: code, From: []string{got.State}, To: got.State, Expire: begin(until), Why: why})
}

func testEnd(until, now time.Time) error {
	if !until.After(now) || until.Sub(now) > MaxTestLife {
		return meta.Refuse(cloudapi.ErrInvalid, "a test code ends within a year", "member", "until")
	}
	return nil
}
