package merchant

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const kitKey = "kit key"

var privateKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, sign.MinRSA)
	if err != nil {
		panic(err)
	}
	return key
})

// tenantBook is an ISV's books, as the kit's states leave them.
type tenantBook struct {
	mu      sync.Mutex // guards what is below
	tenants map[string]Tenant
	apps    map[string]Application
	users   map[string]Access
	orgs    map[string]wire.Org
	keep    []string
	handed  int
	twice   bool // a user stood twice in one call
	fail    error
}

func (b *tenantBook) hand(f func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.handed++
	if b.fail != nil {
		return b.fail
	}
	f()
	return nil
}

func (b *tenantBook) kit() Kit {
	return Kit{
		PrivateKey: privateKey(),
		Tenant: func(_ context.Context, t Tenant) error {
			return b.hand(func() { put(b.tenants, t.TenantID, t, t.Present) })
		},
		Application: func(_ context.Context, a Application) error {
			return b.hand(func() { put(b.apps, a.AppID, a, a.Present) })
		},
		Users: func(_ context.Context, u Users) error {
			return b.hand(func() {
				names := map[string]bool{}
				for _, user := range u.Users {
					if names[user.UserName] {
						b.twice = true
					}
					names[user.UserName] = true
					put(b.users, user.UserName, u.Access, u.Access != Deleted)
				}
			})
		},
		Department: func(_ context.Context, d Department) error {
			return b.hand(func() { put(b.orgs, d.OrgCode, d.Org, d.Present) })
		},
		Departments: func(_ context.Context, d Departments) error {
			return b.hand(func() {
				b.keep = d.Keep
				for code := range b.orgs {
					if !slices.Contains(d.Keep, code) {
						delete(b.orgs, code)
					}
				}
				for _, o := range d.Orgs {
					if !slices.Contains(d.Keep, o.OrgCode) {
						b.orgs[o.OrgCode] = o
					}
				}
			})
		},
	}
}

func put[V any](m map[string]V, key string, v V, present bool) {
	if m[key] = v; !present {
		delete(m, key)
	}
}

func kitDesk(t testing.TB, change func(o *Options)) (*desk, *tenantBook) {
	b := &tenantBook{tenants: map[string]Tenant{}, apps: map[string]Application{}, users: map[string]Access{}, orgs: map[string]wire.Org{}}
	return newDesk(t, func(o *Options) {
		o.Keys.Kit, o.Kit = []string{kitKey}, b.kit()
		if change != nil {
			change(o)
		}
	}), b
}

// kitV2 sends a body with x-sign headers.
func (d *desk) kitV2(key, call string, body []byte) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/saas"+wire.KitV2Path+call, bytes.NewReader(body))
	sign.SignKit(r.Header, key, sign.NewNonce(), d.clock.Now(), body)
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w
}

// kitV1 sends a body with an authToken header.
func (d *desk) kitV1(key, call string, body []byte) *httptest.ResponseRecorder {
	d.t.Helper()
	params, err := wire.KitParams(body)
	if err != nil {
		d.t.Fatal(err)
	}
	token, err := sign.Token(key, params, sign.TokenBody)
	if err != nil {
		d.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, wire.KitV1Path+call, bytes.NewReader(body))
	r.Header.Set("authToken", token)
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, r)
	return w
}

// kitAt sends a call whose timeStamp is so many seconds from now.
func (d *desk) kitAt(seconds int, code wire.Code, r wire.KitRequest) {
	d.t.Helper()
	stamp := wire.FormatMillis(d.clock.Now().Add(time.Duration(seconds) * time.Second).In(wire.KitZone()))
	body, err := json.Marshal(r)
	if err != nil {
		d.t.Fatal(err)
	}
	body = bytes.Replace(body, []byte(`"timeStamp":""`), []byte(`"timeStamp":"`+stamp+`"`), 1)
	if a := d.check(d.kitV2(kitKey, r.Call(), body), kitKey); a.ResultCode != code {
		d.t.Errorf("%s: got %+v, want %s", body, a, code)
	}
}

func kitHead() wire.KitHead { return wire.KitHead{InstanceID: "i", TenantID: "t"} }

