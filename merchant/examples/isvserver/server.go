package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/merchant"
	"github.com/iscdesk/iscdesk/merchant/openapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// maxSeats is more than anybody buys: what lies above is a mistake, and a licence cannot be called back.
const maxSeats = 1_000_000

// isv is the ISV's own side: what happens at each call of the marketplace. Signatures, time limits,
// repeats and the upload's turn are package merchant's.
type isv struct {
	book   *book
	client *openapi.Client
	key    ed25519.PrivateKey // signs licences
	asFile bool
	log    *slog.Logger
}

// callbacks are what this ISV offers: a licence product with renewals.
func (s *isv) callbacks() merchant.Callbacks {
	return merchant.Callbacks{
		NewInstance: s.newInstance, RefreshInstance: s.refresh, UpdateInstanceStatus: s.status, ReleaseInstance: s.release,
		UpgradeInstance: s.upgrade, ChangeInstanceCheck: s.mayChange, GetLicenseAsync: s.license, OrderNotify: s.orderNotify,
	}
}

// newInstance asks what was ordered and enters it.
func (s *isv) newInstance(ctx context.Context, r wire.NewInstance, a merchant.Attempt) (merchant.Provision, error) {
	seats, until, err := s.ordered(ctx, r.OrderID, r.OrderLineID)
	if err != nil {
		return 0, err
	}
	i := instance{ID: a.InstanceID, Order: r.OrderID, Line: r.OrderLineID, Test: r.Test(), Seats: seats, Until: until}
	return merchant.Provisioned, s.book.add(ctx, i, a)
}

// ordered reads an order line from the marketplace: how many seats, until when.
func (s *isv) ordered(ctx context.Context, order, line string) (seats int, until time.Time, err error) {
	info, err := s.client.Order(ctx, order, line)
	if err != nil {
		return 0, until, fmt.Errorf("read order: %w", err)
	}
	l := info.Line(line)
	if l == nil {
		return 0, until, merchant.Refuse(wire.BadParameter, "the order has no such line")
	}
	seats = 1
	if len(l.ProductInfo) > 0 && l.ProductInfo[0].LinearValue != "" {
		n, err := strconv.ParseFloat(string(l.ProductInfo[0].LinearValue), 64)
		if err != nil || n < 1 || n > maxSeats || n != math.Trunc(n) {
			return 0, until, fmt.Errorf("read order: %q seats are no whole number from 1 to %d", l.ProductInfo[0].LinearValue, maxSeats)
		}
		seats = int(n)
	}
	if l.ExpireTime != "" {
		if until, err = wire.ParseTime(l.ExpireTime); err != nil {
			return 0, until, fmt.Errorf("read order: %w", err)
		}
	}
	return seats, until, nil
}

// find reads the instance of a call; an unknown one is refused with 000003. A debugging call does not know
// real ones: a saved case may hold any id, and is replayed twice a day.
func (s *isv) find(ctx context.Context, id string, test bool) (instance, error) {
	i, err := s.book.instance(ctx, id)
	if errors.Is(err, errUnknown) || err == nil && test && !i.Test {
		return i, merchant.Refuse(wire.NoInstance, "")
	}
	return i, err
}

func (s *isv) refresh(ctx context.Context, r wire.RefreshInstance, a merchant.Attempt) error {
	i, err := s.find(ctx, r.InstanceID, r.Test())
	if err != nil {
		return err
	}
	i.Until = r.Expires()
	if i.Status == "frozen" && r.Scene != wire.SceneUndoRenewal {
		i.Status = "active" // a renewal thaws
	}
	return s.book.change(ctx, i, a)
}

func (s *isv) status(ctx context.Context, r wire.UpdateInstanceStatus, a merchant.Attempt) error {
	i, err := s.find(ctx, r.InstanceID, r.Test())
	if err != nil {
		return err
	}
	if i.Status == "released" {
		return merchant.Refuse(wire.NoInstance, "the instance is released")
	}
	i.Status = "active"
	if r.Status == wire.StatusFreeze {
		i.Status = "frozen"
	}
	return s.book.change(ctx, i, a)
}

func (s *isv) release(ctx context.Context, r wire.ReleaseInstance, a merchant.Attempt) error {
	i, err := s.find(ctx, r.InstanceID, r.Test())
	if err != nil {
		return err
	}
	i.Status = "released"
	return s.book.change(ctx, i, a)
}

func (s *isv) upgrade(ctx context.Context, r wire.UpgradeInstance, a merchant.Attempt) error {
	i, err := s.find(ctx, r.InstanceID, r.Test())
	if err != nil {
		return err
	}
	if i.Seats, i.Until, err = s.ordered(ctx, r.OrderID, r.OrderLineID); err != nil {
		return err
	}
	return s.book.change(ctx, i, a)
}

// mayChange: GearCAD can be made larger and smaller, as long as the instance is there.
func (s *isv) mayChange(ctx context.Context, r wire.ChangeInstanceCheck) error {
	_, err := s.find(ctx, r.InstanceID, r.Test())
	return err
}

// license makes the licence of one application. Package merchant keeps what it returns, uploads it, and
// asks again only when it could not keep it: the same number then gives the same text.
func (s *isv) license(ctx context.Context, r wire.GetLicenseAsync, _ merchant.Attempt) (merchant.License, error) {
	i, err := s.find(ctx, r.InstanceID, r.Test())
	if err != nil {
		return merchant.License{}, err
	}
	switch {
	case i.Status != "active":
		return merchant.License{}, merchant.Refuse(wire.NoInstance, "the instance is "+i.Status)
	case !i.Until.IsZero() && r.Expires().IsZero():
		return merchant.License{}, merchant.Refuse(wire.ExpiryMissing, "")
	case !i.Until.IsZero() && r.Expires().After(i.Until):
		return merchant.License{}, merchant.Refuse(wire.OutsideValidity, "the instance ends at "+i.Until.Format(time.RFC3339))
	case r.DeviceFingerprint == "":
		return merchant.License{}, merchant.Refuse(wire.FingerprintMissing, "")
	}
	l := licence{Instance: i.ID, Seats: i.Seats, From: r.Effective(), Until: r.Expires(), Machine: machineOf(r.DeviceFingerprint)}
	if !i.Test { // debugging calls get licence 0, and no number is used up
		if l.Number, err = s.book.number(ctx, i.ID, r.EventID, r.DeviceFingerprint); err != nil {
			return merchant.License{}, err
		}
	}
	text := l.text(s.key)
	if s.asFile {
		return merchant.License{FileName: "gearcad.lic", Content: []byte(text + "\n")}, nil
	}
	return merchant.License{Content: []byte(text)}, nil
}

// upload hands a licence over; package merchant repeats it until it arrives.
func (s *isv) upload(ctx context.Context, event string, l merchant.License) error {
	if l.FileName != "" {
		return s.client.UploadFile(ctx, event, l.FileName, l.Content)
	}
	return s.client.UploadCharacters(ctx, event, string(l.Content))
}

// orderNotify only writes down that there is an order: newInstance does the work.
func (s *isv) orderNotify(ctx context.Context, r wire.OrderNotify) error {
	info, err := s.client.Order(ctx, r.OrderID, r.OrderLineID)
	if err != nil {
		return fmt.Errorf("read order: %w", err)
	}
	s.log.Info("order", "order", info.OrderID, "type", info.OrderType, "lines", len(info.OrderLine)) // and nothing of the buyer
	return nil
}
