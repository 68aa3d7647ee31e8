package merchant

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// calls counts how often each callback was asked.
type calls struct {
	mu sync.Mutex // guards n
	n  map[string]int
}

func (c *calls) count(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[name]++
}

func (c *calls) of(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n[name]
}

// everything offers each call of the table.
func (c *calls) everything(o *Options) {
	o.Keys.Kit = []string{kitKey}
	o.PayPerUse = func(_ context.Context, orderID, _ string) (string, error) {
		if strings.HasPrefix(orderID, "PAY") {
			return "p", nil
		}
		return "", nil
	}
	o.Upload = func(context.Context, string, License) error { return nil }
	o.Calls = Callbacks{
		NewInstance: func(_ context.Context, r wire.NewInstance, _ Attempt) (Provision, error) {
			c.count("production " + r.Activity())
			return Provisioned, nil
		},
		QueryInstance: func(_ context.Context, r wire.QueryInstance) ([]wire.InstanceInfo, error) {
			c.count("production " + r.Activity())
			return []wire.InstanceInfo{{InstanceID: r.InstanceID}}, nil
		},
		RefreshInstance:      counting[wire.RefreshInstance](c, "production"),
		UpdateInstanceStatus: counting[wire.UpdateInstanceStatus](c, "production"),
		ReleaseInstance:      counting[wire.ReleaseInstance](c, "production"),
		UpgradeInstance:      counting[wire.UpgradeInstance](c, "production"),
		ChangeInstanceCheck: func(_ context.Context, r wire.ChangeInstanceCheck) error {
			c.count("production " + r.Activity())
			return nil
		},
		GetLicenseAsync: func(_ context.Context, r wire.GetLicenseAsync, _ Attempt) (License, error) {
			c.count("production " + r.Activity())
			return License{Content: []byte("L")}, nil
		},
		OrderNotify: func(_ context.Context, r wire.OrderNotify) error {
			c.count("production " + r.Activity())
			return nil
		},
		RefreshLicenseCode:      counting[wire.RefreshLicenseCode](c, "production"),
		UpdateLicenseCodeStatus: counting[wire.UpdateLicenseCodeStatus](c, "production"),
		ReleaseLicenseCode:      counting[wire.ReleaseLicenseCode](c, "production"),
	}
	o.V1 = V1{
		GetLicense: func(_ context.Context, r wire.V1Purchase, _ Attempt) (string, error) {
			c.count("v1 " + r.Activity())
			return "LICENCE " + r.OrderID, nil
		},
		NewInstance: func(_ context.Context, r wire.V1Purchase, a Attempt) (V1Instance, error) {
			c.count("v1 " + r.Activity())
			return V1Instance{App: &wire.AppInfo{FrontEndURL: "https://isv.example.com/" + a.InstanceID, UserName: "admin", Password: "p"}}, nil
		},
		QueryInstance: func(_ context.Context, r wire.V1Query) ([]wire.InstanceInfo, error) {
			c.count("v1 " + r.Activity())
			return []wire.InstanceInfo{{InstanceID: r.Instances[0]}}, nil
		},
		RefreshLicense: counting[wire.V1Refresh](c, "v1"), RefreshInstance: counting[wire.V1Refresh](c, "v1"),
		ExpireLicense: counting[wire.V1Instance](c, "v1"), ReleaseLicense: counting[wire.V1Instance](c, "v1"),
		ExpireInstance: counting[wire.V1Instance](c, "v1"), ReleaseInstance: counting[wire.V1Instance](c, "v1"),
		InstanceStatus: counting[wire.V1Instance](c, "v1"), Upgrade: counting[wire.V1Upgrade](c, "v1"),
	}
	state := func(call string) error { c.count("kit " + call); return nil }
	o.Kit = Kit{
		PrivateKey:  privateKey(),
		Tenant:      func(context.Context, Tenant) error { return state(wire.KitTenantSync) },
		Application: func(context.Context, Application) error { return state(wire.KitApplicationSync) },
		Users:       func(context.Context, Users) error { return state(wire.KitAuthSync) },
		Department:  func(context.Context, Department) error { return state(wire.KitSingleOrgSync) },
		Departments: func(context.Context, Departments) error { return state(wire.KitAllOrgSync) },
	}
}

