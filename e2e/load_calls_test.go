//go:build linux

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
)

// newTrader signs the administrator in through a front of its own.
func newTrader(ctx context.Context, s *theStage, f *lossy) (*trader, error) {
	d := &trader{s: s, front: f, rand: rand.New(rand.NewPCG(uint64(*loadCalls), 1)), told: map[string]string{}}
	var err error
	if d.admin, err = s.Cloud.LoginAt(ctx, "https://"+f.address(), "admin"); err != nil {
		return nil, err
	}
	var orgs cloudapi.Organisations
	if err := d.admin.Call(ctx, "GET", "/v1/market/organisations", nil, &orgs); err != nil {
		return nil, err
	}
	d.buyer = orgs.Organisations[0].ID
	return d, nil
}

// one is one call, chosen at random.
func (d *trader) one(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	d.mu.Lock()
	dice := d.rand.IntN(100)
	o := d.pick(dice < 10)
	n := d.rand.IntN(4)
	event := ""
	if len(o.events) > 0 {
		event = o.events[d.rand.IntN(len(o.events))]
	}
	known := *o
	d.mu.Unlock()
	switch {
	case dice < 10 || known.id == "":
		return d.order(ctx, o)
	case dice < 15:
		return d.learn(ctx, o)
	case dice < 20:
		return d.renew(ctx, o)
	case known.instance == "":
		return d.learn(ctx, o) // nothing can be applied for before it is provisioned
	case dice < 55 || event == "":
		return d.apply(ctx, o, n)
	case dice < 70:
		return d.download(ctx, event)
	case dice < 85:
		return d.newInstance(ctx, o)
	}
	return d.getLicense(ctx, o, event)
}

// know is what is known of a wish; other callers learn more at the same time.
func (d *trader) know(o *wish) wish {
	d.mu.Lock()
	defer d.mu.Unlock()
	return *o
}

// pick takes one of the orders, or a new one. Called with mu held.
func (d *trader) pick(fresh bool) *wish {
	if len(d.orders) == 0 || fresh && d.rand.IntN(2) == 0 {
		o := &wish{repeat: fmt.Sprintf("wish-%06d", len(d.orders))}
		d.orders = append(d.orders, o)
	}
	return d.orders[d.rand.IntN(len(d.orders))]
}

// order places a wish, for the first time or again.
func (d *trader) order(ctx context.Context, o *wish) error {
	var got cloudapi.Order
	if err := d.admin.Call(ctx, "POST", "/v1/market/orders", cloudapi.NewOrder{Organisation: d.buyer, Type: "NEW", Spec: "OFFI-GEARCAD-YEAR", Amount: 5, Periods: 1,
		Repeat: o.repeat}, &got); err != nil {
		return err
	}
	d.same("order "+o.repeat, got.ID+" "+got.Resource)
	d.mu.Lock()
	defer d.mu.Unlock()
	o.id, o.resource = got.ID, got.Resource
	return nil
}

// learn reads the resource; the ISV's instance never changes.
func (d *trader) learn(ctx context.Context, o *wish) error {
	known := d.know(o)
	var r cloudapi.Resource
	if err := d.admin.Call(ctx, "GET", "/v1/market/resources/"+known.resource, nil, &r); err != nil {
		return err
	}
	if r.Instance == "" {
		return nil // not provisioned yet
	}
	d.same("instance of "+known.id, r.Instance)
	d.mu.Lock()
	defer d.mu.Unlock()
	o.instance = r.Instance
	return nil
}

// renew renews once for each number, however often it is asked for; another one that is still pending is a refusal.
func (d *trader) renew(ctx context.Context, o *wish) error {
	d.mu.Lock()
	if o.renewals == 0 || d.rand.IntN(4) == 0 {
		o.renewals++
	}
	repeat, resource := fmt.Sprintf("%s-renewal-%d", o.repeat, o.renewals), o.resource
	d.mu.Unlock()
	var got cloudapi.Order
	if err := d.admin.Call(ctx, "POST", "/v1/market/orders", cloudapi.NewOrder{Organisation: d.buyer, Type: "RENEW", Resource: resource, Periods: 1, Repeat: repeat}, &got); err != nil {
		return err
	}
	d.same("order "+repeat, got.ID)
	return nil
}

// apply asks for one of four licences of the resource's term.
func (d *trader) apply(ctx context.Context, o *wish, n int) error {
	form := []string{"string", "file"}[n%2]
	var got cloudapi.Application
	if err := d.admin.Call(ctx, "POST", "/v1/market/applications", cloudapi.NewApplication{Resource: d.know(o).resource, Form: form,
		Fingerprint: fmt.Sprintf("MAC-%d|DISK||CPU", n)}, &got); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range o.events {
		if e == got.Event {
			return nil
		}
	}
	o.events = append(o.events, got.Event)
	return nil
}

