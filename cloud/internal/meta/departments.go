package meta

import (
	"context"
	"time"
)

// Bounds of an organisation's tree.
const (
	MaxDepartments     = 1000
	MaxDepartmentDepth = 16
)

// Department is one node of an organisation's tree. A member belongs to one or to none.
type Department struct {
	ID      string // dep_…
	Org     string
	Parent  string // "" for one at the top
	Name    string // unique among its siblings, case does not count
	Created time.Time
}

// Seats is what a command about the seats of a whole department did.
type Seats struct {
	Members int // of the department and those below it
	Changed int // who has got or lost a seat
}

// Departments is everything about an organisation's tree. Rows are only found with their
// organisation in hand: another's are not_found.
type Departments interface {
	// AddDepartment adds one. Refusals: not_found (parent), name_exists, conflict with reason
	// many or depth.
	AddDepartment(ctx context.Context, d Department, why Entry) error
	// ListDepartments lists an organisation's departments by name, in no order of the tree.
	ListDepartments(ctx context.Context, org string) ([]Department, error)
	// RenameDepartment refuses not_found, name_exists.
	RenameDepartment(ctx context.Context, org, id, name string, why Entry) error
	// MoveDepartment puts one with everything below it under another parent; "" is the top.
	// Refusals: not_found, name_exists, conflict with reason below (into itself) or depth.
	MoveDepartment(ctx context.Context, org, id, parent string, why Entry) error
	// RemoveDepartment deletes one that has none below it; its members go to its parent.
	// Refusals: not_found, conflict with reason children.
	RemoveDepartment(ctx context.Context, org, id string, why Entry) error
	// SetDepartment puts a member into a department; "" takes it out. Refusal not_found (either).
	SetDepartment(ctx context.Context, org, account, id string, why Entry) error
	// MemberDepartments tells the department of each account that has one.
	MemberDepartments(ctx context.Context, org string) (map[string]string, error)
	// AssignDepartment gives a seat of an instance to every member of a department and of those
	// below it, or to nobody. Refusals: not_found (instance or department), conflict with reason
	// seats and params need, free, seats.
	AssignDepartment(ctx context.Context, org, instance, id string, why Entry) (Seats, error)
	// UnassignDepartment takes the seats back, with the members' device holds. Refusal not_found.
	UnassignDepartment(ctx context.Context, org, instance, id string, why Entry) (Seats, error)
}
