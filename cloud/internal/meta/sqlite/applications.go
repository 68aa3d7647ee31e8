package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func noApplication() error {
	return meta.Refuse(cloudapi.ErrNotFound, "there is no such application")
}

const applicationColumns = `event, key, org, resource, merchant, product, term, account, device, form, fingerprint,
	fingerprint_form, starts, ends, state, reason, code, message, asks, asked, content_type, file_name, created, decided`

// applicationWhole is the query of applications with their content.
const applicationWhole = `SELECT ` + applicationColumns + `, content FROM applications `

func scanApplication(r row) (a meta.Application, err error) {
	var key []byte
	var from, until, asked, created, decided int64
	err = r.Scan(&a.Event, &key, &a.Org, &a.Resource, &a.Merchant, &a.Product, &a.Term, &a.Account, &a.Device, &a.Form, &a.Fingerprint,
		&a.FingerprintForm, &from, &until, &a.State, &a.Reason, &a.Code, &a.Message, &a.Asks, &asked, &a.ContentType, &a.FileName,
		&created, &decided, &a.Content)
	copy(a.Key[:], key)
	a.From, a.Until, a.Asked, a.Created, a.Decided = at(from), orNone(until), at(asked), at(created), orNone(decided)
	return a, err
}

func application(tx *sql.Tx, event string) (meta.Application, error) {
	return one(tx, scanApplication, noApplication(), applicationWhole+`WHERE event = ?`, event)
}

// Apply implements meta.Applications.
func (s *Store) Apply(ctx context.Context, a meta.Apply) (out meta.Application, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if a.Grant != nil {
			if err := grant(tx, *a.Grant); err != nil {
				return err
			}
		}
		out, err = one(tx, scanApplication, noApplication(), applicationWhole+`WHERE key = ? ORDER BY seq DESC LIMIT 1`, a.Key[:])
		switch {
		case meta.CodeOf(err) == cloudapi.ErrNotFound:
		case err != nil:
			return err
		case out.State != meta.ApplicationRefused, out.GivenUp(), a.Now.Before(out.Decided.Add(meta.RefusalStands)):
			return nil
		}
		res, err := fits(tx, a.Application, a.Now)
		if err != nil {
			return err
		}
		if err := patient(tx, res, a.Now); err != nil {
			return err
		}
		n := a.Application
		n.Merchant, n.Product, n.State = res.Merchant, res.Product, meta.ApplicationAsking
		n.Asked, n.Created = meta.Stamp(a.Now), meta.Stamp(a.Now)
		n.From, n.Until = meta.Stamp(n.From), orNone(orZero(n.Until))
		if _, err := tx.Exec(`INSERT INTO applications (event, key, org, resource, merchant, product, term, account, device, form, fingerprint,
			fingerprint_form, starts, ends, state, reason, code, message, asks, asked, content_type, file_name, created, decided)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'asking', '', '', '', 0, ?, '', '', ?, 0)`,
			n.Event, n.Key[:], n.Org, n.Resource, n.Merchant, n.Product, n.Term, n.Account, n.Device, n.Form, n.Fingerprint,
			n.FingerprintForm, millis(n.From), orZero(n.Until), millis(n.Asked), millis(n.Created)); err != nil {
			return fmt.Errorf("apply for a licence: %w", err)
		}
		if err := ask(tx, &n, a.Now, a.Call); err != nil {
			return err
		}
		out = n
		return record(tx, a.Why)
	})
	return out, err
}

// patient refuses a new application while too many refusals of the resource stand.
func patient(tx *sql.Tx, res meta.Resource, now time.Time) error {
	var standing int
	if err := tx.QueryRow(`SELECT count(*) FROM applications WHERE resource = ? AND term = ? AND state = 'refused' AND decided > ?`,
		res.ID, res.Term, millis(now.Add(-meta.RefusalStands))).Scan(&standing); err != nil {
		return fmt.Errorf("count refusals: %w", err)
	}
	if standing >= meta.MaxRefusals {
		return meta.Refuse(cloudapi.ErrRateLimited, "too many applications of this resource were refused just now; try again later",
			"seconds", fmt.Sprint(int(meta.RefusalStands/time.Second)))
	}
	return nil
}

// fits says whether the resource has room for one more application like a now.
func fits(tx *sql.Tx, a meta.Application, now time.Time) (meta.Resource, error) {
	res, err := resourceOf(tx, a)
	if err == nil && (res.Org != a.Org || res.Kind != meta.KindLicense) {
		err = noResource()
	}
	if err != nil {
		return res, err
	}
	if err := usable(res, now); err != nil {
		return res, err
	}
	if res.Term != a.Term {
		return res, meta.Refuse(cloudapi.ErrConflict, "the term of the licence has changed meanwhile", "reason", meta.ReasonChanged)
	}
	if a.Until.IsZero() && !res.Until.IsZero() {
		return res, meta.Refuse(cloudapi.ErrLicenseRefused, "a periodic licence needs an end", "reason", meta.ReasonExpiry)
	}
	// A merchant's times have whole seconds, so the term's first second is inside.
	first := res.From.Truncate(time.Second)
	if a.From.Before(first) || !a.Until.IsZero() && (!a.Until.After(a.From) || !a.Until.After(now) || !res.Until.IsZero() && a.Until.After(res.Until)) {
		no := meta.Refuse(cloudapi.ErrLicenseRefused, "the dates are outside the term of the licence", "reason", meta.ReasonDates,
			"from", first.Format(time.RFC3339))
		if !res.Until.IsZero() {
			no.Params["until"] = res.Until.Format(time.RFC3339)
		}
		return res, no
	}
	given, err := given(tx, res.ID, res.Term)
	if err != nil {
		return res, err
	}
	if given >= res.Amount {
		return res, meta.Refuse(cloudapi.ErrLicenseRefused, "all licences of this term are given", "reason", meta.ReasonQuota, "amount", fmt.Sprint(res.Amount))
	}
	return res, nil
}

