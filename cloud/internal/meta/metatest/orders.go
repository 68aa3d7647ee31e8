package metatest

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Orders tries the contract of orders, resources and the queue of calls. open makes an empty store.
func Orders(t *testing.T, open func(t *testing.T) meta.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *core)
	}{
		{"placing", placing},
		{"placing again", placingAgain},
		{"one trial", oneTrial},
		{"steps", steps},
		{"step race", stepRace},
		{"due resources", dueResources},
		{"instance ids", instanceIDs},
		{"seats of a smaller order", fewerSeats},
		{"lists", orderLists},
		{"queue", queue},
		{"one subject after the other", subjects},
		{"everyone's first", fairness},
		{"swept calls and notices", sweptCalls},
		{"send again", sendAgain},
		{"notices", notices},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &core{Store: open(t), ctx: t.Context(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			s.accounts(t)
			ok(t, s.AddProduct(s.ctx, meta.Product{ID: "cad", Name: "CAD"}, meta.Entry{}))
			c.run(t, s)
		})
	}
}

// fewerSeats: while an order for fewer seats is not settled, nobody takes those that it gives back; one
// that would leave fewer than are assigned is refused at the moment it is stored.
func fewerSeats(t *testing.T, c *core) {
	r := c.place(t, "1")
	r.State, r.Pending = meta.ResourceActive, ""
	i := meta.Instance{ID: r.ID, Org: r.Org, Product: r.Product, Seats: 3, From: c.now, Until: c.now.AddDate(1, 0, 0), Status: meta.StatusActive}
	ok(t, c.TakeStep(c.ctx, meta.Step{Resource: r, Instance: &i}))
	ok(t, c.Assign(c.ctx, r.Org, r.ID, "boss", meta.Entry{}))
	less := func(n string, amount int) error {
		t.Helper()
		o := c.order(n)
		o.Type, o.Resource, o.Amount = meta.OrderChange, r.ID, amount
		now, err := c.Resource(c.ctx, r.ID)
		ok(t, err)
		now.Pending = o.ID
		_, err = c.PlaceOrder(c.ctx, o, meta.Step{Resource: now})
		return err
	}
	code(t, "fewer than are assigned", less("2", 0), cloudapi.ErrConflict)
	ok(t, less("3", 1))
	code(t, "a seat that is given back", c.Assign(c.ctx, r.Org, r.ID, "ann", meta.Entry{}), cloudapi.ErrConflict)
	now, err := c.Resource(c.ctx, r.ID)
	ok(t, err)
	now.Pending = ""
	ok(t, c.TakeStep(c.ctx, meta.Step{Resource: now, Settle: []meta.Settled{{Order: "CS3", State: meta.OrderFailed}}}))
	ok(t, c.Assign(c.ctx, r.Org, r.ID, "ann", meta.Entry{}))
}

func (c *core) order(n string) meta.Order {
	return meta.Order{ID: "CS" + n, Org: "org_a", Type: meta.OrderNew, Line: "CS" + n + "-000001", Spec: "OFFI1", Product: "cad", Merchant: "mer_1",
		Amount: 3, Periods: 1, Resource: "ins_" + n, Expire: c.now.AddDate(1, 0, 0), State: meta.OrderProcessing, By: "boss", Created: c.now}
}

func (c *core) resource(n string) meta.Resource {
	return meta.Resource{ID: "ins_" + n, Org: "org_a", Product: "cad", Merchant: "mer_1", Kind: meta.KindLicense, Spec: "OFFI1", Order: "CS" + n,
		Line: "CS" + n + "-000001", InForce: "CS" + n, Charging: meta.ChargePeriod, Amount: 3, State: meta.ResourceOrdered, Created: c.now, Pending: "CS" + n}
}

func (c *core) call(n, subject string) meta.Call {
	return meta.Call{ID: "cal_" + n, Merchant: "mer_1", Product: "cad", Activity: "newInstance", Subject: subject, Key: "key " + n,
		Body: []byte(`{"n":"` + n + `"}`), State: meta.CallWaiting, Created: c.now, Next: c.now, End: c.now.Add(2 * time.Hour)}
}

func (c *core) place(t *testing.T, n string) meta.Resource {
	t.Helper()
	_, err := c.PlaceOrder(c.ctx, c.order(n), meta.Step{Resource: c.resource(n), Calls: []meta.Call{c.call(n, "ins_"+n)}})
	ok(t, err)
	r, err := c.Resource(c.ctx, "ins_"+n)
	ok(t, err)
	return r
}

