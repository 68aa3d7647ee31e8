package merchant

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// token makes the query of a V1.0 call as the marketplace sends it now.
func (d *desk) token(key, params string) string {
	d.t.Helper()
	values, err := url.ParseQuery(params)
	if err != nil {
		d.t.Fatal(err)
	}
	if !values.Has("timeStamp") {
		values.Set("timeStamp", wire.FormatMillis(d.clock.Now().UTC()))
	}
	token, err := sign.Token(key, values, sign.TokenQuery)
	if err != nil {
		d.t.Fatal(err)
	}
	values.Set("authToken", token)
	return values.Encode()
}

func (d *desk) get(query string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/saasproduce?"+query, nil))
	return w
}

// v1 calls with the base key and reads the answer, whose signature it checks.
func (d *desk) v1(params string, code wire.Code) wire.V1Answer {
	d.t.Helper()
	w := d.get(d.token(baseKey, params))
	d.check(w, baseKey)
	q, err := url.ParseQuery(params)
	if err != nil {
		d.t.Fatal(err)
	}
	a, err := wire.ParseV1Answer(q.Get("activity"), w.Body.Bytes())
	if err != nil || a.ResultCode != code {
		d.t.Errorf("%s: got %s, %v, want %s", params, w.Body, err, code)
	}
	return a
}

// v1Desk has every callback of V1.0; each notes what it was asked.
func v1Desk(t testing.TB, change func(o *Options)) (*desk, *[]string) {
	var asked []string // callbacks of one test run one after the other
	note := func(activity, id string) error {
		asked = append(asked, activity+" "+id)
		return nil
	}
	refresh := func(_ context.Context, r wire.V1Refresh, _ Attempt) error { return note(r.Activity(), r.InstanceID) }
	one := func(_ context.Context, r wire.V1Instance, _ Attempt) error {
		return note(r.Activity(), strings.TrimSpace(r.InstanceID+" "+r.Status))
	}
	d := newDesk(t, func(o *Options) {
		o.V1 = V1{
			GetLicense: func(_ context.Context, r wire.V1Purchase, a Attempt) (string, error) {
				return "LICENCE " + r.IdentificationCode(), note(r.Activity(), a.InstanceID)
			},
			NewInstance: func(_ context.Context, r wire.V1Purchase, a Attempt) (V1Instance, error) {
				return V1Instance{App: &wire.AppInfo{FrontEndURL: "https://isv.example.com/" + a.InstanceID, UserName: "admin", Password: "initial", Memo: "请修改密码"}}, note(r.Activity(), a.InstanceID)
			},
			RefreshLicense: refresh, RefreshInstance: refresh,
			ExpireLicense: one, ReleaseLicense: one, ExpireInstance: one, ReleaseInstance: one, InstanceStatus: one,
			Upgrade: func(_ context.Context, r wire.V1Upgrade, _ Attempt) error { return note(r.Activity(), r.InstanceID) },
		}
		if change != nil {
			change(o)
		}
	})
	return d, &asked
}

const purchase = "activity=newInstance&customerId=c&customerName=n&businessId=b1&orderId=CS1&productId=p&skuCode=s&chargingMode=1&testFlag=0"