func kitTenant(flag int) wire.TenantSync {
	return wire.TenantSync{KitHead: kitHead(), TenantCode: "c", Name: "n", DomainName: "https://t.example.com", Flag: flag}
}

func kitUsers(flag int, names ...string) wire.AuthSync {
	r := wire.AuthSync{KitHead: kitHead(), AppID: "a", Flag: flag}
	for _, name := range names {
		r.UserList = append(r.UserList, wire.User{UserName: name, Name: name, OrgCode: "o", Role: "user", Enable: "true"})
	}
	return r
}

func kitOrg(flag int, code, name string) wire.SingleOrgSync {
	return wire.SingleOrgSync{KitHead: kitHead(), Org: wire.Org{OrgCode: code, OrgName: name}, Flag: flag}
}

func kitTree(codes ...string) wire.AllOrgSync {
	r := wire.AllOrgSync{KitHead: kitHead(), OrgInfoList: []wire.Org{}}
	for _, code := range codes {
		r.OrgInfoList = append(r.OrgInfoList, wire.Org{OrgCode: code, OrgName: "tree's " + code})
	}
	return r
}

// Add, delete, add ends added; deleting what is not there succeeds.
func TestKitStates(t *testing.T) {
	d, b := kitDesk(t, nil)
	for n, flag := range []int{wire.KitDelete, wire.KitAdd, wire.KitAdd, wire.KitDelete, wire.KitDelete, wire.KitModify, wire.KitAdd} {
		d.kitAt(n, wire.Success, kitTenant(flag))
		d.kitAt(n, wire.Success, kitOrg(flag, "o", "O"))
		d.kitAt(n, wire.Success, kitUsers(flag, "u", "v"))
		present := flag != wire.KitDelete
		if (len(b.tenants) == 1) != present || (len(b.orgs) == 1) != present || (len(b.users) == 2) != present {
			t.Errorf("after flag %d: %+v, %+v, %+v", flag, b.tenants, b.orgs, b.users)
		}
	}
	d.kitAt(10, wire.Success, kitUsers(wire.KitWithdraw, "u"))
	if b.users["u"] != Withdrawn || b.users["v"] != Granted {
		t.Errorf("after a withdrawal: %+v", b.users)
	}
	if got := b.tenants["t"]; got.Domain != "https://t.example.com" || got.InstanceID != "i" || got.Code != "c" || got.At.IsZero() {
		t.Errorf("got %+v", got)
	}
}

// What is older than what was handed over is answered with success and changes nothing, also after the
// store was opened again; what is as old is handed over again.
func TestKitOrder(t *testing.T) {
	d, b := kitDesk(t, nil)
	d.kitAt(10, wire.Success, kitTenant(wire.KitDelete))
	d.kitAt(9, wire.Success, kitTenant(wire.KitAdd))
	if len(b.tenants) != 0 || b.handed != 1 {
		t.Errorf("an old add undid a deletion: %+v", b.tenants)
	}
	d.kitAt(10, wire.Success, kitTenant(wire.KitAdd))
	if len(b.tenants) != 1 {
		t.Error("what is as old was left out")
	}
	d.kitAt(10, wire.Success, kitUsers(wire.KitDelete, "u"))
	d.kitAt(5, wire.Success, kitUsers(wire.KitAdd, "u", "v", "v"))
	if _, there := b.users["u"]; there || len(b.users) != 1 || b.twice {
		t.Errorf("users: %+v", b.users)
	}
	handed := b.handed
	d.kitAt(4, wire.Success, kitUsers(wire.KitDelete, "u", "v"))
	if b.handed != handed || len(b.users) != 1 {
		t.Errorf("users: %+v", b.users)
	}

	d.kitAt(5, wire.Success, kitOrg(wire.KitAdd, "old", "O"))
	d.kitAt(20, wire.Success, kitOrg(wire.KitAdd, "new", "N"))
	d.kitAt(20, wire.Success, kitOrg(wire.KitDelete, "gone", "G"))
	d.kitAt(10, wire.Success, kitTree("root", "new", "gone"))
	want := map[string]wire.Org{"root": {OrgCode: "root", OrgName: "tree's root"}, "new": {OrgCode: "new", OrgName: "N"}}
	if !reflect.DeepEqual(b.orgs, want) || !slices.Equal(b.keep, []string{"gone", "new"}) {
		t.Errorf("the tree: %+v, kept %q", b.orgs, b.keep)
	}
	d.kitAt(9, wire.Success, kitTree())
	d.kitAt(9, wire.Success, kitOrg(wire.KitDelete, "root", "R"))
	if !reflect.DeepEqual(b.orgs, want) {
		t.Errorf("old calls changed the tree: %+v", b.orgs)
	}
	d.kitAt(30, wire.Success, kitTree("root", "root"))
	if len(b.orgs) != 1 || b.keep != nil {
		t.Errorf("the newest tree: %+v, kept %q", b.orgs, b.keep)
	}
	// Test calls have times of their own.
	test := kitTenant(wire.KitDelete)
	test.TestFlag = 1
	d.kitAt(1, wire.Success, test)
	if len(b.tenants) != 0 {
		t.Error("a test call was left out for a real one's time")
	}

	arrival, b := kitDesk(t, func(o *Options) { o.Readings.KitArrivalOrder = true })
	arrival.kitAt(10, wire.Success, kitTenant(wire.KitDelete))
	arrival.kitAt(9, wire.Success, kitTenant(wire.KitAdd))
	if len(b.tenants) != 1 {
		t.Errorf("by arrival: %+v", b.tenants)
	}
}

