package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/chunk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// below are a department and all that stand under it: parameters id and organisation.
const below = `WITH RECURSIVE below (id, depth) AS (
	SELECT id, 1 FROM departments WHERE id = ? AND org = ?
	UNION ALL SELECT d.id, b.depth + 1 FROM departments d JOIN below b ON d.parent = b.id WHERE b.depth < 100)`

func noDepartment() error { return meta.Refuse(cloudapi.ErrNotFound, "there is no such department") }

// department says whether an organisation has one.
func department(tx *sql.Tx, org, id string) error {
	var one int
	err := tx.QueryRow(`SELECT 1 FROM departments WHERE id = ? AND org = ?`, id, org).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return noDepartment()
	}
	if err != nil {
		return fmt.Errorf("read department: %w", err)
	}
	return nil
}

// depthOf counts the departments from the top down to id; "" is 0. Refusal not_found.
func depthOf(tx *sql.Tx, org, id string) (n int, err error) {
	for id != "" {
		if n++; n > 100 {
			return 0, fmt.Errorf("read department: the tree has a circle at %s", id)
		}
		var parent sql.NullString
		err := tx.QueryRow(`SELECT parent FROM departments WHERE id = ? AND org = ?`, id, org).Scan(&parent)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, noDepartment()
		}
		if err != nil {
			return 0, fmt.Errorf("read department: %w", err)
		}
		id = parent.String
	}
	return n, nil
}

func tooDeep(n int) error {
	if n > meta.MaxDepartmentDepth {
		return meta.Refuse(cloudapi.ErrConflict, "departments are nested too deep", "reason", "depth", "depth", fmt.Sprint(meta.MaxDepartmentDepth))
	}
	return nil
}

// sibling refuses a name that another child of parent has.
func sibling(tx *sql.Tx, org, parent, id, fold string) error {
	var taken bool
	if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM departments WHERE org = ? AND ifnull(parent, '') = ? AND fold = ? AND id <> ?)`,
		org, parent, fold, id).Scan(&taken); err != nil {
		return fmt.Errorf("read department: %w", err)
	}
	if taken {
		return meta.Refuse(cloudapi.ErrNameExists, "a department of this name stands there already", "reason", "department")
	}
	return nil
}

// AddDepartment implements meta.Departments.
func (s *Store) AddDepartment(ctx context.Context, d meta.Department, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		depth, err := depthOf(tx, d.Org, d.Parent)
		if err != nil {
			return err
		}
		if err := tooDeep(depth + 1); err != nil {
			return err
		}
		var n int
		if err := tx.QueryRow(`SELECT count(*) FROM departments WHERE org = ?`, d.Org).Scan(&n); err != nil {
			return fmt.Errorf("add department: %w", err)
		}
		if n >= meta.MaxDepartments {
			return meta.Refuse(cloudapi.ErrConflict, "the organisation has too many departments", "reason", "many", "many", fmt.Sprint(meta.MaxDepartments))
		}
		if err := sibling(tx, d.Org, d.Parent, d.ID, chunk.Fold(d.Name)); err != nil {
			return err
		}
		if _, err := tx.Exec(`INSERT INTO departments (id, org, parent, name, fold, created) VALUES (?, ?, ?, ?, ?, ?)`,
			d.ID, d.Org, optional(d.Parent), d.Name, chunk.Fold(d.Name), millis(d.Created)); err != nil {
			return fmt.Errorf("add department: %w", err)
		}
		return record(tx, why)
	})
}

// ListDepartments implements meta.Departments.
func (s *Store) ListDepartments(ctx context.Context, org string) (list []meta.Department, err error) {
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, ifnull(parent, ''), name, created FROM departments WHERE org = ? ORDER BY fold, id`, org)
		if err != nil {
			return fmt.Errorf("list departments: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			d := meta.Department{Org: org}
			var created int64
			if err := rows.Scan(&d.ID, &d.Parent, &d.Name, &created); err != nil {
				return fmt.Errorf("list departments: %w", err)
			}
			d.Created = at(created)
			list = append(list, d)
		}
		return rows.Err()
	})
	return list, err
}