func TestV1Refusals(t *testing.T) {
	d, asked := v1Desk(t, func(o *Options) { o.V1.Upgrade = nil })
	at := func(by time.Duration) string {
		return purchase + "&timeStamp=" + wire.FormatMillis(d.clock.Now().Add(by).UTC())
	}
	good := d.token(baseKey, purchase)
	for _, tt := range []struct {
		name, query string
		code        wire.Code
		says        string
	}{
		{"no token", purchase, wire.BadSignature, ""},
		{"an empty token", purchase + "&authToken=", wire.BadSignature, ""},
		{"another key", d.token("no key of ours", purchase), wire.BadSignature, ""},
		{"the key of another category", d.token(codeKey, purchase), wire.BadSignature, ""},
		{"a value was changed", strings.Replace(good, "customerId=c", "customerId=d", 1), wire.BadSignature, ""},
		{"a parameter was added", good + "&amount=1000", wire.BadSignature, ""},
		{"a parameter was left out", strings.Replace(good, "&skuCode=s", "", 1), wire.BadSignature, ""},
		{"a parameter twice", good + "&orderId=CS2", wire.BadSignature, ""},
		{"a token twice", good + "&authToken=x", wire.BadSignature, ""},
		{"a value that holds another parameter", strings.Replace(good, "customerName=n&orderId=CS1", "customerName=n%26orderId%3DCS1", 1), wire.BadSignature, ""},
		{"no timeStamp", strings.Replace(good, "timeStamp=", "timestamp=", 1), wire.BadSignature, ""},
		{"61 s old", d.token(baseKey, at(-61*time.Second)), wire.BadSignature, ""},
		{"61 s ahead", d.token(baseKey, at(61*time.Second)), wire.BadSignature, ""},
		{"a timeStamp that is none", d.token(baseKey, purchase+"&timeStamp=now"), wire.BadSignature, ""},
		{"a bad percent code", good + "&x=%zz", wire.BadSignature, ""},
		{"over 16 KiB", good + "&x=" + strings.Repeat("x", maxV1Query), wire.BadSignature, ""},
		{"V2.0's signature on a GET", "signature=x&timestamp=1&nonce=n", wire.BadParameter, "no interface"},
		{"no parameter", "", wire.BadParameter, "no interface"},
		{"an unknown activity", d.token(baseKey, "activity=newinstance&orderId=CS1"), wire.BadParameter, "field activity is unknown or missing"},
		{"an activity of V2.0", d.token(baseKey, "activity=upgradeInstance&instanceId=i"), wire.BadParameter, "field activity is unknown or missing"},
		{"no activity", d.token(baseKey, "instanceId=i"), wire.BadParameter, "field activity is unknown or missing"},
		{"not offered", d.token(baseKey, "activity=upgrade&instanceId=i&orderId=o&skuCode=s&productId=p"), wire.BadParameter, "not offered"},
		{"a missing field", d.token(baseKey, strings.Replace(purchase, "orderId=CS1&", "", 1)), wire.BadParameter, "field orderId is missing"},
		{"65 characters", d.token(baseKey, strings.Replace(purchase, "CS1", strings.Repeat("订", 65), 1)), wire.BadParameter, "field orderId is longer than 64 characters"},
		{"a phone number that is not encrypted", d.token(baseKey, purchase+"&mobilePhone=13800138000"), wire.BadParameter, "field mobilePhone is not encrypted"},
		{"extension parameters that are none", d.token(baseKey, purchase+"&saasExtendParams=e30"), wire.BadParameter, "field saasExtendParams is not a JSON array"},
		{"an unknown instance", d.token(baseKey, "activity=queryInstance&instanceId=nobody"), wire.NoInstance, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.t = t
			w := d.get(tt.query)
			a := d.check(w, baseKey)
			if a.ResultCode != tt.code || !strings.Contains(a.ResultMsg, tt.says) {
				t.Errorf("got %s, want %s %q", w.Body, tt.code, tt.says)
			}
		})
	}
	if len(*asked) != 0 {
		t.Errorf("callbacks were asked: %q", *asked)
	}
	d.t = t
	for _, by := range []time.Duration{-60 * time.Second, 60 * time.Second} {
		if a := d.check(d.get(d.token(baseKey, at(by))), baseKey); a.ResultCode != wire.Success {
			t.Errorf("%v from now: %+v", by, a)
		}
	}
	if w := d.send(d.token(baseKey, purchase), []byte("{}")); d.check(w, baseKey).ResultCode != wire.BadSignature {
		t.Errorf("a token on a POST: %s", w.Body)
	}
}

