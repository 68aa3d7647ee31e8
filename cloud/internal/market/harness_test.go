package market_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/sqlite"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const isvKey = "9d2b2f0e-54c7-4a53-b7d2-7f1f0c6f2c11"

// got is one request as the merchant's server has seen it.
type got struct {
	activity string
	at       time.Time
	q        wire.Request
}

// isv is a merchant's server on loopback: it checks each signature, notes each request, and answers
// what the test says; by default, success.
type isv struct {
	t     *testing.T
	clock *clocktest.Clock
	mu    sync.Mutex // guards the rest
	seen  []got
	// say answers one request; nil, or a nil body, answers success. n counts the activity's requests from 1.
	say func(q wire.Request, n int) (status int, body []byte)
}

func (i *isv) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the platform has gone away
	}
	if _, err := sign.VerifyProduction(isvKey, r.URL.Query(), body, i.clock.Now()); err != nil {
		i.t.Errorf("signature: %v", err)
	}
	q, err := wire.Parse(body)
	if err != nil {
		i.t.Errorf("request %s: %v", body, err)
		return
	}
	i.mu.Lock()
	n := 1
	for _, s := range i.seen {
		if s.activity == q.Activity() {
			n++
		}
	}
	i.seen = append(i.seen, got{q.Activity(), i.clock.Now(), q})
	say := i.say
	i.mu.Unlock()
	status, answer := http.StatusOK, []byte(nil)
	if say != nil {
		status, answer = say(q, n)
	}
	if answer == nil {
		answer = success(q)
	}
	w.Header().Set(sign.HeaderBodySign, sign.BodySign(isvKey, answer))
	w.WriteHeader(status)
	_, _ = w.Write(answer) // its only error is that the platform has gone away
}

// success is the good answer to a request.
func success(q wire.Request) []byte {
	a := wire.Answer{ResultCode: wire.Success, ResultMsg: "success."}
	switch q := q.(type) {
	case wire.NewInstance:
		a.InstanceID = "theirs-" + q.OrderID
	case wire.QueryInstance:
		a.Info = []wire.InstanceInfo{{InstanceID: q.InstanceID}}
	}
	return encode(a)
}

// result is an answer with a code.
func result(code wire.Code) []byte { return encode(wire.Answer{ResultCode: code}) }

func encode(a wire.Answer) []byte {
	b, err := a.Encode()
	if err != nil {
		panic(err)
	}
	return b
}

func (i *isv) answer(say func(q wire.Request, n int) (int, []byte)) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.say = say
}

// took lists what came since the last time, and forgets it.
func (i *isv) took() []got {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := i.seen
	i.seen = nil
	return out
}

func (i *isv) activities() string {
	var names []string
	for _, g := range i.took() {
		names = append(names, g.activity)
	}
	return strings.Join(names, " ")
}

// house is a platform with one merchant that sells, one buyer, and a scripted clock.
type house struct {
	t     *testing.T
	clock *clocktest.Clock
	store *sqlite.Store
	box   *seal.Box
	isv   *isv
	srv   *producetest.Server
	queue *produce.Queue
	room  *market.Room
	path  string
	on    readings.Readings
}

var begin = time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)

// open makes the house; change, when it is not nil, changes the listing before it is stored.
func open(t *testing.T, change func(*meta.Listing)) *house {
	t.Helper()
	return openRead(t, change, readings.Readings{})
}

// openRead is open with other readings.
func openRead(t *testing.T, change func(*meta.Listing), on readings.Readings) *house {
	t.Helper()
	h := &house{t: t, clock: clocktest.New(begin), path: t.TempDir(), on: on}
	h.isv = &isv{t: t, clock: h.clock}
	h.srv = producetest.Start(t, h.isv)
	var err error
	if h.box, err = seal.Open(h.path); err != nil {
		t.Fatal(err)
	}
	h.start()
	t.Cleanup(func() { h.stop() })
	h.furnish(change)
	return h
}

// start opens the store and what works on it; stop ends it as a process's end does.
func (h *house) start() {
	h.t.Helper()
	var err error
	if h.store, err = sqlite.Open(h.t.Context(), filepath.Join(h.path, "cloud.db")); err != nil {
		h.t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	h.queue = produce.NewQueue(produce.Config{Store: h.store, Clock: h.clock, Log: log, Targets: produce.Listings{Store: h.store, Box: h.box},
		Sender: produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(h.srv.Reach), Clock: h.clock})})
	codes := market.NewCodes(h.store, func(ctx context.Context, resource string, from, until time.Time) error {
		return h.room.Activated(ctx, resource, from, until)
	})
	h.room = market.New(market.Config{Store: h.store, Queue: h.queue, Clock: h.clock, Log: log, Readings: h.on, Follow: codes.Follow})
	h.queue.Start(h.t.Context())
}

func (h *house) stop() {
	h.queue.Close()
	if err := h.store.Close(); err != nil {
		h.t.Error(err)
	}
}

