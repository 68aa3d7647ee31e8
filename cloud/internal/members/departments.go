package members

import (
	"context"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// AddDepartment adds a department below parent ("" is the top). Refusals: invalid_argument for the
// name, and those of meta's AddDepartment.
func (r *Room) AddDepartment(ctx context.Context, who meta.Who, name, parent string) (meta.Department, error) {
	if err := Text("name", name, 1, MaxDisplay); err != nil {
		return meta.Department{}, err
	}
	d := meta.Department{ID: meta.NewID("dep"), Org: who.Org, Parent: parent, Name: name, Created: meta.Stamp(who.Now)}
	return d, r.store.AddDepartment(ctx, d, why(who, "department.added", "department", d.ID, "name", name))
}

// RenameDepartment changes a department's name. Refusals: invalid_argument, and those of meta's.
func (r *Room) RenameDepartment(ctx context.Context, who meta.Who, id, name string) error {
	if err := Text("name", name, 1, MaxDisplay); err != nil {
		return err
	}
	return r.store.RenameDepartment(ctx, who.Org, id, name, why(who, "department.renamed", "department", id, "name", name))
}

// MoveDepartment puts a department with everything below it elsewhere in the tree.
func (r *Room) MoveDepartment(ctx context.Context, who meta.Who, id, parent string) error {
	return r.store.MoveDepartment(ctx, who.Org, id, parent, why(who, "department.moved", "department", id, "parent", parent))
}

// RemoveDepartment deletes one without departments below it; its members go to its parent.
func (r *Room) RemoveDepartment(ctx context.Context, who meta.Who, id string) error {
	return r.store.RemoveDepartment(ctx, who.Org, id, why(who, "department.removed", "department", id))
}

// SetDepartment puts a member into a department; "" takes it out.
func (r *Room) SetDepartment(ctx context.Context, who meta.Who, account, id string) error {
	account, err := AccountName("account", account)
	if err != nil {
		return err
	}
	return r.store.SetDepartment(ctx, who.Org, account, id, why(who, "member.department", "member", account, "department", id))
}

// Assign gives a seat of an instance to a member. Refusals: not_found, conflict with reason full.
func (r *Room) Assign(ctx context.Context, who meta.Who, instance, account string) error {
	account, err := AccountName("account", account)
	if err != nil {
		return err
	}
	return r.store.Assign(ctx, who.Org, instance, account, why(who, "instance.assigned", "instance", instance, "member", account))
}

// Unassign takes a member's seat back. Refusal not_found.
func (r *Room) Unassign(ctx context.Context, who meta.Who, instance, account string) error {
	account, err := AccountName("account", account)
	if err != nil {
		return err
	}
	return r.store.Unassign(ctx, who.Org, instance, account, why(who, "instance.unassigned", "instance", instance, "member", account))
}

// AssignDepartment gives a seat to each member of a department, or to nobody: see meta.
func (r *Room) AssignDepartment(ctx context.Context, who meta.Who, instance, id string) (meta.Seats, error) {
	return r.store.AssignDepartment(ctx, who.Org, instance, id, why(who, "instance.assigned", "instance", instance, "department", id))
}

// UnassignDepartment takes the seats of a department's members back.
func (r *Room) UnassignDepartment(ctx context.Context, who meta.Who, instance, id string) (meta.Seats, error) {
	return r.store.UnassignDepartment(ctx, who.Org, instance, id, why(who, "instance.unassigned", "instance", instance, "department", id))
}
