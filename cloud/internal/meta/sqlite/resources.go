package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

const resourceColumns = `id, org, product, merchant, kind, spec, merchant_id, business_id, made_by, line, in_force, charging, trial, amount,
	state, delivery, rejected, starts, ends, frozen, term, created, rev, pending, due, since, requirement, proof, reason`

func noResource() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such resource") }

func scanResource(r row) (v meta.Resource, err error) {
	var from, until, frozen, created, due, since int64
	err = r.Scan(&v.ID, &v.Org, &v.Product, &v.Merchant, &v.Kind, &v.Spec, &v.MerchantID, &v.BusinessID, &v.Order, &v.Line, &v.InForce,
		&v.Charging, &v.Trial, &v.Amount, &v.State, &v.Delivery, &v.Rejected, &from, &until, &frozen, &v.Term, &created, &v.Rev,
		&v.Pending, &due, &since, &v.Requirement, &v.Proof, &v.Reason)
	v.From, v.Until, v.FrozenAt = orNone(from), orNone(until), orNone(frozen)
	v.Created, v.Due, v.Since = at(created), orNone(due), orNone(since)
	return v, err
}

// resource reads one as part of a command.
func resource(tx *sql.Tx, id string) (meta.Resource, error) {
	return one(tx, scanResource, noResource(), `SELECT `+resourceColumns+` FROM resources WHERE id = ?`, id)
}

// putResource makes a resource (Rev 0) or replaces the one that still has v's Rev.
func putResource(tx *sql.Tx, v meta.Resource) error {
	if v.MerchantID != "" {
		var other string
		err := tx.QueryRow(`SELECT coalesce(max(id), '') FROM resources WHERE merchant = ? AND merchant_id = ? AND id <> ?`, v.Merchant, v.MerchantID, v.ID).Scan(&other)
		if err != nil {
			return fmt.Errorf("look for instance id: %w", err)
		}
		if other != "" {
			return meta.Refuse(cloudapi.ErrConflict, "the merchant has given this instanceId to another order", "reason", "instance_id", "resource", other)
		}
	}
	if v.Rev == 0 {
		return insert(tx, meta.Refuse(cloudapi.ErrNameExists, "a resource of this id exists already"),
			`INSERT INTO resources (`+resourceColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO NOTHING`,
			v.ID, v.Org, v.Product, v.Merchant, v.Kind, v.Spec, v.MerchantID, v.BusinessID, v.Order, v.Line, v.InForce, v.Charging, v.Trial, v.Amount,
			v.State, v.Delivery, v.Rejected, orZero(v.From), orZero(v.Until), orZero(v.FrozenAt), v.Term, millis(v.Created),
			v.Pending, orZero(v.Due), orZero(v.Since), v.Requirement, v.Proof, v.Reason)
	}
	r, err := tx.Exec(`UPDATE resources SET spec = ?, merchant_id = ?, business_id = ?, in_force = ?, charging = ?, trial = ?, amount = ?,
		state = ?, delivery = ?, rejected = ?, starts = ?, ends = ?, frozen = ?, term = ?, rev = rev + 1, pending = ?, due = ?, since = ?,
		requirement = ?, proof = ?, reason = ? WHERE id = ? AND rev = ?`,
		v.Spec, v.MerchantID, v.BusinessID, v.InForce, v.Charging, v.Trial, v.Amount, v.State, v.Delivery, v.Rejected, orZero(v.From), orZero(v.Until),
		orZero(v.FrozenAt), v.Term, v.Pending, orZero(v.Due), orZero(v.Since), v.Requirement, v.Proof, v.Reason, v.ID, v.Rev)
	if err != nil {
		return fmt.Errorf("change resource: %w", err)
	}
	if n, err := r.RowsAffected(); err != nil || n > 0 {
		return err
	}
	if _, err := resource(tx, v.ID); err != nil {
		return err
	}
	return meta.Refuse(cloudapi.ErrConflict, "the resource has changed meanwhile", "reason", "changed")
}

// Resource implements meta.Orders.
func (s *Store) Resource(ctx context.Context, id string) (v meta.Resource, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		v, err = resource(tx, id)
		return err
	})
	return v, err
}

// Resources implements meta.Orders.
func (s *Store) Resources(ctx context.Context, f meta.ResourceFilter) (list []meta.Resource, err error) {
	q := newest("resources", f.Page).with("org", f.Org).with("merchant", f.Merchant).with("merchant_id", f.MerchantID)
	if f.Delivery {
		q = q.with("state", meta.ResourceDelivering)
	}
	err = s.read(ctx, func(tx *sql.Tx) error {
		list, err = all(tx, scanResource, q.text(resourceColumns), q.args...)
		return err
	})
	return list, err
}

// featureText is how features stand in the table: a JSON array, never null.
func featureText(features []string) (string, error) {
	if features == nil {
		features = []string{}
	}
	b, err := json.Marshal(features)
	if err != nil {
		return "", fmt.Errorf("store features: %w", err)
	}
	return string(b), nil
}
