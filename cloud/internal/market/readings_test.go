package market_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestEachReadingHasBothSides: what the rules do by our reading, and by the other one. The queue is called for newInstance
// every 2 minutes, as everywhere in these tests.
func TestEachReadingHasBothSides(t *testing.T) {
	year := market.Wish{Type: meta.OrderNew, Spec: "OFFI-YEAR", Amount: 2, Periods: 1}
	month := market.Wish{Type: meta.OrderNew, Spec: "OFFI-MONTH", Amount: 1, Periods: 1}
	atWork := func(q wire.Request, n int) (int, []byte) {
		if q.Activity() == wire.ActivityNewInstance && n == 1 {
			return http.StatusOK, encode(wire.Answer{ResultCode: wire.Processing, InstanceID: "slow"})
		}
		if new, is := q.(wire.NewInstance); is {
			return http.StatusOK, encode(wire.Answer{ResultCode: wire.Success, InstanceID: "slow", ResultMsg: new.OrderID})
		}
		return http.StatusOK, nil
	}
	undone := func(kind string) (func(*meta.Listing), func(*house) string) {
		return func(l *meta.Listing) { l.Kind = kind }, func(h *house) string {
			first := h.order(year)
			renewal := h.order(market.Wish{Type: meta.OrderRenew, Resource: first.Resource, Periods: 1})
			h.isv.took()
			o := h.order(market.Wish{Type: meta.OrderUnsubscribe, Resource: first.Resource, Undoes: renewal.ID})
			switch h.isv.took()[0].q.(wire.RefreshInstance).OrderID {
			case renewal.ID:
				return "the renewal"
			case o.ID:
				return "the unsubscription"
			}
			return "neither"
		}
	}
	licence, undoLicence := undone(meta.KindLicense)
	service, undoService := undone(meta.KindSaaS)
	state := func(w market.Wish, after time.Duration) func(*house) string {
		return func(h *house) string {
			o := h.order(w)
			h.advance(after)
			return h.resource(o.Resource).State
		}
	}
	for _, tt := range []struct {
		name    string
		on      readings.Readings
		listing func(*meta.Listing)
		do      func(*house) string
		ours    string
		other   string
	}{
		{"LongTimes", readings.Readings{LongTimes: true}, nil, func(h *house) string {
			o := h.order(year)
			h.isv.took()
			h.order(market.Wish{Type: meta.OrderRenew, Resource: o.Resource, Periods: 1})
			return h.isv.took()[0].q.(wire.RefreshInstance).ExpireTime
		}, "20280131100000", "20280131100000000"},
		{"UndoneUnsubscription", readings.Readings{UndoneUnsubscription: true}, licence, undoLicence, "the renewal", "the unsubscription"},
		{"UndoneRenewal", readings.Readings{UndoneRenewal: true}, service, undoService, "the unsubscription", "the renewal"},
		{"LicenseGuide, at work", readings.Readings{LicenseGuide: true}, nil, func(h *house) string {
			h.isv.answer(atWork)
			o := h.order(year)
			h.advance(3 * time.Minute)
			return h.isv.activities() + " " + h.resource(o.Resource).State
		}, "newInstance queryInstance active", "newInstance newInstance active"},
		{"LicenseGuide, change", readings.Readings{LicenseGuide: true}, nil, func(h *house) string {
			o := h.order(year)
			_, err := h.place(market.Wish{Type: meta.OrderChange, Resource: o.Resource, Amount: 5})
			return string(meta.CodeOf(err))
		}, "", "conflict"},
		{"OrderTwoHours", readings.Readings{OrderTwoHours: true}, nil, func(h *house) string {
			h.isv.answer(func(wire.Request, int) (int, []byte) { return http.StatusInternalServerError, nil })
			return state(year, 2*time.Hour+time.Minute)(h)
		}, meta.ResourceOrdered, meta.ResourceUnobtainable},
		{"FrozenDays", readings.Readings{FrozenDays: 3}, nil, state(month, 28*day+4*day), meta.ResourceFrozen, meta.ResourceFrozen},
		{"FrozenDays, released", readings.Readings{FrozenDays: 3}, nil, func(h *house) string {
			o := h.order(month)
			h.advance(28 * day)
			h.advance(4 * day)
			return h.resource(o.Resource).State
		}, meta.ResourceFrozen, meta.ResourceReleased},
		{"NoFrozenPeriod", readings.Readings{NoFrozenPeriod: true}, nil, state(month, 28*day), meta.ResourceFrozen, meta.ResourceReleased},
		{"DeliveryYear", readings.Readings{DeliveryYear: true}, func(l *meta.Listing) { l.Provision = meta.ProvisionAccepted },
			state(year, 365*day), meta.ResourceDelivering, meta.ResourceReleased},
		{"TrialsSaaS", readings.Readings{TrialsSaaS: true}, nil, func(h *house) string {
			_, err := h.place(market.Wish{Type: meta.OrderTrial, Spec: "OFFI-YEAR", Amount: 1})
			return string(meta.CodeOf(err))
		}, "", "invalid_argument"},
		{"TrialsSaaS, software as a service", readings.Readings{TrialsSaaS: true}, service, func(h *house) string {
			_, err := h.place(market.Wish{Type: meta.OrderTrial, Spec: "OFFI-YEAR", Amount: 1})
			return string(meta.CodeOf(err))
		}, "", ""},
	} {
		for _, side := range []struct {
			name string
			on   readings.Readings
			want string
		}{{"ours", readings.Readings{}, tt.ours}, {"the other", tt.on, tt.other}} {
			t.Run(tt.name+"/"+side.name, func(t *testing.T) {
				if got := tt.do(openRead(t, tt.listing, side.on)); got != side.want {
					t.Errorf("%q instead of %q", got, side.want)
				}
			})
		}
	}
}

// TestEachReadingOfLicences: the same for getLicenseAsync.
func TestEachReadingOfLicences(t *testing.T) {
	for _, tt := range []struct {
		on          readings.Readings
		fingerprint string
		effective   string // "": refused
	}{
		{readings.Readings{}, "f", "2026-03-09 09:00:00 z"},
		{readings.Readings{LicenseDigits: true}, "f", "20260309090000"},
		{readings.Readings{}, strings.Repeat("f", 1025), "2026-03-09 09:00:00 z"},
		{readings.Readings{LongFingerprints: true}, strings.Repeat("f", 1025), ""},
		{readings.Readings{LongFingerprints: true}, strings.Repeat("f", 1024), "2026-03-09 09:00:00 z"},
	} {
		c := start(t, false)
		c.room.Readings = tt.on
		_, err := c.ask(c.request("dev_1", tt.fingerprint), brief)
		if tt.effective == "" {
			if meta.CodeOf(err) != "invalid_argument" || len(c.applications()) != 0 {
				t.Errorf("%d characters: %v", len(tt.fingerprint), err)
			}
			continue
		}
		c.ok(err)
		c.until("the call", time.Second, func() bool { return len(c.seen()) > 0 })
		if got := c.seen()[0].EffectiveTime; got != tt.effective {
			t.Errorf("%d characters: %s", len(tt.fingerprint), got)
		}
	}
}