// A failed callback is 000005 (or its code), and the call counts as never having come.
func TestKitFailureLeavesNothing(t *testing.T) {
	d, b := kitDesk(t, nil)
	d.kitAt(0, wire.Success, kitTenant(wire.KitAdd))
	b.fail = errors.New("planted: directory is down")
	d.kitAt(10, wire.Internal, kitTenant(wire.KitDelete))
	b.fail = Refuse(wire.NoInstance, "")
	d.kitAt(10, wire.NoInstance, kitUsers(wire.KitAdd, "u"))
	b.fail = nil
	d.kitAt(5, wire.Success, kitTenant(wire.KitDelete)) // older than the failed one, newer than the first
	if len(b.tenants) != 0 || len(b.users) != 0 {
		t.Errorf("got %+v, %+v", b.tenants, b.users)
	}
	panics, _ := kitDesk(t, func(o *Options) { o.Kit.Tenant = func(context.Context, Tenant) error { panic("planted") } })
	panics.kitAt(0, wire.Internal, kitTenant(wire.KitAdd))
	panics.kitAt(0, wire.Internal, kitTenant(wire.KitAdd)) // the turn was given up
}

func TestKitSecrets(t *testing.T) {
	d, b := kitDesk(t, nil)
	app := wire.ApplicationSync{KitHead: kitHead(), AppID: "a", ClientID: "c", Flag: wire.KitAdd}
	for n, reading := range []sign.OAEP{sign.OAEPAny, sign.OAEPJava, sign.OAEPSHA1} {
		var err error
		if app.ClientSecret, err = sign.EncryptSecret(&privateKey().PublicKey, fmt.Sprint("test", n), reading); err != nil {
			t.Fatal(err)
		}
		d.kitAt(n, wire.Success, app)
		if got := b.apps["a"]; got.ClientSecret != fmt.Sprint("test", n) || got.ClientID != "c" {
			t.Errorf("got %+v", got)
		}
	}
	app.ClientSecret = "plain"
	d.kitAt(5, wire.BadParameter, app)
	if b.apps["a"].ClientSecret != "test2" {
		t.Errorf("got %+v", b.apps["a"])
	}
	app.Flag = wire.KitDelete
	d.kitAt(6, wire.Success, app)
	if len(b.apps) != 0 || strings.Contains(d.log.String(), "test2") {
		t.Errorf("got %+v, log %s", b.apps, d.log)
	}
}