func given(tx *sql.Tx, resource string, term int) (n int, err error) {
	if err := tx.QueryRow(`SELECT count(*) FROM applications WHERE resource = ? AND term = ? AND state <> 'refused'`, resource, term).Scan(&n); err != nil {
		return 0, fmt.Errorf("count licences: %w", err)
	}
	return n, nil
}

// Given implements meta.Applications.
func (s *Store) Given(ctx context.Context, resource string, term int) (n int, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		n, err = given(tx, resource, term)
		return err
	})
	return n, err
}

func resourceOf(tx *sql.Tx, a meta.Application) (meta.Resource, error) {
	return one(tx, scanResource, noResource(), `SELECT `+resourceColumns+` FROM resources WHERE id = ?`, a.Resource)
}

func usable(res meta.Resource, now time.Time) error {
	no := func(sentence, reason string) error {
		return meta.Refuse(cloudapi.ErrLicenseRefused, sentence, "reason", reason, "instance", res.ID)
	}
	switch res.State {
	case meta.ResourceActive:
	case meta.ResourceFrozen:
		return no("the resource is frozen", meta.ReasonFrozen)
	case meta.ResourceOrdered, meta.ResourceDelivering:
		return no("the resource is not delivered yet", meta.ReasonEarly)
	default:
		return no("the resource is gone", meta.ReasonEnded)
	}
	if !res.Until.IsZero() && !now.Before(res.Until) {
		return no("the resource has ended", meta.ReasonExpired)
	}
	return nil
}

// ask puts the next call of the application in the queue and counts it. Its key has the count, so
// that neither a repeat nor two at once add a second one.
func ask(tx *sql.Tx, a *meta.Application, now time.Time, call meta.Call) error {
	a.Asks++
	a.Asked = meta.Stamp(now)
	call.Subject, call.Key = a.Event, fmt.Sprintf("license:%s:%d", a.Event, a.Asks)
	if err := addCall(tx, call); err != nil {
		return err
	}
	if _, err := tx.Exec(`UPDATE applications SET state = ?, reason = '', code = '', message = '', decided = 0, asks = ?, asked = ? WHERE event = ?`,
		a.State, a.Asks, millis(a.Asked), a.Event); err != nil {
		return fmt.Errorf("ask for a licence: %w", err)
	}
	return nil
}

// AskAgain implements meta.Applications.
func (s *Store) AskAgain(ctx context.Context, event string, before, now time.Time, call meta.Call) (a meta.Application, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if a, err = application(tx, event); err != nil {
			return err
		}
		if a.State == meta.ApplicationDelivered || a.State == meta.ApplicationRefused && !a.GivenUp() || !a.Asked.Before(before) {
			return nil
		}
		var waiting int
		if err := tx.QueryRow(`SELECT count(*) FROM calls WHERE subject = ? AND state = 'waiting'`, event).Scan(&waiting); err != nil {
			return fmt.Errorf("count calls: %w", err)
		}
		if waiting > 0 {
			return nil
		}
		if a.GivenUp() {
			if _, err := fits(tx, a, now); err != nil {
				return err
			}
			a.State, a.Reason, a.Code, a.Message, a.Decided = meta.ApplicationAsking, "", "", "", time.Time{}
		}
		return ask(tx, &a, now, call)
	})
	return a, err
}

// Application implements meta.Applications.
func (s *Store) Application(ctx context.Context, event string) (a meta.Application, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		a, err = application(tx, event)
		return err
	})
	return a, err
}

// Applications implements meta.Applications.
func (s *Store) Applications(ctx context.Context, f meta.ApplicationFilter) (list []meta.Application, err error) {
	q := filter{table: "applications", where: "1", limit: f.Limit}
	if f.Before != "" {
		q.where, q.args = "seq < (SELECT seq FROM applications WHERE event = ?)", []any{f.Before}
	}
	q = q.with("org", f.Org).with("merchant", f.Merchant).with("resource", f.Resource).with("state", f.State)
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanApplication, q.text(applicationColumns+`, NULL`), q.args...)
		return err
	})
	return list, err
}

// Taken implements meta.Applications.
func (s *Store) Taken(ctx context.Context, event string, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		a, err := application(tx, event)
		if err != nil {
			return err
		}
		if a.GivenUp() {
			if _, err := fits(tx, a, now); err != nil {
				var no *meta.Refusal
				if errors.As(err, &no) {
					return nil // no room for it any more: it stays given up
				}
				return err
			}
		} else if a.State != meta.ApplicationAsking {
			return nil
		}
		if _, err := tx.Exec(`UPDATE applications SET state = 'making', reason = '', code = '', message = '', decided = 0 WHERE event = ?`, event); err != nil {
			return fmt.Errorf("note application: %w", err)
		}
		return nil
	})
}