func (h *house) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) furnish(change func(*meta.Listing)) {
	h.t.Helper()
	ctx, s, now := h.t.Context(), h.store, h.clock.Now()
	h.ok(s.SetSetupCode(ctx, meta.HashOf("code"), now.Add(time.Hour)))
	h.ok(s.Setup(ctx, meta.Bootstrap{Code: meta.HashOf("code"), Now: now, Account: meta.Account{Account: "boss", Name: "Boss", Role: meta.RoleAdmin,
		Org: "org_a", OrgName: "Works", Created: now}}))
	h.ok(s.AddProduct(ctx, meta.Product{ID: "cad", Name: "CAD"}, meta.Entry{}))
	h.ok(s.AddMerchant(ctx, meta.Merchant{ID: "mer_1", Org: "org_a", Name: "ISV", Created: now}, meta.Entry{}))
	for id, category := range map[string]string{"key_base": meta.KeyBase, "key_notify": meta.KeyNotify, "key_code": meta.KeyCode} {
		h.ok(s.AddMerchantKey(ctx, meta.MerchantKey{ID: id, Merchant: "mer_1", Category: category, Sealed: h.box.Seal(seal.MerchantKey, id, isvKey), Created: now}, meta.Entry{}))
	}
	h.ok(s.AddAddress(ctx, meta.Address{ID: "adr_1", Merchant: "mer_1", Base: h.srv.Base, Challenge: "c", Created: now}, meta.Entry{}))
	h.ok(s.VerifyAddress(ctx, "mer_1", "adr_1", now, meta.Entry{}))
	l := meta.Listing{Product: "cad", Merchant: "mer_1", Kind: meta.KindLicense, Provision: meta.ProvisionAtOnce, URL: h.srv.Base + "/produce", Key: "key_base", OnSale: true}
	if change != nil {
		change(&l)
	}
	h.ok(s.PutListing(ctx, l, meta.Entry{}))
	for _, p := range []meta.Spec{
		{ProductID: "OFFI-YEAR", Product: "cad", SKU: "basic", Name: "Basic, year", Charging: meta.ChargePeriod, Period: "year", Features: []string{"draw"}, TrialDays: 30},
		{ProductID: "OFFI-MONTH", Product: "cad", SKU: "basic", Name: "Basic, month", Charging: meta.ChargePeriod, Period: "month", Features: []string{"draw", "export"}},
		{ProductID: "OFFI-ONCE", Product: "cad", SKU: "once", Name: "For good", Charging: meta.ChargeOnce},
	} {
		if l.Kind == meta.KindCode { // which cannot be tried
			p.TrialDays = 0
		}
		h.ok(s.PutSpec(ctx, "mer_1", p, meta.Entry{}))
	}
}

func (h *house) place(w market.Wish) (meta.Order, error) {
	h.t.Helper()
	w.Org, w.By = "org_a", "boss"
	return h.room.Place(h.t.Context(), w, meta.Entry{Org: "org_a", Time: h.clock.Now(), Account: "boss", Action: "order.placed"})
}

// order places an order and waits until what is due has been done.
func (h *house) order(w market.Wish) meta.Order {
	h.t.Helper()
	o, err := h.place(w)
	h.ok(err)
	h.settle()
	o, err = h.store.Order(h.t.Context(), o.ID)
	h.ok(err)
	return o
}

// settle waits until no call is due at the clock's time: one that is under way is due too.
func (h *house) settle() {
	h.t.Helper()
	for range 20_000 {
		due, _, err := h.store.NextCalls(h.t.Context(), h.clock.Now(), 100, 100)
		h.ok(err)
		if len(due) == 0 {
			return
		}
		h.queue.Wake()
		time.Sleep(time.Millisecond)
	}
	h.t.Fatal("the queue does not come to rest")
}

// advance moves the clock to the next call again and again, until d has gone; then it sweeps.
func (h *house) advance(d time.Duration) {
	h.t.Helper()
	end := h.clock.Now().Add(d)
	for {
		h.settle()
		_, next, err := h.store.NextCalls(h.t.Context(), h.clock.Now(), 1, 1)
		h.ok(err)
		if next.IsZero() || next.After(end) {
			break
		}
		h.clock.Advance(next.Sub(h.clock.Now()))
	}
	h.clock.Advance(end.Sub(h.clock.Now()))
	h.settle()
	h.ok(h.room.Sweep(h.t.Context()))
	h.settle()
}

func (h *house) resource(id string) meta.Resource {
	h.t.Helper()
	res, err := h.store.Resource(h.t.Context(), id)
	h.ok(err)
	return res
}

// instance is the licence instance of a resource.
func (h *house) instance(id string) (i meta.Instance, found bool) {
	h.t.Helper()
	list, err := h.store.Instances(h.t.Context(), "org_a")
	h.ok(err)
	for _, i := range list {
		if i.ID == id {
			return i, true
		}
	}
	return i, false
}

// notices are the merchant's notices as event:count, newest first.
func (h *house) notices() map[string]int {
	h.t.Helper()
	list, err := h.store.Notices(h.t.Context(), "mer_1", meta.Page{Limit: 100})
	h.ok(err)
	out := map[string]int{}
	for _, n := range list {
		out[n.Event] += n.Count
	}
	return out
}

// expect compares state and pending order of a resource, and the merchant's activities since the last look.
func (h *house) expect(what, id, state, activities string) meta.Resource {
	h.t.Helper()
	res := h.resource(id)
	if res.State != state {
		h.t.Errorf("%s: the resource is %s, want %s", what, res.State, state)
	}
	if got := h.isv.activities(); got != activities {
		h.t.Errorf("%s: the merchant was called for %q, want %q", what, got, activities)
	}
	return res
}