func TestKitOptions(t *testing.T) {
	short, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := kitDesk(t, nil)
	for name, change := range map[string]func(*Kit){
		"no key": func(k *Kit) { k.PrivateKey = nil }, "2048 bits": func(k *Kit) { k.PrivateKey = short },
		"2048 bits without use": func(k *Kit) { k.PrivateKey, k.Application = short, nil },
	} {
		o := d.options
		change(&o.Kit)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), "Options.Kit.PrivateKey") {
			t.Errorf("%s: %v", name, err)
		}
	}
	o := d.options
	o.Kit.PrivateKey, o.Kit.Application = nil, nil
	if _, err := New(o); err != nil {
		t.Errorf("without applications: %v", err)
	}
}

func TestKitRefusals(t *testing.T) {
	d, b := kitDesk(t, func(o *Options) { o.Kit.Departments = nil })
	good := kitTenant(wire.KitAdd)
	good.TimeStamp = wire.FormatMillis(d.clock.Now().In(wire.KitZone()))
	body, err := json.Marshal(good)
	if err != nil {
		t.Fatal(err)
	}
	raw := func(method, path string, header http.Header, body []byte) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, path, bytes.NewReader(body))
		r.Header = header
		w := httptest.NewRecorder()
		d.h.ServeHTTP(w, r)
		return w
	}
	signed := func(at time.Time, nonce string) http.Header {
		h := http.Header{}
		sign.SignKit(h, kitKey, nonce, at, body)
		return h
	}
	twice := signed(d.clock.Now(), "n1")
	twice.Add("X-Nonce", "n2")
	upper := signed(d.clock.Now(), "n3")
	upper.Set("X-Sign", strings.ToUpper(upper.Get("X-Sign")))
	v2, v1 := wire.KitV2Path+"tenantSync", wire.KitV1Path+"tenantSync"
	oldStamp := bytes.Replace(body, []byte(good.TimeStamp), []byte(wire.FormatMillis(d.clock.Now().Add(-61*time.Second).In(wire.KitZone()))), 1)
	inUTC := bytes.Replace(body, []byte(good.TimeStamp), []byte(wire.FormatMillis(d.clock.Now().UTC())), 1)
	for _, tt := range []struct {
		name string
		w    *httptest.ResponseRecorder
		code wire.Code
		says string
	}{
		{"V2 without headers", raw("POST", v2, http.Header{}, body), wire.BadSignature, ""},
		{"another key", d.kitV2("no key of ours", "tenantSync", body), wire.BadSignature, ""},
		{"the base key", d.kitV2(baseKey, "tenantSync", body), wire.BadSignature, ""},
		{"another body", raw("POST", v2, signed(d.clock.Now(), "n4"), bytes.Replace(body, []byte(`"flag":1`), []byte(`"flag":0`), 1)), wire.BadSignature, ""},
		{"61 s old", raw("POST", v2, signed(d.clock.Now().Add(-61*time.Second), "n5"), body), wire.BadSignature, ""},
		{"a nonce twice in one request", raw("POST", v2, twice, body), wire.BadSignature, ""},
		{"upper case", raw("POST", v2, upper, body), wire.Success, ""},
		{"a replay", raw("POST", v2, upper, body), wire.BadSignature, ""},
		{"V1's token on V2's path", raw("POST", v2, http.Header{"Authtoken": {"x"}}, body), wire.BadSignature, ""},
		{"V1 without token", raw("POST", v1, http.Header{}, body), wire.BadSignature, ""},
		{"V1 with V2's headers", raw("POST", v1, signed(d.clock.Now(), "n6"), body), wire.BadSignature, ""},
		{"V1 with another key", d.kitV1(baseKey, "tenantSync", body), wire.BadSignature, ""},
		{"V1, 61 s old", d.kitV1(kitKey, "tenantSync", oldStamp), wire.BadSignature, ""},
		{"V1, a timeStamp in UTC", d.kitV1(kitKey, "tenantSync", inUTC), wire.Success, ""},
		{"V1", d.kitV1(kitKey, "tenantSync", body), wire.Success, ""},
		{"V1 with an array", raw("POST", v1, http.Header{"Authtoken": {"x"}}, []byte(`{"userList":[]}`)), wire.BadSignature, ""},
		{"an empty body", d.kitV2(kitKey, "tenantSync", nil), wire.BadParameter, "empty"},
		{"12 MB", d.kitV2(kitKey, "tenantSync", bytes.Repeat([]byte("x"), 12<<20)), wire.BadParameter, "longer than"},
		{"not JSON", d.kitV2(kitKey, "tenantSync", []byte("{tenant")), wire.BadParameter, "not JSON"},
		{"a key twice", d.kitV2(kitKey, "tenantSync", bytes.Replace(body, []byte("{"), []byte(`{"flag":0,`), 1)), wire.BadParameter, "field flag is given twice"},
		{"a flag of 3", d.kitV2(kitKey, "tenantSync", bytes.Replace(body, []byte(`"flag":1`), []byte(`"flag":3`), 1)), wire.BadParameter, "field flag is none of 0, 1, 2"},
		{"another call's body", d.kitV2(kitKey, "applicationSync", body), wire.BadParameter, "field appId is missing"},
		{"not offered", d.kitV2(kitKey, "allOrgSync", []byte(`{"tenantId":"t","orgInfoList":[],"testFlag":0,"timeStamp":"20260304130607000"}`)), wire.BadParameter, "not offered"},
		{"GET", raw("GET", v2, signed(d.clock.Now(), "n7"), nil), wire.BadParameter, "no interface"},
		{"a path that is no call", raw("POST", wire.KitV2Path+"otherSync", signed(d.clock.Now(), "n8"), body), wire.BadSignature, ""},
	} {
		key := kitKey
		if tt.code == wire.BadSignature && tt.name != "a replay" {
			key = baseKey // before the key is known, the first one signs
		}
		a, err := wire.ParseAnswer("", tt.w.Body.Bytes())
		if err != nil || a.ResultCode != tt.code || !strings.Contains(a.ResultMsg, tt.says) {
			t.Errorf("%s: got %s, want %s %q", tt.name, tt.w.Body, tt.code, tt.says)
		}
		if a.ResultCode == wire.Success || a.ResultCode == wire.BadSignature {
			d.check(tt.w, key)
		}
	}
	if len(b.tenants) != 1 || b.handed != 2 { // the one in UTC tells of a state eight hours ago
		t.Errorf("handed over %d times: %+v", b.handed, b.tenants)
	}
}