// RenameDepartment implements meta.Departments.
func (s *Store) RenameDepartment(ctx context.Context, org, id, name string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		var parent sql.NullString
		err := tx.QueryRow(`SELECT parent FROM departments WHERE id = ? AND org = ?`, id, org).Scan(&parent)
		if errors.Is(err, sql.ErrNoRows) {
			return noDepartment()
		}
		if err != nil {
			return fmt.Errorf("rename department: %w", err)
		}
		if err := sibling(tx, org, parent.String, id, chunk.Fold(name)); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE departments SET name = ?, fold = ? WHERE id = ?`, name, chunk.Fold(name), id); err != nil {
			return fmt.Errorf("rename department: %w", err)
		}
		return record(tx, why)
	})
}

// MoveDepartment implements meta.Departments.
func (s *Store) MoveDepartment(ctx context.Context, org, id, parent string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := department(tx, org, id); err != nil {
			return err
		}
		depth, err := depthOf(tx, org, parent)
		if err != nil {
			return err
		}
		var inside bool
		var height int
		if err := tx.QueryRow(below+` SELECT EXISTS (SELECT 1 FROM below WHERE id = ?), (SELECT max(depth) FROM below)`, id, org, parent).Scan(&inside, &height); err != nil {
			return fmt.Errorf("move department: %w", err)
		}
		if inside {
			return meta.Refuse(cloudapi.ErrConflict, "a department cannot stand below itself", "reason", "below")
		}
		if err := tooDeep(depth + height); err != nil {
			return err
		}
		var fold string
		if err := tx.QueryRow(`SELECT fold FROM departments WHERE id = ?`, id).Scan(&fold); err != nil {
			return fmt.Errorf("move department: %w", err)
		}
		if err := sibling(tx, org, parent, id, fold); err != nil {
			return err
		}
		if _, err := tx.Exec(`UPDATE departments SET parent = ? WHERE id = ?`, optional(parent), id); err != nil {
			return fmt.Errorf("move department: %w", err)
		}
		return record(tx, why)
	})
}

// RemoveDepartment implements meta.Departments.
func (s *Store) RemoveDepartment(ctx context.Context, org, id string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if err := department(tx, org, id); err != nil {
			return err
		}
		var children bool
		if err := tx.QueryRow(`SELECT EXISTS (SELECT 1 FROM departments WHERE parent = ?)`, id).Scan(&children); err != nil {
			return fmt.Errorf("remove department: %w", err)
		}
		if children {
			return meta.Refuse(cloudapi.ErrConflict, "other departments stand below this one", "reason", "children")
		}
		for _, do := range []string{
			`UPDATE department_members SET department = (SELECT parent FROM departments WHERE id = ?1) WHERE department = ?1 AND (SELECT parent FROM departments WHERE id = ?1) IS NOT NULL`,
			`DELETE FROM department_members WHERE department = ?1`,
			`DELETE FROM departments WHERE id = ?1`,
		} {
			if _, err := tx.Exec(do, id); err != nil {
				return fmt.Errorf("remove department: %w", err)
			}
		}
		return record(tx, why)
	})
}

// SetDepartment implements meta.Departments.
func (s *Store) SetDepartment(ctx context.Context, org, account, id string, why meta.Entry) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		if _, err := member(tx, org, account); err != nil {
			return err
		}
		do, args := `DELETE FROM department_members WHERE account = ?`, []any{account}
		if id != "" {
			if err := department(tx, org, id); err != nil {
				return err
			}
			do, args = `INSERT INTO department_members (account, department) VALUES (?, ?)
				ON CONFLICT (account) DO UPDATE SET department = excluded.department`, []any{account, id}
		}
		if _, err := tx.Exec(do, args...); err != nil {
			return fmt.Errorf("set department: %w", err)
		}
		return record(tx, why)
	})
}

// MemberDepartments implements meta.Departments.
func (s *Store) MemberDepartments(ctx context.Context, org string) (of map[string]string, err error) {
	of = map[string]string{}
	err = s.read(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT m.account, m.department FROM department_members m JOIN departments d ON d.id = m.department WHERE d.org = ?`, org)
		if err != nil {
			return fmt.Errorf("list members of departments: %w", err)
		}
		defer rows.Close()
		for rows.Next() {
			var account, id string
			if err := rows.Scan(&account, &id); err != nil {
				return fmt.Errorf("list members of departments: %w", err)
			}
			of[account] = id
		}
		return rows.Err()
	})
	return of, err
}

