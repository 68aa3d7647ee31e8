package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Committed finds the answer of an operation that has its commit.
func (s *Store) Committed(ctx context.Context, who meta.Who, sc meta.Scope) (c meta.Committed, found bool, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		sp, err := permit(tx, who, sc)
		if err != nil {
			return err
		}
		c, found, err = committed(tx, who, sp, sc.Operation)
		return err
	})
	return c, found, err
}

// Commit makes a version, or returns the operation's first answer.
func (s *Store) Commit(ctx context.Context, who meta.Who, sc meta.Scope, c meta.Commit) (meta.Committed, error) {
	var out meta.Committed
	err := s.write(ctx, func(tx *sql.Tx) error {
		sc.Write = true
		sp, err := permit(tx, who, sc)
		if err != nil {
			return err
		}
		var found bool
		if out, found, err = committed(tx, who, sp, sc.Operation); err != nil || found {
			return err
		}
		if c.Object != sc.Object {
			return meta.Refuse(cloudapi.ErrForbidden, "the token is for another object")
		}
		if c.Object != "" {
			out, err = replace(tx, who, sp, c)
		} else {
			out, err = create(tx, who, sp, c)
		}
		if err != nil {
			return err
		}
		answer, err := json.Marshal(out)
		if err != nil {
			return fmt.Errorf("keep answer: %w", err)
		}
		_, err = tx.Exec(`INSERT INTO commits (account, operation, space, object, answer, created) VALUES (?, ?, ?, ?, ?, ?)`,
			who.Account, sc.Operation, sp.seq, out.Object, string(answer), millis(who.Now))
		if err != nil {
			return fmt.Errorf("keep answer: %w", err)
		}
		return nil
	})
	if err != nil {
		return meta.Committed{}, err
	}
	return out, nil
}

func committed(tx *sql.Tx, who meta.Who, sp space, operation string) (out meta.Committed, found bool, err error) {
	var seq int64
	var answer string
	err = tx.QueryRow(`SELECT space, answer FROM commits WHERE account = ? AND operation = ?`, who.Account, operation).Scan(&seq, &answer)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return out, false, nil
	case err != nil:
		return out, false, fmt.Errorf("find commit: %w", err)
	case seq != sp.seq:
		return out, false, meta.Refuse(cloudapi.ErrInvalid, "the operation was used in another space", "member", "operation")
	}
	if err := json.Unmarshal([]byte(answer), &out); err != nil {
		return out, false, fmt.Errorf("read kept answer: %w", err)
	}
	return out, true, nil
}

// stored finds a manifest all of whose chunks are in the space, of the kind that is wanted.
func stored(tx *sql.Tx, sp space, sum meta.Hash, kind string) (seq int64, m meta.Manifest, err error) {
	seq, m, err = manifestOf(tx, sp.seq, sum)
	switch {
	case meta.CodeOf(err) == cloudapi.ErrNotFound:
		return 0, m, meta.Refuse(cloudapi.ErrChunksMissing, "the manifest is not stored")
	case err != nil:
		return 0, m, err
	case !m.Complete:
		return 0, m, meta.Refuse(cloudapi.ErrChunksMissing, "the manifest names chunks that are not stored")
	case m.Kind != kind:
		return 0, m, meta.Refuse(cloudapi.ErrInvalid, "the manifest is of another kind than the object", "member", "kind")
	}
	return seq, m, nil
}

// replace adds a version to an object. The lease is looked at before the base: who lost the
// lease must hear that, not that someone was faster.
func replace(tx *sql.Tx, who meta.Who, sp space, c meta.Commit) (meta.Committed, error) {
	it, _, err := objectOf(tx, who, c.Object, cloudapi.RoleEditor)
	if err != nil {
		return meta.Committed{}, err
	}
	switch {
	case c.Fence == 0:
		return meta.Committed{}, meta.Refuse(cloudapi.ErrNotCheckedOut, "the object is not checked out for this commit")
	case !heldBy(it.Checkout, who) || it.Checkout.Fence != c.Fence:
		return meta.Committed{}, errLost(it.Checkout)
	case c.Base != it.Version:
		return meta.Committed{}, meta.Refuse(cloudapi.ErrConflict, "a newer version exists than the one the work began from",
			"newest", strconv.FormatInt(it.Version, 10))
	}
	seq, m, err := stored(tx, sp, c.Manifest, it.Kind)
	if err != nil {
		return meta.Committed{}, err
	}
	number := it.Version + 1
	if err := addVersion(tx, who, it.seq, number, seq, m.Size); err != nil {
		return meta.Committed{}, err
	}
	_, err = tx.Exec(`UPDATE items SET version = ?, size = ?, modified = ?, by = ? WHERE seq = ?`,
		number, m.Size, millis(who.Now), who.Account, it.seq)
	if err != nil {
		return meta.Committed{}, fmt.Errorf("add version: %w", err)
	}
	return meta.Committed{Object: it.ID, Version: number, Checkout: it.Checkout}, nil
}

// create makes an object with its first version, and checks it out when asked.
func create(tx *sql.Tx, who meta.Who, sp space, c meta.Commit) (meta.Committed, error) {
	if c.Kind != cloudapi.KindFile && c.Kind != cloudapi.KindAssembly {
		return meta.Committed{}, meta.Refuse(cloudapi.ErrInvalid, "the kind is neither file nor assembly", "member", "kind")
	}
	if err := checkName(c.Name); err != nil {
		return meta.Committed{}, err
	}
	seq, m, err := stored(tx, sp, c.Manifest, c.Kind)
	if err != nil {
		return meta.Committed{}, err
	}
	it, err := addItem(tx, who, sp, c.Folder, meta.Item{Kind: c.Kind, Name: c.Name, Size: m.Size, Version: 1})
	if err != nil {
		return meta.Committed{}, err
	}
	if err := addVersion(tx, who, it.seq, 1, seq, m.Size); err != nil {
		return meta.Committed{}, err
	}
	out := meta.Committed{Object: it.ID, Version: 1}
	if !c.Until.IsZero() {
		lease, err := checkout(tx, who, it, c.Until)
		if err != nil {
			return meta.Committed{}, err
		}
		out.Checkout = &lease
	}
	return out, nil
}

func addVersion(tx *sql.Tx, who meta.Who, object, number, manifest, size int64) error {
	machine, err := machineOf(tx, who.Device)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`INSERT INTO versions (item, number, manifest, size, created, by, device, machine) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		object, number, manifest, size, millis(who.Now), who.Account, who.Device, machine)
	if err != nil {
		return fmt.Errorf("add version: %w", err)
	}
	return nil
}
