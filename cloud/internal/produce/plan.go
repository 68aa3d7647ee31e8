package produce

import (
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Plan is when a call is repeated: after the gaps of Quick, one after the other, and then every
// Every, as long as less than For has gone since its begin.
type Plan struct {
	Quick []time.Duration
	Every time.Duration
	For   time.Duration
}

// Next is the first time of a plan that began at begun and is not before now; false when there is none.
// The times are a grid: a call that took long does not move the ones behind it, and times that have
// passed are left out.
func (p Plan) Next(begun, now time.Time) (time.Time, bool) {
	at := begun
	for _, gap := range p.Quick {
		if at = at.Add(gap); at.After(now) && at.Before(begun.Add(p.For)) {
			return at, true
		}
	}
	if behind := now.Sub(at); behind >= 0 {
		at = at.Add((behind/p.Every + 1) * p.Every)
	} else {
		at = at.Add(p.Every)
	}
	return at, at.Before(begun.Add(p.For))
}

// Plans has the plan of each activity. What the pages state is stated here in full; readings:
//
//   - newInstance: 2 hours, every 2 minutes (online licences; the pages of SaaS say 3 hours,
//     once an hour). The order itself fails 3 hours after it was placed, as the same page says.
//   - refreshInstance, updateInstanceStatus: 2 hours; no interval is stated, so every 2 minutes.
//   - upgradeInstance: as newInstance, because it too ends in a refund.
//   - authorization codes: 60 calls, every 2 minutes.
//   - orderNotify: 3 hours; no interval is stated, so every 2 minutes.
//   - releaseInstance: nothing is stated for licences; as refreshInstance.
//   - getLicenseAsync and queryInstance: nothing is stated. A person waits, so the first
//     repeats are quick; then every 2 minutes for 2 hours.
//   - changeInstanceCheck: nothing is stated. A buyer waits, and an order that nobody could check is
//     better refused soon than late: quick repeats within 2 minutes.
type Plans map[string]Plan

// DefaultPlans are the plans as documented, with the readings of Plans. The caller may change the copy.
func DefaultPlans() Plans {
	const minute, hour = time.Minute, time.Hour
	usual := Plan{Every: 2 * minute, For: 2 * hour}
	quick := []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second}
	return Plans{
		wire.ActivityNewInstance:             usual,
		wire.ActivityQueryInstance:           {Quick: quick, Every: 2 * minute, For: 2 * hour},
		wire.ActivityRefreshInstance:         usual,
		wire.ActivityUpdateInstanceStatus:    usual,
		wire.ActivityReleaseInstance:         usual,
		wire.ActivityUpgradeInstance:         usual,
		wire.ActivityChangeInstanceCheck:     {Quick: quick, Every: minute, For: 2 * minute},
		wire.ActivityGetLicenseAsync:         {Quick: quick, Every: 2 * minute, For: 2 * hour},
		wire.ActivityOrderNotify:             {Every: 2 * minute, For: 3 * hour},
		wire.ActivityRefreshLicenseCode:      usual,
		wire.ActivityUpdateLicenseCodeStatus: usual,
		wire.ActivityReleaseLicenseCode:      usual,
	}
}

// SaaSPlans are the plans with what the pages on software as a service say, for all kinds: creation and upgrade once an hour for
// 3 hours, renewal, status and release for 1 hour.
func SaaSPlans() Plans {
	p := DefaultPlans()
	for _, activity := range []string{wire.ActivityNewInstance, wire.ActivityUpgradeInstance} {
		p[activity] = Plan{Every: time.Hour, For: 3 * time.Hour}
	}
	for _, activity := range []string{wire.ActivityRefreshInstance, wire.ActivityUpdateInstanceStatus, wire.ActivityReleaseInstance} {
		p[activity] = Plan{Every: 2 * time.Minute, For: time.Hour}
	}
	return p
}

// Paced are the plans with the same gap between any two attempts, each for as long as before.
func (p Plans) Paced(every time.Duration) Plans {
	paced := make(Plans, len(p))
	for activity, plan := range p {
		paced[activity] = Plan{Every: every, For: plan.For}
	}
	return paced
}

// Of is the plan of an activity; one that is not in the table is called once.
func (p Plans) Of(activity string) Plan {
	if plan, ok := p[activity]; ok {
		return plan
	}
	return Plan{Every: time.Minute, For: time.Minute}
}

// About says whose call it is and what about.
type About struct {
	Merchant string
	Product  string
	Subject  string // calls on one subject are made one after the other
	Key      string // what makes two calls the same
}

// Call makes a call for the queue that begins now. The businessId of a newInstance may be
// empty: each attempt has one of its own.
func (p Plans) Call(now time.Time, a About, r wire.Request) (meta.Call, error) {
	body, err := wire.Encode(r)
	if err != nil {
		return meta.Call{}, fmt.Errorf("queue call: %w", err)
	}
	now = meta.Stamp(now)
	return meta.Call{ID: meta.NewID("cal"), Merchant: a.Merchant, Product: a.Product, Activity: r.Activity(), Subject: a.Subject, Key: a.Key,
		Body: body, State: meta.CallWaiting, Created: now, Next: now, End: now.Add(p.Of(r.Activity()).For)}, nil
}