// The pages' sample requests, signed by us since their key is unknown. The samples without percent codes
// are sent as they are printed, with a bare plus in the token.
func TestV1Samples(t *testing.T) {
	for _, tt := range []struct {
		at             time.Time
		query, instead string
	}{
		{time.Date(2017, 7, 25, 2, 51, 13, 409e6, time.UTC), "activity=refreshInstance&expireTime=20180725000000&instanceId=03pf80c2bae96vc49b80b917bea776d7&orderId=HWS001014ED483AA1E8&timeStamp=20170725025113409&testFlag=1", "refreshInstance 03pf80c2bae96vc49b80b917bea776d7"},
		{time.Date(2017, 7, 25, 2, 51, 13, 409e6, time.UTC), "activity=refreshInstance&expireTime=20180725000000&instanceId=03pf80c2bae96vc49b80b917bea776d7&orderId=HWS001014ED483AA1E8&productId=&trialToFormal=1&timeStamp=20170725025113409&testFlag=1", "refreshInstance 03pf80c2bae96vc49b80b917bea776d7"},
		{time.Date(2017, 7, 25, 2, 51, 13, 409e6, time.UTC), "activity=expireInstance&instanceId=03pf80c2bae96vc49b80b917bea776d7&timeStamp=20170725025113409&testFlag=1", "expireInstance 03pf80c2bae96vc49b80b917bea776d7"},
		{time.Date(2017, 7, 25, 2, 51, 13, 409e6, time.UTC), "activity=releaseInstance&instanceId=03pf80c2bae96vc49b80b917bea776d7&timeStamp=20170725025113409&testFlag=1", "releaseInstance 03pf80c2bae96vc49b80b917bea776d7"},
		{time.Date(2023, 3, 27, 7, 2, 51, 713e6, time.UTC), "activity=instanceStatus&instanceId=huaweitest123456&instanceStatus=FREEZE&testFlag=1&timeStamp=20230327070251713", "instanceStatus huaweitest123456 FREEZE"},
		{time.Date(2023, 3, 27, 7, 2, 51, 713e6, time.UTC), "activity=instanceStatus&instanceId=huaweitest123456&instanceStatus=NORMAL&testFlag=1&timeStamp=20230327070251713", "instanceStatus huaweitest123456 NORMAL"},
		{time.Date(2023, 3, 27, 7, 2, 51, 713e6, time.UTC), "activity=upgrade&amount=6456&instanceId=huaweitest123456&orderId=CS1906666688ABCDE&productId=00301-666688-0-0&saasExtendParams=W3sibmFtZSI6ImlkTnVtIiwidmFsdWUiOiIzNTIyNTU1NTU1NTU2NTYifV0=&skuCode=d0abcd&timeStamp=20230327070251713", "upgrade huaweitest123456"},
	} {
		d, asked := v1Desk(t, nil)
		d.clock.Advance(tt.at.Sub(d.clock.Now()))
		values, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		token, err := sign.Token(baseKey, values, sign.TokenQuery)
		if err != nil {
			t.Fatal(err)
		}
		w := d.get(tt.query + "&authToken=" + token)
		if a := d.check(w, baseKey); a.ResultCode != wire.Success || len(*asked) != 1 || (*asked)[0] != tt.instead {
			t.Errorf("%s: %s, asked %q", tt.query, w.Body, *asked)
		}
	}
}

func TestV1NewInstance(t *testing.T) {
	d, asked := v1Desk(t, nil)
	first := d.v1(purchase, wire.Success)
	if first.InstanceID != "b1" || first.EncryptType != wire.EncryptAES256 || first.AppInfo == nil {
		t.Fatalf("got %+v", first)
	}
	opened := func(key string, kind sign.FieldCipher, a wire.V1Answer) string {
		t.Helper()
		name, err := sign.DecryptField(key, kind, a.AppInfo.UserName)
		if err != nil {
			t.Fatal(err)
		}
		password, err := sign.DecryptField(key, kind, a.AppInfo.Password)
		if err != nil {
			t.Fatal(err)
		}
		return name + "/" + password
	}
	if got := opened(baseKey, sign.AES256, first); got != "admin/initial" {
		t.Errorf("got %s", got)
	}
	body := d.get(d.token(baseKey, purchase)).Body.String()
	if !strings.Contains(body, `"memo":"\u8bf7\u4fee\u6539\u5bc6\u7801"`) || strings.Contains(body, "initial") {
		t.Errorf("got %s", body)
	}
	d.clock.Advance(21 * 24 * time.Hour) // the resource page, weeks later, with another businessId
	again := d.v1(strings.Replace(purchase, "businessId=b1", "businessId=b2", 1), wire.Success)
	if *again.AppInfo != *first.AppInfo || again.InstanceID != "b1" || len(*asked) != 1 {
		t.Errorf("got %+v, asked %q", again, *asked)
	}
	if row, _, err := d.store.Find(t.Context(), false, "b1"); err != nil || strings.Contains(string(row.Kept)+string(row.Answer), "initial") {
		t.Errorf("the password is in the store: %s, %v", row.Kept, err)
	}

	// The key was changed, and the ISV now takes the other cipher.
	o := d.options
	o.Keys.Base, o.V1.OldKeys, o.V1.EncryptType = []string{"new key"}, []string{baseKey}, wire.EncryptAES128
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close(t.Context()) }()
	d2 := *d
	d2.h = h
	w := d2.get(d2.token("new key", purchase))
	a, err := wire.ParseV1Answer(wire.ActivityNewInstance, w.Body.Bytes())
	if err != nil || a.EncryptType != wire.EncryptAES128 || opened("new key", sign.AES128, a) != "admin/initial" {
		t.Errorf("after a change of keys: %s, %v", w.Body, err)
	}
	o.V1.OldKeys = nil
	if h, err = New(o); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close(t.Context()) }()
	d2.h = h
	if a := d2.check(d2.get(d2.token("new key", purchase)), "new key"); a.ResultCode != wire.Internal {
		t.Errorf("with a key that is gone: %+v", a)
	}
}

