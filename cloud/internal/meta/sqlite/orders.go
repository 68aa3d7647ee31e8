package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

const orderColumns = `id, org, type, line, spec, product, merchant, amount, periods, resource, expire, state, account, created,
	coalesce(repeat, ''), reason, undoes, before, replaces`

func noOrder() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such order") }

func scanOrder(r row) (o meta.Order, err error) {
	var expire, created, before int64
	err = r.Scan(&o.ID, &o.Org, &o.Type, &o.Line, &o.Spec, &o.Product, &o.Merchant, &o.Amount, &o.Periods, &o.Resource, &expire,
		&o.State, &o.By, &created, &o.Repeat, &o.Reason, &o.Undoes, &before, &o.Replaces)
	o.Expire, o.Created, o.Before = orNone(expire), at(created), orNone(before)
	return o, err
}

// PlaceOrder implements meta.Orders.
func (s *Store) PlaceOrder(ctx context.Context, o meta.Order, st meta.Step) (stands meta.Order, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if o.Repeat != "" {
			if stands, err = orderOf(tx, o.Org, o.Repeat); meta.CodeOf(err) != cloudapi.ErrNotFound {
				return err
			}
		}
		if o.Type == meta.OrderTrial {
			var tried bool
			if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM orders WHERE org = ? AND product = ? AND type = ? AND state <> ?)`,
				o.Org, o.Product, meta.OrderTrial, meta.OrderFailed).Scan(&tried); err != nil {
				return fmt.Errorf("look for a trial: %w", err)
			}
			if tried {
				return meta.Refuse(cloudapi.ErrConflict, "the organisation has tried this product before", "reason", "trial")
			}
		}
		repeat := sql.NullString{String: o.Repeat, Valid: o.Repeat != ""}
		if err := insert(tx, meta.Refuse(cloudapi.ErrNameExists, "an order of this id exists already"),
			`INSERT INTO orders (id, org, type, line, spec, product, merchant, amount, periods, resource, expire, state, account, created,
			repeat, reason, undoes, before, replaces) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			o.ID, o.Org, o.Type, o.Line, o.Spec, o.Product, o.Merchant, o.Amount, o.Periods, o.Resource, orZero(o.Expire), o.State, o.By,
			millis(o.Created), repeat, o.Reason, o.Undoes, orZero(o.Before), o.Replaces); err != nil {
			return err
		}
		if err := takeStep(tx, st); err != nil {
			return err
		}
		if err := roomy(tx, o); err != nil {
			return err
		}
		stands, err = one(tx, scanOrder, noOrder(), `SELECT `+orderColumns+` FROM orders WHERE id = ?`, o.ID)
		return err
	})
	return stands, err
}

// roomy refuses an order that leaves fewer seats than are assigned at this moment.
func roomy(tx *sql.Tx, o meta.Order) error {
	if o.Type == meta.OrderUnsubscribe {
		return nil
	}
	var taken int
	if err := tx.QueryRow(`SELECT count(*) FROM assignments WHERE instance = ?`, o.Resource).Scan(&taken); err != nil {
		return fmt.Errorf("count seats: %w", err)
	}
	if taken > o.Amount {
		return meta.Refuse(cloudapi.ErrConflict, "more seats are assigned than would be left", "reason", "assigned", "assigned", fmt.Sprint(taken))
	}
	return nil
}

func orderOf(tx *sql.Tx, org, repeat string) (meta.Order, error) {
	return one(tx, scanOrder, noOrder(), `SELECT `+orderColumns+` FROM orders WHERE org = ? AND repeat = ?`, org, repeat)
}

// OrderOf implements meta.Orders.
func (s *Store) OrderOf(ctx context.Context, org, repeat string) (o meta.Order, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		o, err = orderOf(tx, org, repeat)
		return err
	})
	return o, err
}

// TakeStep implements meta.Orders.
func (s *Store) TakeStep(ctx context.Context, st meta.Step) error {
	return s.write(ctx, func(tx *sql.Tx) error { return takeStep(tx, st) })
}

