package market_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/market"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/meta/sqlite"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const merchantKey = "d0f1c2b3-a495-4687-9807-162534435261"

// chain is a store with one listed product, its resource of three licences, assigned to ann, and a merchant's
// server over TLS that answers as the test says.
type chain struct {
	*testing.T
	path   string
	clock  *clocktest.Clock
	isv    *producetest.Server
	store  *counted
	queue  *produce.Queue
	room   *market.Licenses
	merchI meta.Instance

	// mu guards what the merchant's server has seen and how it answers.
	mu     sync.Mutex
	calls  []wire.GetLicenseAsync
	bodies [][]byte
	answer func(n int, r wire.GetLicenseAsync) wire.Answer
}

// counted counts how often an application is read.
type counted struct {
	meta.Store
	mu    sync.Mutex
	reads int
}

func (s *counted) Application(ctx context.Context, event string) (meta.Application, error) {
	s.mu.Lock()
	s.reads++
	s.mu.Unlock()
	return s.Store.Application(ctx, event)
}

func (s *counted) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reads
}

var plans = produce.Plans{wire.ActivityGetLicenseAsync: {Every: 10 * time.Second, For: 1000 * time.Second}}

func start(t *testing.T, bound bool) *chain {
	t.Helper()
	need.NoLeak(t)
	c := &chain{T: t, path: filepath.Join(t.TempDir(), "cloud.db"), clock: clocktest.New(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC))}
	c.answer = func(int, wire.GetLicenseAsync) wire.Answer { return wire.Answer{ResultCode: wire.Processing} }
	c.isv = producetest.Start(t, http.HandlerFunc(c.serve))
	c.open()
	t.Cleanup(c.close)
	c.fill(bound)
	return c
}

// open brings the cloud's side up; with close before it is a restart.
func (c *chain) open() {
	c.Helper()
	s, err := sqlite.Open(context.Background(), c.path)
	c.ok(err)
	c.store = &counted{Store: s}
	c.queue = produce.NewQueue(produce.Config{
		Store: s, Sender: produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(c.isv.Reach), Clock: c.clock}), Targets: c, Clock: c.clock,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Plans: plans,
	})
	c.room = market.NewLicenses(c.store, c.clock, plans, c.queue.Wake)
	c.queue.Handle(wire.ActivityGetLicenseAsync, c.room.Handler())
	c.queue.Start(context.Background())
}

func (c *chain) close() {
	c.queue.Close()
	if err := c.store.Close(); err != nil {
		c.Error(err)
	}
}

// Target implements produce.Targets.
func (c *chain) Target(context.Context, meta.Call) (produce.Target, error) {
	return produce.Target{URL: c.isv.Base + "/produce", Key: merchantKey}, nil
}

func (c *chain) ok(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *chain) fill(bound bool) {
	c.Helper()
	ctx, now := context.Background(), c.clock.Now()
	account := func(name, org, role string) meta.Account {
		return meta.Account{Account: name, Name: name, Role: role, Org: org, OrgName: org, Password: "hash", Created: now}
	}
	c.ok(c.store.AddOrganisation(ctx, account("boss", "org_a", meta.RoleAdmin), meta.Entry{}))
	c.ok(c.store.AddOrganisation(ctx, account("isv", "org_isv", meta.RoleAdmin), meta.Entry{}))
	c.ok(c.store.AddMember(ctx, account("ann", "org_a", meta.RoleMember), meta.Entry{}))
	for _, id := range []string{"dev_1", "dev_2"} {
		_, err := c.store.Enrol(ctx, meta.Device{ID: id, Thumb: "thumb " + id, Key: []byte("{}"), Name: id, Platform: "linux/amd64", Created: now, Seen: now},
			meta.Nonce{Hash: meta.HashOf("enrol " + id), Expires: now.Add(time.Hour)}, meta.Entry{})
		c.ok(err)
	}
	c.ok(c.store.AddProduct(ctx, meta.Product{ID: "cad", Name: "CAD"}, meta.Entry{}))
	c.ok(c.store.AddMerchant(ctx, meta.Merchant{ID: "mer_1", Org: "org_isv", Name: "ISV", Created: now}, meta.Entry{}))
	c.ok(c.store.AddMerchantKey(ctx, meta.MerchantKey{ID: "key_1", Merchant: "mer_1", Category: meta.KeyBase, Sealed: []byte("sealed"), Created: now}, meta.Entry{}))
	c.ok(c.store.AddAddress(ctx, meta.Address{ID: "adr_1", Merchant: "mer_1", Base: "https://isv.example.com", Challenge: "c", Created: now}, meta.Entry{}))
	c.ok(c.store.VerifyAddress(ctx, "mer_1", "adr_1", now, meta.Entry{}))
	c.ok(c.store.PutListing(ctx, meta.Listing{Product: "cad", Merchant: "mer_1", Kind: meta.KindLicense, Provision: meta.ProvisionAtOnce,
		URL: "https://isv.example.com/produce", Key: "key_1", Bound: bound, OnSale: true}, meta.Entry{}))
	c.merchI = meta.Instance{ID: "ins_1", Org: "org_a", Product: "cad", Features: []string{"draw"}, Seats: 3, From: now.AddDate(0, 0, -1), Until: now.AddDate(1, 0, 0), Status: meta.StatusActive}
	res := meta.Resource{ID: "ins_1", Org: "org_a", Product: "cad", Merchant: "mer_1", Kind: meta.KindLicense, Spec: "OFFI1", MerchantID: "10e758d0-31ad-4c4b-8f1b-81d03469a10e",
		Order: "CS1", Line: "CS1-000001", InForce: "CS1", Charging: meta.ChargePeriod, Amount: 3, State: meta.ResourceActive, From: c.merchI.From, Until: c.merchI.Until, Term: 1, Created: now}
	_, err := c.store.PlaceOrder(ctx, meta.Order{ID: "CS1", Org: "org_a", Type: meta.OrderNew, Line: "CS1-000001", Spec: "OFFI1", Product: "cad", Merchant: "mer_1", Amount: 3,
		Periods: 1, Resource: "ins_1", State: meta.OrderDone, By: "boss", Created: now}, meta.Step{Resource: res, Instance: &c.merchI})
	c.ok(err)
	for _, account := range []string{"ann", "boss"} {
		c.ok(c.store.Assign(ctx, "org_a", "ins_1", account, meta.Entry{}))
	}
}