func TestV1PayPerUseHasSeveralInstances(t *testing.T) {
	d, asked := v1Desk(t, nil)
	onDemand := strings.Replace(purchase, "chargingMode=1", "chargingMode=0", 1)
	first := d.v1(onDemand, wire.Success)
	second := d.v1(strings.NewReplacer("productId=p", "productId=q", "businessId=b1", "businessId=b2").Replace(onDemand), wire.Success)
	d.v1(onDemand, wire.Success)
	if first.InstanceID != "b1" || second.InstanceID != "b2" || len(*asked) != 2 {
		t.Errorf("got %+v, %+v, asked %q", first, second, *asked)
	}
}

// A supervised order is noted first and provisioned when it is delivered, with the same id.
func TestV1OrderedFirst(t *testing.T) {
	var attempts []Attempt
	d := newDesk(t, func(o *Options) {
		o.V1.NewInstance = func(_ context.Context, r wire.V1Purchase, a Attempt) (V1Instance, error) {
			attempts = append(attempts, a)
			if r.ProvisionType != wire.ProvisionAccepted {
				t.Errorf("got %+v", r)
			}
			if len(attempts) < 3 {
				return V1Instance{Provision: Ordered, App: &wire.AppInfo{}}, nil
			}
			return V1Instance{App: &wire.AppInfo{FrontEndURL: "https://isv.example.com"}}, nil
		}
	})
	for n := range 5 {
		a := d.v1(purchase+"&provisionType=2", wire.Success)
		if a.InstanceID != "b1" || (a.AppInfo != nil) != (n >= 2) {
			t.Errorf("answer %d: %+v", n, a)
		}
	}
	if len(attempts) != 3 || attempts[0].Ordered || !attempts[1].Ordered || attempts[2].InstanceID != "b1" {
		t.Errorf("attempts: %+v", attempts)
	}
}

// What the marketplace would not take is told with its reason before it is stored.
func TestV1AnswerTooLong(t *testing.T) {
	app := wire.AppInfo{FrontEndURL: "https://isv.example.com"}
	d := newDesk(t, func(o *Options) {
		o.V1.NewInstance = func(context.Context, wire.V1Purchase, Attempt) (V1Instance, error) { return V1Instance{App: &app}, nil }
		o.V1.GetLicense = func(context.Context, wire.V1Purchase, Attempt) (string, error) { return "", nil }
	})
	app.UserName = strings.Repeat("u", 80)
	if a := d.v1(purchase, wire.Internal); !strings.Contains(a.ResultMsg, "userName has 80 bytes") {
		t.Errorf("got %+v", a)
	}
	app.UserName, app.Memo = strings.Repeat("u", 79), strings.Repeat("中", 1025)
	if a := d.v1(purchase, wire.Internal); !strings.Contains(a.ResultMsg, "appInfo.memo is longer than 1024") {
		t.Errorf("got %+v", a)
	}
	app.Memo, app.FrontEndURL = app.Memo[:3*1024], ""
	if a := d.v1(purchase, wire.Internal); !strings.Contains(a.ResultMsg, "frontEndUrl is empty") {
		t.Errorf("got %+v", a)
	}
	app.FrontEndURL = "https://isv.example.com"
	if a := d.v1(strings.Replace(purchase, "b1", "b2", 1), wire.Success); a.InstanceID != "b1" || len(a.AppInfo.UserName) != 16+108 {
		t.Errorf("got %+v", a)
	}
	if a := d.v1(strings.Replace(purchase, "newInstance", "getLicense", 1), wire.Internal); !strings.Contains(a.ResultMsg, "license is missing") {
		t.Errorf("got %+v", a)
	}
}

