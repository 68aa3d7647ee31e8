package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// AddProduct implements meta.Licenses.
func (s *Store) AddProduct(ctx context.Context, p meta.Product, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		r, err := tx.Exec(`INSERT INTO products (id, name, org) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`, p.ID, p.Name, p.Org)
		if err != nil {
			return fmt.Errorf("add product: %w", err)
		}
		if n, err := r.RowsAffected(); err != nil || n == 0 {
			return firstOf(err, meta.Refuse(cloudapi.ErrNameExists, "a product of this id exists already"))
		}
		return record(tx, why)
	})
}

// Products implements meta.Licenses.
func (s *Store) Products(ctx context.Context) (list []meta.Product, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, name, org FROM products ORDER BY id`)
		if err != nil {
			return fmt.Errorf("list products: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var p meta.Product
			if err := rows.Scan(&p.ID, &p.Name, &p.Org); err != nil {
				return fmt.Errorf("list products: %w", err)
			}
			list = append(list, p)
		}
		return rows.Err()
	})
	return list, err
}

// productFor is productKnown for an organisation that wants to license or to list the product: its own, or one of the
// operator's.
func productFor(tx *sql.Tx, product, org string) error {
	if err := productKnown(tx, product); err != nil {
		return err
	}
	var may bool
	if err := tx.QueryRow(`SELECT org IN ('', ?) OR org IN (SELECT org FROM operator) FROM products WHERE id = ?`, org, product).Scan(&may); err != nil {
		return fmt.Errorf("look for product's organisation: %w", err)
	}
	if !may {
		return meta.Refuse(cloudapi.ErrForbidden, "the product is another organisation's", "reason", "product", "product", product)
	}
	return nil
}

func productKnown(tx *sql.Tx, product string) error {
	var known bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM products WHERE id = ?)`, product).Scan(&known); err != nil {
		return fmt.Errorf("look for product: %w", err)
	}
	if !known {
		return meta.Refuse(cloudapi.ErrProductUnknown, "the cloud knows no such product", "product", product)
	}
	return nil
}