// serve is the merchant's production address.
func (c *chain) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the cloud was closed on the way
	}
	if _, err = sign.VerifyProduction(merchantKey, r.URL.Query(), body, c.clock.Now()); errors.Is(err, sign.ErrOld) {
		err = nil // the test's clock moves while calls are on their way
	}
	req, perr := wire.Parse(body)
	g, is := req.(wire.GetLicenseAsync)
	if err != nil || perr != nil || !is {
		c.Errorf("the merchant got %s: %v, %v", body, err, perr)
		return
	}
	c.mu.Lock()
	c.calls, c.bodies = append(c.calls, g), append(c.bodies, body)
	n, answer := len(c.calls), c.answer
	c.mu.Unlock()
	b, err := answer(n, g).Encode()
	if err != nil {
		c.Error(err)
	}
	w.Header().Set(sign.HeaderBodySign, sign.BodySign(merchantKey, b))
	_, _ = w.Write(b)
}

// merchant says how the server answers from now on.
func (c *chain) merchant(answer func(n int, r wire.GetLicenseAsync) wire.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

func code(code wire.Code, msg string) func(int, wire.GetLicenseAsync) wire.Answer {
	return func(int, wire.GetLicenseAsync) wire.Answer { return wire.Answer{ResultCode: code, ResultMsg: msg} }
}

func (c *chain) seen() []wire.GetLicenseAsync {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]wire.GetLicenseAsync{}, c.calls...)
}

func (c *chain) request(device, fingerprint string) market.Request {
	now := c.clock.Now()
	return market.Request{Instance: c.merchI, Account: "ann", Device: device, Form: token.FormString, Fingerprint: fingerprint, DevInfo: "{}",
		Hold: meta.Grant{Instance: "ins_1", Account: "ann", Device: device, Until: now.Add(time.Minute), Now: now, Devices: 5}}
}

// long is longer than a test takes, brief returns at once what there is.
const (
	long  = time.Minute
	brief = time.Nanosecond
)

func (c *chain) ask(r market.Request, wait time.Duration) (meta.Application, error) {
	return c.room.Ask(context.Background(), r, wait)
}

func (c *chain) deliver(event, content string) error {
	return c.room.Deliver(context.Background(), meta.Upload{Event: event, Merchant: "mer_1", Type: wire.UploadCharacters, Content: []byte(content)})
}

// until waits for something that happens by itself, and moves the clock by step meanwhile.
func (c *chain) until(what string, step time.Duration, f func() bool) {
	c.Helper()
	for range 3000 {
		if f() {
			return
		}
		c.clock.Advance(step)
		c.queue.Wake()
		time.Sleep(2 * time.Millisecond)
	}
	c.Fatalf("never: %s", what)
}

func (c *chain) state(event string) string {
	c.Helper()
	a, err := c.store.Store.Application(context.Background(), event)
	c.ok(err)
	return a.State
}

func (c *chain) applications() []meta.Application { return c.applicationsOf(100) }

func (c *chain) applicationsOf(most int) []meta.Application {
	c.Helper()
	list, err := c.store.Applications(context.Background(), meta.ApplicationFilter{Page: meta.Page{Limit: most}})
	c.ok(err)
	return list
}

func denied(t *testing.T, what string, err error, wantCode, wantReason string) *meta.Refusal {
	t.Helper()
	var no *meta.Refusal
	if !errors.As(err, &no) || no.Code != wantCode || no.Params["reason"] != wantReason {
		t.Fatalf("%s: %v, want %s with reason %q", what, err, wantCode, wantReason)
	}
	return no
}

type outcome struct {
	app meta.Application
	err error
}

// asking asks in the background.
func (c *chain) asking(r market.Request, wait time.Duration) <-chan outcome {
	out := make(chan outcome, 1)
	go func() { // ends with the wait, at the latest
		a, err := c.ask(r, wait)
		out <- outcome{a, err}
	}()
	return out
}