func takeStep(tx *sql.Tx, st meta.Step) error {
	if err := putResource(tx, st.Resource); err != nil {
		return err
	}
	for _, o := range st.Settle {
		r, err := tx.Exec(`UPDATE orders SET state = ?, reason = ?, expire = CASE WHEN ? = 0 THEN expire ELSE ? END WHERE id = ?`,
			o.State, o.Reason, orZero(o.Expire), orZero(o.Expire), o.Order)
		if err != nil {
			return fmt.Errorf("settle order: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return firstOf(err, noOrder())
		}
	}
	if st.Instance != nil {
		if err := putInstance(tx, *st.Instance); err != nil {
			return err
		}
	}
	for _, activity := range st.Stop {
		if _, err := tx.Exec(`UPDATE calls SET state = ? WHERE subject = ? AND activity = ? AND state IN (?, ?)`,
			meta.CallStopped, st.Resource.ID, activity, meta.CallWaiting, meta.CallFailed); err != nil {
			return fmt.Errorf("stop call: %w", err)
		}
	}
	for _, c := range st.Calls {
		if err := addCall(tx, c); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE calls SET state = ?, next = ?, ends = ? WHERE key = ? AND state = ?`,
			meta.CallWaiting, orZero(c.Next), orZero(c.End), c.Key, meta.CallFailed); err != nil {
			return fmt.Errorf("send call again: %w", err)
		}
	}
	for _, n := range st.Notices {
		if err := putNotice(tx, n); err != nil {
			return err
		}
	}
	return record(tx, st.Why)
}

// Order implements meta.Orders.
func (s *Store) Order(ctx context.Context, id string) (o meta.Order, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		o, err = one(tx, scanOrder, noOrder(), `SELECT `+orderColumns+` FROM orders WHERE id = ?`, id)
		return err
	})
	return o, err
}

// Orders implements meta.Orders.
func (s *Store) Orders(ctx context.Context, f meta.OrderFilter) (list []meta.Order, err error) {
	q := newest("orders", f.Page).with("org", f.Org).with("merchant", f.Merchant).with("resource", f.Resource)
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanOrder, q.text(orderColumns), q.args...)
		return err
	})
	return list, err
}

// filter is a query for rows, newest first, as a Page asks for them. The names of columns in it are
// constants of this package, all that comes from outside is an argument.
type filter struct {
	table, where string
	args         []any
	limit        int
}

func newest(table string, p meta.Page) filter {
	f := filter{table: table, where: "1", limit: p.Limit}
	if p.Before != "" {
		f.where, f.args = "seq < (SELECT seq FROM "+table+" WHERE id = ?)", []any{p.Before}
	}
	return f
}

// with adds a condition unless value is empty.
func (f filter) with(column, value string) filter {
	if value != "" {
		f.where += " AND " + column + " = ?"
		f.args = append(f.args, value)
	}
	return f
}

func (f filter) text(columns string) string {
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s ORDER BY seq DESC LIMIT %d", columns, f.table, f.where, f.limit)
}

// putInstance makes a licence instance or changes it; who it is assigned to stays.
func putInstance(tx *sql.Tx, i meta.Instance) error {
	if err := productKnown(tx, i.Product); err != nil {
		return err
	}
	features, err := featureText(i.Features)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(`INSERT INTO instances (id, org, product, features, seats, starts, ends, status) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET features = excluded.features, seats = excluded.seats, starts = excluded.starts,
		ends = excluded.ends, status = excluded.status`,
		i.ID, i.Org, i.Product, features, i.Seats, millis(i.From), millis(i.Until), i.Status); err != nil {
		return fmt.Errorf("put instance: %w", err)
	}
	return nil
}

// DueResources implements meta.Orders.
func (s *Store) DueResources(ctx context.Context, now time.Time, limit int) (list []meta.Resource, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanResource, `SELECT `+resourceColumns+` FROM resources WHERE due > 0 AND due <= ? ORDER BY due LIMIT ?`, millis(now), limit)
		return err
	})
	return list, err
}