func TestV1GetLicense(t *testing.T) {
	d, asked := v1Desk(t, nil)
	extend, err := wire.FormatExtendParams([]wire.ExtendParam{{Name: wire.IdentificationCode, Value: "HW-7"}})
	if err != nil {
		t.Fatal(err)
	}
	params := strings.Replace(purchase, "newInstance", "getLicense", 1) + "&saasExtendParams=" + url.QueryEscape(url.QueryEscape(extend))
	for _, businessID := range []string{"b1", "b2", "b3"} {
		a := d.v1(strings.Replace(params, "b1", businessID, 1), wire.Success)
		if a.License != "LICENCE HW-7" || a.InstanceID != "b1" {
			t.Errorf("got %+v", a)
		}
		d.clock.Advance(400 * 24 * time.Hour)
	}
	if len(*asked) != 1 {
		t.Errorf("asked %q", *asked)
	}
}

// Phone number and address reach the callback as text, while the token covers what was sent.
func TestV1Contacts(t *testing.T) {
	var got wire.V1Purchase
	d := newDesk(t, func(o *Options) {
		o.V1.NewInstance = func(_ context.Context, r wire.V1Purchase, _ Attempt) (V1Instance, error) {
			got = r
			return V1Instance{}, nil
		}
	})
	seal := func(kind sign.FieldCipher, text string) string {
		field, err := sign.EncryptField(baseKey, kind, "0123456789abcdef", text)
		if err != nil {
			t.Fatal(err)
		}
		return url.QueryEscape(field)
	}
	a := d.v1(purchase+"&mobilePhone="+seal(sign.AES256, "+86 13800138000")+"&email="+seal(sign.AES128, "张三@example.com"), wire.Success)
	if got.MobilePhone != "+86 13800138000" || got.Email != "张三@example.com" || a.AppInfo != nil {
		t.Errorf("got %+v, answered %+v", got, a)
	}
	o := d.options
	o.Readings.V1PlainContact, o.Readings.V1AnyTime = true, true
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close(t.Context()) }()
	plain := *d
	plain.h = h
	plain.v1(strings.Replace(purchase, "CS1", "CS2", 1)+"&mobilePhone=13800138000&timeStamp=20170725025113409", wire.Success)
	if got.MobilePhone != "13800138000" {
		t.Errorf("got %+v", got)
	}
}

func TestV1QueryInstance(t *testing.T) {
	d, _ := v1Desk(t, nil)
	first := d.v1(purchase, wire.Success)
	d.v1(strings.NewReplacer("newInstance", "getLicense", "CS1", "CS2", "b1", "b2").Replace(purchase), wire.Success)
	a := d.v1("activity=queryInstance&instanceId=b1,b2", wire.Success)
	if len(a.Info) != 2 || a.Info[0].AppInfo == nil || a.Info[0].AppInfo.FrontEndURL != first.AppInfo.FrontEndURL || a.Info[1].AppInfo != nil || a.EncryptType != wire.EncryptAES256 {
		t.Fatalf("got %+v", a)
	}
	if name, err := sign.DecryptField(baseKey, sign.AES256, a.Info[0].AppInfo.UserName); err != nil || name != "admin" {
		t.Errorf("got %s, %v", name, err)
	}
	d.v1("activity=queryInstance&instanceId=b1,nobody", wire.NoInstance)
	d.v1("activity=queryInstance&instanceId=b1&testFlag=1", wire.NoInstance) // test calls have instances of their own

	own, _ := v1Desk(t, func(o *Options) {
		o.V1.QueryInstance = func(_ context.Context, r wire.V1Query) ([]wire.InstanceInfo, error) {
			if r.Instances[0] == "gone" {
				return nil, Refuse(wire.NoInstance, "")
			}
			app := &wire.AppInfo{FrontEndURL: "u", UserName: "who"}
			return []wire.InstanceInfo{{InstanceID: r.Instances[0], AppInfo: app, UsageInfo: []wire.UsageInfo{{UsageValue: "1.5", StatisticalTime: "20260304050607000"}}}}, nil
		}
		o.V1.EncryptType = wire.EncryptAES128
	})
	a = own.v1("activity=queryInstance&instanceId=x", wire.Success)
	if name, err := sign.DecryptField(baseKey, sign.AES128, a.Info[0].AppInfo.UserName); err != nil || name != "who" || a.Info[0].UsageInfo[0].UsageValue != "1.5" {
		t.Errorf("got %+v, %s, %v", a, name, err)
	}
	own.v1("activity=queryInstance&instanceId=gone", wire.NoInstance)
}

func TestV1Options(t *testing.T) {
	d := newDesk(t, nil)
	o := d.options
	o.V1.EncryptType = "3"
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "EncryptType") {
		t.Errorf("got %v", err)
	}
}

