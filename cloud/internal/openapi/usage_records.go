package openapi

import (
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// metered looks at the resources that a push names, each once: a push of 1000 records is mostly about a few.
type metered struct {
	store meta.Store
	c     *Call
	seen  map[string][]meta.Resource // by the merchant's instanceId; at most one each
}

func (m metered) resource(instance string) ([]meta.Resource, error) {
	list, ok := m.seen[instance]
	if ok {
		return list, nil
	}
	list, err := m.store.Resources(m.c.R.Context(), meta.ResourceFilter{Merchant: m.c.Merchant, MerchantID: instance, Page: meta.Page{Limit: 1}})
	if err == nil {
		m.seen[instance] = list
	}
	return list, err
}

// usageOf makes a record of what was pushed, or says with which code it is refused.
func (m metered) usageOf(r wire.UsageRecord, serial string) (code string, u meta.Usage, err error) {
	var times [3]time.Time
	for i, s := range []string{r.RecordTime, r.BeginTime, r.EndTime} {
		if times[i], err = wire.ParseUsageTime(s); err != nil {
			return recordTime, u, nil
		}
	}
	if begin, end := times[1], times[2]; begin.Before(m.c.Now.Add(-usageAge)) || end.After(m.c.Now.Add(sign.DateWindow)) {
		return recordRange, u, nil
	}
	list, err := m.resource(r.InstanceID)
	if err != nil {
		return "", u, err
	}
	switch {
	case len(list) == 0: // unknown and another merchant's are one answer: whose ids exist is nobody's business
		return recordUnknown, u, nil
	case list[0].Charging != meta.ChargeOnDemand && list[0].Charging != meta.ChargePackage:
		return recordNotUsage, u, nil
	case list[0].State == meta.ResourceReleased || list[0].State == meta.ResourceUnobtainable:
		return recordState, u, nil
	}
	return "", meta.Usage{Merchant: m.c.Merchant, Serial: serial, Instance: r.InstanceID, Package: r.RelatePkgInstance,
		Value: string(r.UsageValue), Record: times[0], Begin: times[1], End: times[2]}, nil
}