func placing(t *testing.T, c *core) {
	r := c.place(t, "1")
	want := c.resource("1")
	want.Rev = 1
	if !reflect.DeepEqual(r, want) {
		t.Errorf("resource %+v, want %+v", r, want)
	}
	o, err := c.Order(c.ctx, "CS1")
	ok(t, err)
	if !reflect.DeepEqual(o, c.order("1")) {
		t.Errorf("order %+v", o)
	}
	call, err := c.Call(c.ctx, "cal_1")
	ok(t, err)
	if !reflect.DeepEqual(call, c.call("1", "ins_1")) {
		t.Errorf("call %+v", call)
	}
	_, err = c.PlaceOrder(c.ctx, c.order("1"), meta.Step{Resource: c.resource("2")})
	code(t, "an order's id again", err, cloudapi.ErrNameExists)
	_, err = c.Resource(c.ctx, "ins_2")
	code(t, "the resource of a refused order", err, cloudapi.ErrNotFound)
	_, err = c.PlaceOrder(c.ctx, c.order("3"), meta.Step{Resource: c.resource("1")})
	code(t, "a resource's id again", err, cloudapi.ErrNameExists)
	_, err = c.Order(c.ctx, "CS3")
	code(t, "the order of a refused resource", err, cloudapi.ErrNotFound)
}

func placingAgain(t *testing.T, c *core) {
	got := make([]string, 8)
	codes := atOnce(8, func(i int) error {
		n := fmt.Sprint(i)
		o := c.order(n)
		o.Repeat = "the same"
		o, err := c.PlaceOrder(c.ctx, o, meta.Step{Resource: c.resource(n), Calls: []meta.Call{c.call(n, "ins_"+n)}})
		got[i] = o.ID
		return err
	})
	if codes[""] != 8 {
		t.Fatalf("codes %v", codes)
	}
	for _, id := range got {
		if id != got[0] {
			t.Errorf("placed %v", got)
		}
	}
	if o, err := c.OrderOf(c.ctx, "org_a", "the same"); err != nil || o.ID != got[0] {
		t.Errorf("the order of this wish: %s, %v", o.ID, err)
	}
	_, err := c.OrderOf(c.ctx, "org_b", "the same")
	code(t, "another organisation's wish", err, cloudapi.ErrNotFound)
	if list, err := c.Calls(c.ctx, meta.CallFilter{Page: meta.Page{Limit: 100}}); err != nil || len(list) != 1 {
		t.Errorf("%d calls, %v", len(list), err)
	}
	if list, err := c.Resources(c.ctx, meta.ResourceFilter{Page: meta.Page{Limit: 100}}); err != nil || len(list) != 1 {
		t.Errorf("%d resources, %v", len(list), err)
	}
}

func oneTrial(t *testing.T, c *core) {
	trial := func(n string) error {
		o := c.order(n)
		o.Type = meta.OrderTrial
		_, err := c.PlaceOrder(c.ctx, o, meta.Step{Resource: c.resource(n)})
		return err
	}
	got := atOnce(4, func(i int) error { return trial(fmt.Sprint(i)) })
	if got[""] != 1 || got[cloudapi.ErrConflict] != 3 {
		t.Fatalf("four trials at once: %v", got)
	}
	list, err := c.Resources(c.ctx, meta.ResourceFilter{Page: meta.Page{Limit: 10}})
	ok(t, err)
	ok(t, c.TakeStep(c.ctx, meta.Step{Resource: list[0], Settle: []meta.Settled{{Order: list[0].Order, State: meta.OrderFailed, Reason: "time"}}}))
	code(t, "after one that failed", trial("9"), "")
}

func steps(t *testing.T, c *core) {
	r := c.place(t, "1")
	r.State, r.Pending, r.MerchantID, r.From, r.Until = meta.ResourceActive, "", "theirs", c.now, c.now.AddDate(1, 0, 0)
	i := meta.Instance{ID: "ins_1", Org: "org_a", Product: "cad", Features: []string{"draw"}, Seats: 3, From: r.From, Until: r.Until, Status: meta.StatusActive}
	st := meta.Step{Resource: r, Settle: []meta.Settled{{Order: "CS1", State: meta.OrderDone}}, Instance: &i, Stop: []string{"newInstance"},
		Calls: []meta.Call{c.call("1", "again"), c.call("2", "ins_1")}, Why: c.why("provisioned")}
	ok(t, c.TakeStep(c.ctx, st))
	code(t, "the same step again", c.TakeStep(c.ctx, st), cloudapi.ErrConflict)
	ok(t, c.Assign(c.ctx, "org_a", "ins_1", "ann", meta.Entry{}))

	r, err := c.Resource(c.ctx, "ins_1")
	ok(t, err)
	if r.Rev != 2 || r.State != meta.ResourceActive || r.MerchantID != "theirs" {
		t.Errorf("resource %+v", r)
	}
	o, err := c.Order(c.ctx, "CS1")
	ok(t, err)
	if o.State != meta.OrderDone || !o.Expire.Equal(c.order("1").Expire) {
		t.Errorf("order %+v", o)
	}
	first, err := c.Call(c.ctx, "cal_1")
	ok(t, err)
	if first.State != meta.CallStopped || first.Subject != "ins_1" {
		t.Errorf("the stopped call %+v", first)
	}
	i.Seats, i.Status = 5, meta.StatusFrozen
	ok(t, c.TakeStep(c.ctx, meta.Step{Resource: r, Instance: &i, Settle: []meta.Settled{{Order: "CS1", State: meta.OrderDone, Expire: c.now}}}))
	list, err := c.Instances(c.ctx, "org_a")
	ok(t, err)
	i.Assigned = []string{"ann"}
	if len(list) != 1 || !reflect.DeepEqual(list[0], i) {
		t.Errorf("instances %+v", list)
	}
	if o, err = c.Order(c.ctx, "CS1"); err != nil || !o.Expire.Equal(c.now) {
		t.Errorf("the new end %v, %v", o.Expire, err)
	}
	r.ID, r.MerchantID = "none", ""
	code(t, "a step of nothing", c.TakeStep(c.ctx, meta.Step{Resource: r}), cloudapi.ErrNotFound)
	trail, err := c.Audit(c.ctx, "org_a", 0, 10)
	ok(t, err)
	if len(trail) != 1 || trail[0].Action != "provisioned" {
		t.Errorf("trail %+v", trail)
	}
}