// A callback's error is 000005 and is asked again; a printed code is passed on.
func TestV1Errors(t *testing.T) {
	next := errors.New("planted: no disk")
	d := newDesk(t, func(o *Options) {
		o.V1.RefreshInstance = func(context.Context, wire.V1Refresh, Attempt) error { return next }
	})
	refresh := "activity=refreshInstance&instanceId=i&orderId=o&expireTime=20270304050607"
	if a := d.v1(refresh, wire.Internal); strings.Contains(a.ResultMsg, "disk") {
		t.Errorf("told: %+v", a)
	}
	next = Refuse(wire.NoInstance, "")
	d.v1(refresh, wire.NoInstance)
	next = ErrProcessing
	d.v1(refresh, wire.Processing)
	next = nil
	d.v1(refresh, wire.Success)
	next = errors.New("must not be asked any more")
	d.v1(refresh, wire.Success)
	d.v1(refresh+"&productId=p2&trialToFormal=1", wire.Success)
	strict := d.options
	strict.Readings = Readings{ShortTimes: true, RefuseUnknown: true}
	h, err := New(strict)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close(t.Context()) }()
	d2 := *d
	d2.h = h
	d2.v1(strings.Replace(refresh, "0607", "0607123", 1), wire.BadParameter)
	d2.v1(refresh+"&extra=1", wire.BadParameter)
	d2.v1(refresh, wire.Success)
}

// Work that takes longer than the answer may is 000004 with the id, and 000000 with the same id when it is done.
func TestV1SlowWork(t *testing.T) {
	going, done := make(chan struct{}), make(chan struct{})
	d := newDesk(t, func(o *Options) {
		o.AnswerWithin = 20 * time.Millisecond
		o.V1.NewInstance = func(context.Context, wire.V1Purchase, Attempt) (V1Instance, error) {
			close(going) // a second run would panic
			<-done
			return V1Instance{App: &wire.AppInfo{FrontEndURL: "https://isv.example.com"}}, nil
		}
	})
	ask := func() wire.Answer { return d.check(d.get(d.token(baseKey, purchase)), baseKey) }
	for begun := false; !begun; { // on a busy machine an answer may be due before the callback is called
		if a := ask(); a.ResultCode != wire.Processing {
			t.Fatalf("got %+v", a)
		}
		select {
		case <-going:
			begun = true
		default:
		}
	}
	if a := ask(); a.ResultCode != wire.Processing || a.InstanceID != "b1" {
		t.Errorf("got %+v", a)
	}
	if a := d.check(d.get(d.token(baseKey, "activity=queryInstance&instanceId=b1")), baseKey); a.ResultCode != wire.Processing {
		t.Errorf("asked meanwhile: %+v", a)
	}
	close(done)
	for _, params := range []string{strings.Replace(purchase, "b1", "b2", 1), "activity=queryInstance&instanceId=b1"} {
		for {
			a := d.check(d.get(d.token(baseKey, params)), baseKey)
			if a.ResultCode == wire.Success {
				break
			}
			if a.ResultCode != wire.Processing {
				t.Fatalf("%s: got %+v", params, a)
			}
		}
	}
}

// Whatever a query holds, reading it ends with a call or an error, and only what has a good token is proved.
func FuzzV1Family(f *testing.F) {
	options := Options{Keys: Keys{Base: []string{baseKey}}, V1: V1{NewInstance: func(context.Context, wire.V1Purchase, Attempt) (V1Instance, error) { return V1Instance{}, nil }}}
	f.Add("activity=newInstance&authToken=a+b&" + purchase[len("activity=newInstance&"):])
	f.Add("activity=queryInstance&instanceId=a,b&timeStamp=20260304050607000&authToken=x")
	f.Add("activity=instanceStatus&instanceStatus=FREEZE&instanceId=%zz")
	f.Add("a&a=1&=&&%00=1")
	f.Fuzz(func(t *testing.T, raw string) {
		r := &http.Request{Method: http.MethodGet, URL: &url.URL{Path: "/", RawQuery: raw}}
		family := v1{options}
		if _, err := family.prove(r, nil, start); err == nil {
			t.Fatalf("%q is proved without the key", raw)
		}
		c, err := family.read(t.Context(), r, nil, proof{key: baseKey})
		if (c == nil) != (err != nil) {
			t.Fatalf("%q: %v, %v", raw, c, err)
		}
	})
}