// The stricter reading of members knows V1's names, and no others.
func TestKitUnknownMembers(t *testing.T) {
	d, b := kitDesk(t, func(o *Options) { o.Readings.RefuseUnknown = true })
	body := `{"tenantId":"t","orgInfo":[{"orgCode":"a","orgName":"A"}],"testFlag":0,"timeStamp":"20260304130607000"}`
	if a := d.check(d.kitV2(kitKey, wire.KitAllOrgSync, []byte(body)), kitKey); a.ResultCode != wire.Success || len(b.orgs) != 1 {
		t.Errorf("got %+v", a)
	}
	body = strings.Replace(body, "{", `{"zzz":1,`, 1)
	if a := d.check(d.kitV2(kitKey, wire.KitAllOrgSync, []byte(body)), kitKey); a.ResultCode != wire.BadParameter || !strings.Contains(a.ResultMsg, "zzz") {
		t.Errorf("got %+v", a)
	}
}

// V1's paths carry lists as texts, of their full length.
func TestKitV1Users(t *testing.T) {
	d, b := kitDesk(t, nil)
	var names []string
	for n := range wire.MaxKitUsers {
		names = append(names, fmt.Sprint("用户", n))
	}
	list, err := json.Marshal(kitUsers(wire.KitAdd, names...).UserList)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"instanceId": "i", "tenantId": "t", "appId": "a", "userList": string(list), "currentSyncTime": "", "flag": 1, "testFlag": 0,
		"timeStamp": wire.FormatMillis(d.clock.Now().In(wire.KitZone()))})
	if err != nil {
		t.Fatal(err)
	}
	if a := d.check(d.kitV1(kitKey, "authSync", body), kitKey); a.ResultCode != wire.Success || len(b.users) != wire.MaxKitUsers {
		t.Errorf("got %+v, %d users of %d bytes", a, len(b.users), len(body))
	}
}
