package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func errHeld(c *meta.Checkout) error {
	holder := c.Name
	if holder == "" {
		holder = c.Account
	}
	return meta.Refuse(cloudapi.ErrHeldByOther, "someone else has it checked out", "holder", holder, "account", c.Account,
		"machine", c.Machine, "since", c.Since.Format(time.RFC3339), "until", c.Until.Format(time.RFC3339))
}

// errLost tells who holds the object now, when someone does.
func errLost(c *meta.Checkout) error {
	if c == nil {
		return meta.Refuse(cloudapi.ErrCheckoutLost, "the check-out has ended")
	}
	r := errHeld(c).(*meta.Refusal)
	r.Code, r.Message = cloudapi.ErrCheckoutLost, "the check-out has ended and the object was checked out again"
	return r
}

// heldBy says whether who, on this device, holds the lease.
func heldBy(c *meta.Checkout, who meta.Who) bool {
	return c != nil && c.Account == who.Account && c.Device == who.Device
}

// Checkout leases an object or renews the lease.
func (s *Store) Checkout(ctx context.Context, who meta.Who, object string, until time.Time) (meta.Checkout, error) {
	var out meta.Checkout
	err := s.write(ctx, func(tx *sql.Tx) error {
		it, _, err := objectOf(tx, who, object, cloudapi.RoleEditor)
		if err != nil {
			return err
		}
		switch {
		case heldBy(it.Checkout, who):
			out = *it.Checkout
			if until = meta.Stamp(until); until.After(out.Until) {
				out.Until = until
			}
			_, err = tx.Exec(`UPDATE checkouts SET until = ? WHERE item = ?`, millis(out.Until), it.seq)
		case it.Checkout != nil:
			return errHeld(it.Checkout)
		default:
			out, err = checkout(tx, who, it, until)
		}
		return err
	})
	return out, err
}

// checkout makes a new lease over whatever ended one lies there. The fence comes from the
// item's own counter, so it grows across ended, released and forced ones.
func checkout(tx *sql.Tx, who meta.Who, it item, until time.Time) (meta.Checkout, error) {
	c := meta.Checkout{Account: who.Account, Device: who.Device, Since: meta.Stamp(who.Now), Until: meta.Stamp(until)}
	var err error
	if c.Machine, err = machineOf(tx, who.Device); err != nil {
		return c, err
	}
	if err := tx.QueryRow(`SELECT name FROM accounts WHERE account = ?`, who.Account).Scan(&c.Name); err != nil {
		return c, fmt.Errorf("check out: %w", err)
	}
	if err := tx.QueryRow(`UPDATE items SET fence = fence + 1 WHERE seq = ? RETURNING fence`, it.seq).Scan(&c.Fence); err != nil {
		return c, fmt.Errorf("check out: %w", err)
	}
	_, err = tx.Exec(`INSERT INTO checkouts (item, fence, account, device, machine, since, until) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (item) DO UPDATE SET fence = excluded.fence, account = excluded.account, device = excluded.device,
		machine = excluded.machine, since = excluded.since, until = excluded.until`,
		it.seq, c.Fence, c.Account, c.Device, c.Machine, millis(c.Since), millis(c.Until))
	if err != nil {
		return c, fmt.Errorf("check out: %w", err)
	}
	return c, nil
}

// machineOf is the name of a device, "" when it is not known (any more).
func machineOf(tx *sql.Tx, device string) (string, error) {
	var name string
	err := tx.QueryRow(`SELECT name FROM devices WHERE id = ?`, device).Scan(&name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("find device: %w", err)
	}
	return name, nil
}

// Checkin gives a lease back. Viewers may too: someone whose role was lowered must be
// able to let go.
func (s *Store) Checkin(ctx context.Context, who meta.Who, object string, fence int64) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		it, _, err := objectOf(tx, who, object, cloudapi.RoleViewer)
		if err != nil {
			return err
		}
		c := it.Checkout
		switch {
		case fence < 1 || fence != it.fence:
			return errLost(c)
		case c == nil:
			return nil // ended or given back, and nobody came after
		case !heldBy(c, who):
			return errLost(c)
		}
		return dropCheckout(tx, it)
	})
}

// Release takes a lease away from its holder.
func (s *Store) Release(ctx context.Context, who meta.Who, object string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		it, sp, err := objectOf(tx, who, object, cloudapi.RoleOwner)
		if err != nil || it.Checkout == nil {
			return err
		}
		if err := dropCheckout(tx, it); err != nil {
			return err
		}
		return record(tx, with(why, "space", sp.ID, "object", it.ID, "holder", it.Checkout.Account,
			"machine", it.Checkout.Machine, "fence", strconv.FormatInt(it.Checkout.Fence, 10)))
	})
}

func dropCheckout(tx *sql.Tx, it item) error {
	if _, err := tx.Exec(`DELETE FROM checkouts WHERE item = ?`, it.seq); err != nil {
		return fmt.Errorf("check in: %w", err)
	}
	return nil
}
