package market

import (
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Bounds of what can be ordered: the widths of amount and periodNumber on the marketplace's pages.
const (
	MaxAmount  = 9_999_999
	MaxPeriods = 99
)

// Spans of a resource's life.
const (
	frozenMost = 15 * 24 * time.Hour // a merchant keeps the data of a frozen resource so long
	orderMost  = 3 * time.Hour       // an order whose provisioning has not succeeded by then has failed
	StepLimit  = 5 * 24 * time.Hour  // a delivery that waits longer lets the other side appeal
	RejectedBy = 3                   // so many rejections let both sides appeal
)

// frozenFor is how long a frozen resource's data is kept.
func (r *Room) frozenFor() time.Duration {
	if n := r.Readings.FrozenDays; n > 0 {
		return time.Duration(n) * 24 * time.Hour
	}
	return frozenMost
}

// orderLimit is how long provisioning may take.
func (r *Room) orderLimit() time.Duration {
	if r.Readings.OrderTwoHours {
		return 2 * time.Hour
	}
	return orderMost
}

// forever is the end of a licence instance without one: instances have dates, see meta.Instance.
var forever = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// add is from plus n periods. A month that is too short for the day ends on its last day: a month from
// 31 January is the end of February, not the beginning of March.
func add(from time.Time, period string, n int) (time.Time, error) {
	switch period {
	case "day":
		return from.AddDate(0, 0, n), nil
	case "month":
		return addMonths(from, n), nil
	case "year":
		return addMonths(from, 12*n), nil
	}
	return from, meta.Refuse(cloudapi.ErrInvalid, "the specification has no period of year, month or day", "member", "spec")
}

func addMonths(from time.Time, n int) time.Time {
	to := from.AddDate(0, n, 0)
	if to.Day() != from.Day() {
		to = to.AddDate(0, 0, -to.Day())
	}
	return to
}

// begin cuts a time to the second, the precision of the merchant's interfaces: both sides must
// compare the same dates.
func begin(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

// Appeal says who may appeal over a delivery at now: the side that waits for the other for longer than
// StepLimit, and both after RejectedBy rejections. The flags are shown; an appeal is
// dealt with by the operator outside this program.
func Appeal(res meta.Resource, now time.Time) (buyer, merchant bool) {
	if res.State != meta.ResourceDelivering {
		return false, false
	}
	if res.Rejected >= RejectedBy {
		return true, true
	}
	late := now.Sub(res.Since) > StepLimit
	switch res.Delivery {
	case meta.DeliverySubmitted, meta.DeliveryAccept:
		return false, late
	case meta.DeliveryConfirm, meta.DeliveryDeliver:
		return late, false
	}
	return false, false
}
