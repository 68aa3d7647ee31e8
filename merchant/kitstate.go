package merchant

import (
	"context"
	"errors"
	"slices"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// state fills in what a kit call does, false when its callback is nil. Calls of one subject run one after
// the other and share what is remembered of their times.
func (k kit) state(c *call, r wire.KitRequest) bool {
	calls, offered := k.options.Kit, false
	var head wire.KitHead
	var subject []string
	var apply func(context.Context, *newest) error
	switch r := r.(type) {
	case wire.TenantSync:
		offered, head, subject = calls.Tenant != nil, r.KitHead, []string{"tenant"}
		apply = func(ctx context.Context, n *newest) error {
			return n.one("", r.At(), func() error {
				return calls.Tenant(ctx, Tenant{kitState(r.KitHead), r.Flag != wire.KitDelete, r.OrderID, r.TenantCode, r.Name, r.DomainName})
			})
		}
	case wire.ApplicationSync:
		offered, head, subject = calls.Application != nil, r.KitHead, []string{"application", r.AppID}
		apply = func(ctx context.Context, n *newest) error {
			return n.one("", r.At(), func() error { return k.application(ctx, r) })
		}
	case wire.AuthSync:
		offered, head, subject = calls.Users != nil, r.KitHead, []string{"users", r.AppID}
		apply = func(ctx context.Context, n *newest) error { return k.users(ctx, r, n) }
	case wire.SingleOrgSync:
		offered, head, subject = calls.Department != nil, r.KitHead, []string{"departments"}
		apply = func(ctx context.Context, n *newest) error {
			return n.one(r.OrgCode, r.At(), func() error {
				return calls.Department(ctx, Department{kitState(r.KitHead), r.Org, r.Flag != wire.KitDelete})
			})
		}
	case wire.AllOrgSync:
		offered, head, subject = calls.Departments != nil, r.KitHead, []string{"departments"}
		apply = func(ctx context.Context, n *newest) error {
			return n.all(r.At(), func(keep []string) error {
				return calls.Departments(ctx, Departments{kitState(r.KitHead), uniqueOrgs(r.OrgInfoList), keep})
			})
		}
	}
	c.subject = append([]string{head.InstanceID, head.TenantID}, subject...)
	c.run = func(ctx context.Context, _ Attempt) (outcome, error) {
		if err := k.ordered(ctx, c.test, c.subject, func(n *newest) error { return apply(ctx, n) }); err != nil {
			return outcome{}, err
		}
		return answered(success(wire.Answer{}))
	}
	return offered
}

// kitState moves a request's head.
func kitState(h wire.KitHead) KitState {
	return KitState{h.InstanceID, h.TenantID, h.Test(), h.At()}
}

func (k kit) application(ctx context.Context, r wire.ApplicationSync) error {
	a := Application{KitState: kitState(r.KitHead), Present: r.Flag != wire.KitDelete, AppID: r.AppID, ClientID: r.ClientID}
	if a.Present { // what goes needs no secret, and may have been encrypted for an older key
		var err error
		if a.ClientSecret, err = sign.DecryptSecret(k.options.Kit.PrivateKey, r.ClientSecret, k.options.Kit.OAEP); err != nil {
			return errors.Join(&wire.Problem{Field: "clientSecret", Why: "was not encrypted for this server's key"}, err)
		}
	}
	return k.options.Kit.Application(ctx, a)
}

// users hands over those of whom nothing newer is known.
func (k kit) users(ctx context.Context, r wire.AuthSync, n *newest) error {
	u := Users{KitState: kitState(r.KitHead), AppID: r.AppID, Access: Granted}
	switch r.Flag {
	case wire.KitDelete:
		u.Access = Deleted
	case wire.KitWithdraw:
		u.Access = Withdrawn
	}
	at := r.At()
	for i, user := range r.UserList {
		later := func(o wire.User) bool { return o.UserName == user.UserName }
		if !n.outdated(user.UserName, at) && !slices.ContainsFunc(r.UserList[i+1:], later) {
			u.Users = append(u.Users, user)
		}
	}
	if len(u.Users) == 0 {
		return nil
	}
	if err := k.options.Kit.Users(ctx, u); err != nil {
		return err
	}
	for _, user := range u.Users {
		n.note(user.UserName, at)
	}
	return nil
}

// uniqueOrgs keeps the last one of each code.
func uniqueOrgs(orgs []wire.Org) []wire.Org {
	last := make(map[string]int, len(orgs))
	for i, o := range orgs {
		last[o.OrgCode] = i
	}
	out := make([]wire.Org, 0, len(orgs))
	for i, o := range orgs {
		if last[o.OrgCode] == i {
			out = append(out, o)
		}
	}
	return out
}