// inDepartment are the accounts below a department: parameters id and organisation.
const inDepartment = ` SELECT m.account FROM department_members m JOIN below b ON b.id = m.department`

// AssignDepartment implements meta.Departments.
func (s *Store) AssignDepartment(ctx context.Context, org, instance, id string, why meta.Entry) (n meta.Seats, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		n = meta.Seats{}
		if err := department(tx, org, id); err != nil {
			return err
		}
		var seats, taken int
		err := tx.QueryRow(`SELECT `+seatsNow+`, (SELECT count(*) FROM assignments a WHERE a.instance = i.id) FROM instances i WHERE i.id = ? AND i.org = ?`,
			instance, org).Scan(&seats, &taken)
		if errors.Is(err, sql.ErrNoRows) {
			return noInstance()
		}
		if err != nil {
			return fmt.Errorf("assign department: %w", err)
		}
		if err := tx.QueryRow(below+`, who AS (`+inDepartment+`) SELECT (SELECT count(*) FROM who),
			(SELECT count(*) FROM who WHERE account NOT IN (SELECT account FROM assignments WHERE instance = ?))`, id, org, instance).Scan(&n.Members, &n.Changed); err != nil {
			return fmt.Errorf("assign department: %w", err)
		}
		if n.Changed > seats-taken {
			return meta.Refuse(cloudapi.ErrConflict, "the instance has too few free seats for the whole department", "reason", "seats",
				"need", fmt.Sprint(n.Changed), "free", fmt.Sprint(seats-taken), "seats", fmt.Sprint(seats))
		}
		if n.Changed == 0 {
			return nil
		}
		if _, err := tx.Exec(`INSERT INTO assignments (instance, account) `+below+`
			SELECT ?, m.account FROM department_members m JOIN below b ON b.id = m.department WHERE true ON CONFLICT DO NOTHING`, id, org, instance); err != nil {
			return fmt.Errorf("assign department: %w", err)
		}
		return record(tx, why)
	})
	return n, err
}

// UnassignDepartment implements meta.Departments.
func (s *Store) UnassignDepartment(ctx context.Context, org, instance, id string, why meta.Entry) (n meta.Seats, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		n = meta.Seats{}
		if err := department(tx, org, id); err != nil {
			return err
		}
		var one int
		err := tx.QueryRow(`SELECT 1 FROM instances WHERE id = ? AND org = ?`, instance, org).Scan(&one)
		if errors.Is(err, sql.ErrNoRows) {
			return noInstance()
		}
		if err != nil {
			return fmt.Errorf("unassign department: %w", err)
		}
		if err := tx.QueryRow(below+` SELECT count(*) FROM (`+inDepartment+`)`, id, org).Scan(&n.Members); err != nil {
			return fmt.Errorf("unassign department: %w", err)
		}
		r, err := tx.Exec(below+` DELETE FROM assignments WHERE instance = ? AND account IN (`+inDepartment+`)`, id, org, instance)
		if err != nil {
			return fmt.Errorf("unassign department: %w", err)
		}
		changed, err := r.RowsAffected()
		if err != nil || changed == 0 {
			return err
		}
		n.Changed = int(changed)
		return record(tx, why)
	})
	return n, err
}