// download fetches a licence; it never changes.
func (d *trader) download(ctx context.Context, event string) error {
	content, err := d.admin.Bytes(ctx, "/v1/market/applications/"+event+"/content")
	if err != nil {
		return err // not there yet, or lost
	}
	d.same("licence of "+event, string(content))
	return nil
}

// newInstance repeats the marketplace's own call to the ISV.
func (d *trader) newInstance(ctx context.Context, o *wish) error {
	id := d.know(o).id
	answer, err := d.produce(ctx, fmt.Sprintf(`{"activity":"newInstance","businessId":"%s","orderId":"%s","orderLineId":"%s-000001"}`,
		sign.NewNonce()[:40], id, id))
	if err != nil {
		return err
	}
	if answer.InstanceID != "" {
		d.same("instance of "+id, answer.InstanceID)
	}
	return nil
}

// getLicense repeats an application at the ISV as the cloud has made it.
func (d *trader) getLicense(ctx context.Context, o *wish, event string) error {
	var a cloudapi.Application
	if err := d.admin.Call(ctx, "GET", "/v1/market/applications/"+event, nil, &a); err != nil {
		return err
	}
	d.mu.Lock()
	instance := o.instance
	d.mu.Unlock()
	if instance == "" || a.Until == nil {
		return nil
	}
	const form = "2006-01-02 15:04:05 z"
	_, err := d.produce(ctx, fmt.Sprintf(`{"activity":"getLicenseAsync","eventId":"%s","instanceId":"%s","effectiveTime":"%s","expireTime":"%s","deviceFingerprint":"%s"}`,
		event, instance, a.From.UTC().Format(form), a.Until.UTC().Format(form), a.Fingerprint))
	return err
}

type produced struct {
	ResultCode string `json:"resultCode"`
	InstanceID string `json:"instanceId"`
}

var errAnswer = errors.New("no success")

// produce is a signed call to the ISV, as the marketplace makes it.
func (d *trader) produce(ctx context.Context, body string) (out produced, err error) {
	q := sign.SignProduction(d.s.market.Access, sign.NewNonce(), time.Now(), []byte(body))
	r, err := http.NewRequestWithContext(ctx, "POST", d.s.market.URL+"?"+q.Encode(), bytes.NewReader([]byte(body)))
	if err != nil {
		return out, err
	}
	client, err := d.merchantClient()
	if err != nil {
		return out, err
	}
	res, err := client.Do(r)
	if err != nil {
		return out, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(b, &out); err != nil {
		return out, err
	}
	if out.ResultCode != "000000" && out.ResultCode != "000004" {
		return out, fmt.Errorf("%w: %s", errAnswer, b)
	}
	return out, nil
}

// merchantClient trusts the ISV's own certificate, and makes a connection for each call, as a marketplace of many processes does.
func (d *trader) merchantClient() (*http.Client, error) {
	pem, err := os.ReadFile(filepath.Join(d.s.market.Dir, "tls.pem"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}, nil
}

// settle waits, without any loss, until every order is answered for and no call to the ISV is left.
func (d *trader) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 4*time.Minute)
	defer cancel()
	for _, o := range d.orders {
		for o.id == "" { // the last word on it was lost: it is asked for again, as anyone would
			err := d.order(ctx, o)
			if err != nil && ctx.Err() != nil {
				return fmt.Errorf("order %s: %w", o.repeat, err)
			}
			if err != nil {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
	left := func(what string, count func() (int, error)) error {
		for {
			n, err := count()
			if err == nil && n == 0 {
				return nil
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%d %s are left: %w", n, what, errors.Join(context.Cause(ctx), err))
			case <-time.After(200 * time.Millisecond):
			}
		}
	}
	for _, state := range []string{"asking", "making"} {
		if err := left("applications that are "+state, func() (int, error) {
			var list cloudapi.Applications
			err := d.admin.Call(ctx, "GET", "/v1/market/applications?"+url.Values{"state": {state}}.Encode(), nil, &list)
			return len(list.Applications), err
		}); err != nil {
			return err
		}
	}
	return left("calls to the ISV", func() (int, error) {
		var list cloudapi.MerchantCalls
		err := d.s.market.Staff.Call(ctx, "GET", "/v1/market/calls?state=waiting", nil, &list)
		return len(list.Calls), err
	})
}

// intents are what the checker has to find, and what went wrong on the way.
func (d *trader) intents() intents {
	in := intents{Orders: map[string]string{}, Licences: map[string]string{}, Problems: d.problems}
	for _, o := range d.orders {
		in.Orders[o.repeat] = o.id
	}
	for question, answer := range d.told {
		var event string
		if n, _ := fmt.Sscanf(question, "licence of %s", &event); n == 1 {
			in.Licences[event] = answer
		}
	}
	return in
}