func stepRace(t *testing.T, c *core) {
	r := c.place(t, "1")
	got := atOnce(16, func(i int) error {
		return c.TakeStep(c.ctx, meta.Step{Resource: r, Calls: []meta.Call{c.call(fmt.Sprint("race", i), "ins_1")}})
	})
	if got[""] != 1 || got[cloudapi.ErrConflict] != 15 {
		t.Errorf("16 steps from one state: %v", got)
	}
	if list, err := c.Calls(c.ctx, meta.CallFilter{Subject: "ins_1", Page: meta.Page{Limit: 100}}); err != nil || len(list) != 2 {
		t.Errorf("%d calls, %v", len(list), err)
	}
	err := c.TakeStep(c.ctx, meta.Step{Resource: r})
	var refusal *meta.Refusal
	if !errors.As(err, &refusal) || refusal.Params["reason"] != "changed" {
		t.Errorf("refused %v", err)
	}
}

func dueResources(t *testing.T, c *core) {
	for i, after := range []time.Duration{2 * time.Hour, time.Hour, 0} {
		r := c.place(t, fmt.Sprint(i))
		if after > 0 {
			r.Due = c.now.Add(after)
		}
		ok(t, c.TakeStep(c.ctx, meta.Step{Resource: r}))
	}
	for _, tt := range []struct {
		after time.Duration
		limit int
		want  []string
	}{
		{time.Hour - time.Millisecond, 10, nil},
		{time.Hour, 10, []string{"ins_1"}},
		{2 * time.Hour, 10, []string{"ins_1", "ins_0"}},
		{2 * time.Hour, 1, []string{"ins_1"}},
	} {
		list, err := c.DueResources(c.ctx, c.now.Add(tt.after), tt.limit)
		ok(t, err)
		var got []string
		for _, r := range list {
			got = append(got, r.ID)
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("after %v: %v, want %v", tt.after, got, tt.want)
		}
	}
}

// instanceIDs: a merchant that gives one instanceId to two orders would have both change together.
func instanceIDs(t *testing.T, c *core) {
	a, b := c.place(t, "1"), c.place(t, "2")
	a.MerchantID, b.MerchantID = "same", "same"
	ok(t, c.TakeStep(c.ctx, meta.Step{Resource: a}))
	code(t, "another order's instanceId", c.TakeStep(c.ctx, meta.Step{Resource: b}), cloudapi.ErrConflict)
}

func orderLists(t *testing.T, c *core) {
	for i := range 5 {
		r := c.place(t, fmt.Sprint(i))
		if i == 3 {
			r.State, r.Delivery = meta.ResourceDelivering, meta.DeliverySubmitted
			ok(t, c.TakeStep(c.ctx, meta.Step{Resource: r}))
		}
	}
	orders := func(f meta.OrderFilter) (ids []string) {
		t.Helper()
		list, err := c.Orders(c.ctx, f)
		ok(t, err)
		for _, o := range list {
			ids = append(ids, o.ID)
		}
		return ids
	}
	for _, tt := range []struct {
		f    meta.OrderFilter
		want []string
	}{
		{meta.OrderFilter{Org: "org_a", Page: meta.Page{Limit: 2}}, []string{"CS4", "CS3"}},
		{meta.OrderFilter{Org: "org_a", Page: meta.Page{Before: "CS3", Limit: 2}}, []string{"CS2", "CS1"}},
		{meta.OrderFilter{Merchant: "mer_1", Page: meta.Page{Before: "CS0", Limit: 2}}, nil},
		{meta.OrderFilter{Org: "org_b", Page: meta.Page{Limit: 2}}, nil},
		{meta.OrderFilter{Merchant: "mer_2", Page: meta.Page{Limit: 2}}, nil},
		{meta.OrderFilter{Resource: "ins_2", Page: meta.Page{Limit: 2}}, []string{"CS2"}},
	} {
		if got := orders(tt.f); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%+v: %v, want %v", tt.f, got, tt.want)
		}
	}
	list, err := c.Resources(c.ctx, meta.ResourceFilter{Merchant: "mer_1", Delivery: true, Page: meta.Page{Limit: 10}})
	ok(t, err)
	if len(list) != 1 || list[0].ID != "ins_3" {
		t.Errorf("deliveries %+v", list)
	}
}