func counting[R wire.Request](c *calls, family string) func(context.Context, R, Attempt) error {
	return func(_ context.Context, r R, _ Attempt) error {
		c.count(family + " " + r.Activity())
		return nil
	}
}

// deskAt is a desk whose store lies at path and can be opened again.
func deskAt(t testing.TB, path string, at time.Time, c *calls) (d *desk, end func()) {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	d = &desk{t: t, clock: clocktest.New(at), store: s, log: &journal{}}
	d.options = Options{Keys: Keys{Base: []string{baseKey}, Code: []string{codeKey}, Notify: []string{notifyKey}}, Store: s, Now: d.clock.Now, AnswerWithin: time.Minute}
	c.everything(&d.options)
	if d.h, err = New(d.options); err != nil {
		t.Fatal(err)
	}
	return d, func() {
		if err := d.h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// request sends the row's request now: with another nonce, businessId and timeStamp each time, as the marketplace
// repeats calls.
func request(d *desk, row Repeat) *httptest.ResponseRecorder {
	d.t.Helper()
	orderID := "CS1"
	if row.Case == payPerUse {
		orderID = "PAY1"
	}
	businessID := sign.NewNonce()
	stamp := wire.FormatMillis(d.clock.Now().In(wire.KitZone()))
	kit := func(r wire.KitRequest) *httptest.ResponseRecorder {
		body, err := json.Marshal(r)
		if err != nil {
			d.t.Error(err)
		}
		return d.kitV2(kitKey, r.Call(), []byte(strings.Replace(string(body), `"timeStamp":""`, `"timeStamp":"`+stamp+`"`, 1)))
	}
	v1 := func(params string) *httptest.ResponseRecorder {
		return d.get(d.token(baseKey, "activity="+row.Activity+"&"+params))
	}
	v2 := func(r wire.Request) *httptest.ResponseRecorder {
		body, err := wire.Encode(r)
		if err != nil {
			d.t.Error(err)
		}
		key := production{d.options}.keys(r.Activity())[0]
		return d.send(sign.SignProduction(key, sign.NewNonce(), d.clock.Now(), body).Encode(), body)
	}
	switch row.Family + " " + row.Activity {
	case "production newInstance":
		return v2(wire.NewInstance{BusinessID: businessID, OrderID: orderID, OrderLineID: orderID + "-000001"})
	case "production queryInstance":
		return v2(wire.QueryInstance{InstanceID: "i"})
	case "production refreshInstance":
		return v2(wire.RefreshInstance{ExpireTime: "20270304050607", InstanceID: "i", OrderID: orderID, OrderLineID: "l", Scene: wire.SceneRenewal})
	case "production updateInstanceStatus":
		return v2(wire.UpdateInstanceStatus{InstanceID: "i", Status: wire.StatusFreeze})
	case "production releaseInstance":
		return v2(wire.ReleaseInstance{InstanceID: "i"})
	case "production upgradeInstance":
		return v2(wire.UpgradeInstance{InstanceID: "i", OrderID: orderID, OrderLineID: "l"})
	case "production changeInstanceCheck":
		return v2(wire.ChangeInstanceCheck{InstanceID: "i", ProductInfo: wire.Products{{ProductID: "p"}}})
	case "production getLicenseAsync":
		return v2(wire.GetLicenseAsync{EventID: "e", InstanceID: "i", EffectiveTime: "2026-03-04 05:06:07 z", DeviceFingerprint: "F"})
	case "production orderNotify":
		return v2(wire.OrderNotify{OrderID: orderID, OrderLineID: "l"})
	case "production refreshLicenseCode":
		return v2(wire.RefreshLicenseCode{ExpireTime: "20270304050607", License: "PL1", OrderID: orderID, OrderLineID: "l", Scene: wire.SceneRenewal})
	case "production updateLicenseCodeStatus":
		return v2(wire.UpdateLicenseCodeStatus{License: "PL1", Status: wire.StatusFreeze})
	case "production releaseLicenseCode":
		return v2(wire.ReleaseLicenseCode{License: "PL1"})
	case "v1 getLicense", "v1 newInstance":
		mode := map[bool]string{true: wire.V1OnDemand, false: wire.V1Period}[row.Case == payPerUse]
		return v1("customerId=c&productId=p&orderId=" + orderID + "&chargingMode=" + mode + "&businessId=" + businessID)
	case "v1 refreshLicense", "v1 refreshInstance":
		return v1("instanceId=i&expireTime=20270304050607&orderId=" + orderID)
	case "v1 expireLicense", "v1 releaseLicense", "v1 expireInstance", "v1 releaseInstance":
		return v1("instanceId=i")
	case "v1 instanceStatus":
		return v1("instanceId=i&instanceStatus=FREEZE")
	case "v1 upgrade":
		return v1("instanceId=i&skuCode=s&productId=p&orderId=" + orderID)
	case "v1 queryInstance":
		return v1("instanceId=i")
	case "kit tenantSync":
		return kit(kitTenant(wire.KitAdd))
	case "kit applicationSync":
		return kit(wire.ApplicationSync{KitHead: kitHead(), AppID: "a", ClientID: "c", ClientSecret: "s", Flag: wire.KitDelete})
	case "kit authSync":
		return kit(kitUsers(wire.KitDelete, "u"))
	case "kit singleOrgSync":
		return kit(kitOrg(wire.KitAdd, "o", "O"))
	case "kit allOrgSync":
		return kit(kitTree("root"))
	}
	d.t.Errorf("no request for the row %+v", row)
	return httptest.NewRecorder()
}

// TestRepeatsOfEveryCall runs one script over each row of the table: eight at once, one after the other, in a
// store that was opened again, a year later. What is Once runs its callback once and is answered with the
// same bytes; State and Present run it each time, one flight apart.
func TestRepeatsOfEveryCall(t *testing.T) {
	for _, row := range Repeats() {
		name := row.Family + " " + row.Activity
		t.Run(strings.TrimSpace(name+" "+row.Case), func(t *testing.T) {
			t.Parallel()
			path, c := filepath.Join(t.TempDir(), "merchant.db"), &calls{n: map[string]int{}}
			d, end := deskAt(t, path, start, c)
			var mu sync.Mutex // guards bodies
			bodies := map[string]int{}
			ask := func(d *desk) {
				w := request(d, row)
				if a, err := wire.ParseAnswer("", w.Body.Bytes()); err != nil || a.ResultCode != wire.Success {
					t.Errorf("got %s, %v", w.Body, err)
				}
				mu.Lock()
				defer mu.Unlock()
				bodies[w.Body.String()]++
			}
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { ask(d) })
			}
			all.Wait()
			together := c.of(name)
			ask(d)
			ask(d)
			end()
			d, end = deskAt(t, path, start.Add(time.Second), c)
			ask(d)
			end()
			d, end = deskAt(t, path, start.Add(365*24*time.Hour), c)
			ask(d)
			end()
			got := c.of(name)
			switch {
			case row.Kind == Once && (got != 1 || len(bodies) != 1):
				t.Errorf("the callback ran %d times, answers: %v", got, bodies)
			case row.Kind != Once && (together < 1 || together > 8 || got != together+4):
				t.Errorf("the callback ran %d times for 8 at once, and %d times for 4 more", together, got-together)
			}
		})
	}
}

// Every call of the three families has its row, and one only.
func TestTheTableIsWhole(t *testing.T) {
	seen := map[string]bool{}
	for _, row := range Repeats() {
		id := fmt.Sprint(row.Family, row.Activity, row.Case)
		if seen[id] || row.Again == "" || (row.Kind == Present) != (row.Key == nil) {
			t.Errorf("row %+v stands twice or is not whole", row)
		}
		seen[id] = true
	}
	for _, activity := range wire.Activities() {
		if !seen["production"+activity] {
			t.Errorf("the table has no %s", activity)
		}
	}
	for _, activity := range wire.V1Activities() {
		if !seen["v1"+activity] {
			t.Errorf("the table has no V1.0 %s", activity)
		}
	}
	for _, call := range wire.KitCalls() {
		if !seen["kit"+call] {
			t.Errorf("the table has no %s", call)
		}
	}
}
