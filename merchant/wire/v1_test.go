package wire

import (
	"encoding/base64"
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
)

// parseV1 is the parser for a query's activity.
func parseV1(q Object) (any, error) {
	switch q.Text("activity") {
	case ActivityNewInstance, ActivityGetLicense:
		return ParseV1Purchase(q)
	case ActivityRefreshInstance, ActivityRefreshLicense:
		return ParseV1Refresh(q)
	case ActivityUpgrade:
		return ParseV1Upgrade(q)
	case ActivityQueryInstance:
		return ParseV1Query(q)
	}
	return ParseV1Instance(q)
}

const sampleExtend = "W3sibmFtZSI6ImlkTnVtIiwidmFsdWUiOiIzNTIyNTU1NTU1NTU2NTYifSx7Im5hbWUiOiJ1c2VyTmFtZSIsInZhbHVlIjoiaHVhd2VpMTIzIn0seyJuYW1lIjoiY3VzdEVtYWlsIiwidmFsdWUiOiIxMjNAaHVhd2VpLmNvbSJ9XQ=="

var sampleParams = []ExtendParam{{"idNum", "352255555555656"}, {"userName", "huawei123"}, {"custEmail", "123@huawei.com"}}

// The sample requests of the pages, and what they say.
func TestV1Samples(t *testing.T) {
	t.Parallel()
	at := time.Date(2017, 7, 25, 2, 51, 13, 409e6, time.UTC)
	for _, tt := range []struct {
		name, query string
		want        any
	}{
		{"refreshInstance", "activity=refreshInstance&expireTime=20180725000000&instanceId=03pf80c2bae96vc49b80b917bea776d7&orderId=HWS001014ED483AA1E8&timeStamp=20170725025113409&testFlag=1&authToken=09lsS5y+KCtxBu+ON4TXv1SrjH5KVYka9sx2MauHrQU=",
			V1Refresh{V1Head: V1Head{ActivityRefreshInstance, at, true}, OrderID: "HWS001014ED483AA1E8", InstanceID: "03pf80c2bae96vc49b80b917bea776d7", ExpireTime: time.Date(2018, 7, 25, 0, 0, 0, 0, time.UTC)}},
		{"expireInstance without orderId", "activity=expireInstance&instanceId=03pf80c2bae96vc49b80b917bea776d7&timeStamp=20170725025113409&testFlag=1&authToken=x",
			V1Instance{V1Head: V1Head{ActivityExpireInstance, at, true}, InstanceID: "03pf80c2bae96vc49b80b917bea776d7"}},
		{"instanceStatus", "activity=instanceStatus&instanceId=huaweitest123456&instanceStatus=FREEZE&testFlag=1&timeStamp=20230327070251713&authToken=pqlrW7%2BPHC%2F1JE%2BMEjKxC94GGJreoS6PZHd982auw2o%3D",
			V1Instance{V1Head: V1Head{ActivityInstanceStatus, time.Date(2023, 3, 27, 7, 2, 51, 713e6, time.UTC), true}, InstanceID: "huaweitest123456", Status: StatusFreeze}},
		{"upgrade", "activity=upgrade&amount=6456&instanceId=huaweitest123456&orderId=CS1906666688ABCDE&productId=00301-666688-0-0&saasExtendParams=" + sampleExtend + "&skuCode=d0abcd&timeStamp=20170725025113409&authToken=x",
			V1Upgrade{V1Head: V1Head{ActivityUpgrade, at, false}, InstanceID: "huaweitest123456", OrderID: "CS1906666688ABCDE", SKUCode: "d0abcd", ProductID: "00301-666688-0-0", Amount: 6456, Extend: sampleParams}},
		{"releaseInstance", "activity=releaseInstance&instanceId=i&orderId=o&orderAmount=0&timeStamp=20170725025113409&authToken=x",
			V1Instance{V1Head: V1Head{ActivityReleaseInstance, at, false}, InstanceID: "i", OrderID: "o", OrderAmount: "0"}},
		{"queryInstance", "activity=queryInstance&instanceId=a,b&timeStamp=20170725025113409&authToken=x",
			V1Query{V1Head: V1Head{ActivityQueryInstance, at, false}, Instances: []string{"a", "b"}}},
		{"newInstance with all fields", "activity=newInstance&authToken=x&timeStamp=20170725025113409&customerId=c&customerName=%E5%BC%A0%E4%B8%89&userId=u&userName=n&mobilePhone=m&email=e&businessId=b&orderId=o&skuCode=s&productId=p&trialFlag=1&expireTime=20180725000000&startTime=20170725000000&chargingMode=1&saasExtendParams=" + url.QueryEscape(sampleExtend) + "&amount=1&diskSize=2&bandWidth=3&periodType=day&periodNumber=7&orderAmount=12.345&provisionType=2&testFlag=1&some=new",
			V1Purchase{V1Head: V1Head{ActivityNewInstance, at, true}, CustomerID: "c", CustomerName: "张三", UserID: "u", UserName: "n", MobilePhone: "m", Email: "e", BusinessID: "b", OrderID: "o", SKUCode: "s", ProductID: "p", Trial: true,
				ExpireTime: time.Date(2018, 7, 25, 0, 0, 0, 0, time.UTC), StartTime: time.Date(2017, 7, 25, 0, 0, 0, 0, time.UTC), ChargingMode: V1Period, Extend: sampleParams, Amount: 1, DiskSize: 2, BandWidth: 3, PeriodType: "day", PeriodNumber: 7, OrderAmount: "12.345", ProvisionType: ProvisionAccepted}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			q, err := ParseQuery(tt.query)
			if err != nil {
				t.Fatal(err)
			}
			got, err := parseV1(q)
			if err != nil || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, err, tt.want)
			}
		})
	}
}

// Each call's greatest good request, with one thing wrong.
func TestV1Refusals(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		ActivityNewInstance:     "customerId=c&businessId=b&orderId=o&productId=p",
		ActivityGetLicense:      "customerId=c&businessId=b&orderId=o&productId=p",
		ActivityRefreshInstance: "orderId=o&instanceId=i&expireTime=20180725000000",
		ActivityRefreshLicense:  "orderId=o&instanceId=i&expireTime=20180725000000",
		ActivityExpireInstance:  "instanceId=i", ActivityReleaseInstance: "instanceId=i",
		ActivityExpireLicense: "instanceId=i", ActivityReleaseLicense: "instanceId=i",
		ActivityInstanceStatus: "instanceId=i&instanceStatus=NORMAL",
		ActivityUpgrade:        "instanceId=i&orderId=o&skuCode=s&productId=p",
		ActivityQueryInstance:  "instanceId=i",
	}
	query := func(activity string, set map[string]string) Object {
		values, err := url.ParseQuery("authToken=x&timeStamp=20170725025113409&activity=" + activity + "&" + base[activity])
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range set {
			values.Set(name, value)
		}
		q, err := ParseQuery(values.Encode())
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	refused := func(activity, field, value string) {
		t.Helper()
		_, err := parseV1(query(activity, map[string]string{field: value}))
		var p *Problem
		if !errors.As(err, &p) || p.Field != field {
			t.Errorf("%s with %s=%.40q: %v", activity, field, value, err)
		}
	}
	for _, activity := range V1Activities() {
		if _, err := parseV1(query(activity, nil)); err != nil {
			t.Errorf("%s as it should be: %v", activity, err)
		}
		for _, f := range V1Fields(activity) {
			if f.Required && f.Name != "activity" {
				refused(activity, f.Name, "")
			}
			if f.Max > 0 && f.Name != "activity" {
				refused(activity, f.Name, strings.Repeat("9", f.Max+1))
			}
			if f.Values != nil && f.Name != "activity" {
				refused(activity, f.Name, "no")
			}
		}
		refused(activity, "timeStamp", "2017072502511340x")
		refused(activity, "timeStamp", "20171325025113409")
	}
	for _, tt := range []struct{ activity, field, value string }{
		{ActivityNewInstance, "amount", "-1"}, {ActivityNewInstance, "amount", "1.5"}, {ActivityUpgrade, "amount", "12345678"},
		{ActivityNewInstance, "orderAmount", "1.2345"}, {ActivityNewInstance, "orderAmount", "1e3"}, {ActivityNewInstance, "orderAmount", "NaN"},
		{ActivityNewInstance, "orderAmount", "-1"}, {ActivityReleaseInstance, "orderAmount", "-1"}, {ActivityRefreshInstance, "orderAmount", "--1"},
		{ActivityGetLicense, "saasExtendParams", "%%%"}, {ActivityGetLicense, "saasExtendParams", "bm8"},
		{ActivityGetLicense, "saasExtendParams", strings.Repeat("A", maxExtendParams+1)},
		{ActivityQueryInstance, "instanceId", "a,,b"}, {ActivityQueryInstance, "instanceId", strings.Repeat("a,", 100) + "a"},
		{ActivityNewInstance, "expireTime", "2018-07-25"}, {ActivityNewInstance, "chargingMode", "2"},
	} {
		refused(tt.activity, tt.field, tt.value)
	}
	if _, err := parseV1(query(ActivityRefreshInstance, map[string]string{"orderAmount": "-12.5"})); err != nil {
		t.Errorf("a renewal undone: %v", err)
	}
	for _, tt := range []struct {
		name  string
		parse func(Object) error
		query string
	}{
		{"a purchase parser is not for refresh", func(q Object) error { _, err := ParseV1Purchase(q); return err }, "activity=refreshInstance"},
		{"no activity", func(q Object) error { _, err := parseV1(q); return err }, "instanceId=i"},
		{"an activity of V2.0", func(q Object) error { _, err := parseV1(q); return err }, "activity=upgradeInstance"},
	} {
		q, err := ParseQuery(tt.query)
		if err == nil {
			err = tt.parse(q)
		}
		if err == nil {
			t.Errorf("%s: taken", tt.name)
		}
	}
	if V1Fields("upgradeInstance") != nil {
		t.Error("an activity of V2.0 has a table of V1.0")
	}
}

func TestExtendParams(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	wrapped := sampleExtend[:76] + "\r\n" + sampleExtend[76:152] + "\r\n" + sampleExtend[152:]
	for _, tt := range []struct {
		name, text string
		want       []ExtendParam
		bad        bool
	}{
		{name: "empty"},
		{name: "the sample of upgrade", text: sampleExtend, want: sampleParams},
		{name: "without padding", text: strings.TrimRight(sampleExtend, "="), want: sampleParams},
		{name: "encoded twice", text: url.QueryEscape(sampleExtend), want: sampleParams},
		{name: "wrapped by an old encoder", text: wrapped, want: sampleParams},
		{name: "identification code", text: b64(`[{"name":"identificationCode","value":"HW-1"}]`), want: []ExtendParam{{IdentificationCode, "HW-1"}}},
		{name: "a plus taken for a blank", text: strings.ReplaceAll(b64(`[{"name":"a","value":"~~>"}]`), "+", " "), want: []ExtendParam{{"a", "~~>"}}},
		{name: "an empty value", text: b64(`[{"name":"a","value":""}]`), want: []ExtendParam{{"a", ""}}},
		{name: "no parameter", text: b64(`[]`)},
		{name: "an object", text: b64(`{"name":"a"}`), bad: true},
		{name: "texts", text: b64(`["a"]`), bad: true},
		{name: "a number for a value", text: b64(`[{"name":"a","value":1}]`), bad: true},
		{name: "no name", text: b64(`[{"value":"a"}]`), bad: true},
		{name: "a name twice", text: b64(`[{"name":"a","value":"1"},{"name":"a","value":"2"}]`), bad: true},
		{name: "a member twice", text: b64(`[{"name":"a","name":"b"}]`), bad: true},
		{name: "something behind", text: b64(`[],"x":1`), bad: true},
		{name: "not Base64", text: "!", bad: true},
		{name: "a bad percent code", text: "%zz", bad: true},
		{name: "too many", text: b64("[" + strings.TrimSuffix(strings.Repeat(`{"name":"a","value":""},`, 33), ",") + "]"), bad: true},
	} {
		got, err := ParseExtendParams(tt.text)
		if (err != nil) != tt.bad || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %v, %v", tt.name, got, err)
		}
	}
	text, err := FormatExtendParams(sampleParams)
	if err != nil || text != sampleExtend {
		t.Errorf("written: %s, %v", text, err)
	}
	if _, err := FormatExtendParams([]ExtendParam{{"a", strings.Repeat("x", 2048)}}); err == nil {
		t.Error("more than saasExtendParams holds is written")
	}
}

func FuzzV1Query(f *testing.F) {
	for _, s := range []string{
		"activity=newInstance&authToken=x&timeStamp=20170725025113409&customerId=c&businessId=b&orderId=o&productId=p&saasExtendParams=" + sampleExtend,
		"activity=refreshInstance&expireTime=20180725000000&instanceId=i&orderId=o&timeStamp=20170725025113409&authToken=a+b",
		"activity=queryInstance&instanceId=a,b&timeStamp=20170725025113409&authToken=x", "a=1&a=2", "%", "activity=upgrade",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := ParseQuery(raw)
		if err != nil {
			return
		}
		got, err := parseV1(q)
		if err != nil {
			var p *Problem
			if !errors.As(err, &p) || len([]rune(p.Error())) > maxMsg {
				t.Fatalf("%v", err)
			}
			return
		}
		if p, ok := got.(V1Purchase); ok && (p.OrderID == "" || len([]rune(p.OrderID)) > 64 || len(p.Extend) > 32) {
			t.Fatalf("taken: %+v", p)
		}
	})
}

func TestV1Answers(t *testing.T) {
	t.Parallel()
	app := func(change func(*AppInfo)) *AppInfo {
		a := AppInfo{FrontEndURL: "https://isv.example.com", UserName: strings.Repeat("u", 128), Memo: strings.Repeat("中", 1024)}
		change(&a)
		return &a
	}
	same := func(*AppInfo) {}
	for _, tt := range []struct {
		name, activity string
		answer         V1Answer
		field          string
	}{
		{"at its limits", ActivityNewInstance, V1Answer{ResultCode: Success, EncryptType: "2", InstanceID: strings.Repeat("i", 64), AppInfo: app(same)}, ""},
		{"a user name too long", ActivityNewInstance, V1Answer{ResultCode: Success, InstanceID: "i", AppInfo: app(func(a *AppInfo) { a.UserName += "u" })}, "appInfo.userName"},
		{"a memo too long", ActivityNewInstance, V1Answer{ResultCode: Success, InstanceID: "i", AppInfo: app(func(a *AppInfo) { a.Memo += "中" })}, "appInfo.memo"},
		{"no address", ActivityNewInstance, V1Answer{ResultCode: Success, InstanceID: "i", AppInfo: app(func(a *AppInfo) { a.FrontEndURL = "" })}, "appInfo.frontEndUrl"},
		{"no instance", ActivityNewInstance, V1Answer{ResultCode: Success}, "instanceId"},
		{"no licence", ActivityGetLicense, V1Answer{ResultCode: Success, InstanceID: "i"}, "license"},
		{"a licence", ActivityGetLicense, V1Answer{ResultCode: Success, InstanceID: "i", License: "L"}, ""},
		{"a refusal needs neither", ActivityGetLicense, V1Answer{ResultCode: Internal}, ""},
		{"an instance of a query without id", ActivityQueryInstance, V1Answer{ResultCode: Success, Info: []InstanceInfo{{}}}, "info.instanceId"},
		{"a use", ActivityQueryInstance, V1Answer{ResultCode: Success, EncryptType: "1", Info: []InstanceInfo{{InstanceID: "i", AppInfo: app(same), UsageInfo: []UsageInfo{{UsageValue: "1.5", StatisticalTime: "20170725025113409"}}}}}, ""},
	} {
		err := tt.answer.Check(tt.activity)
		var p *Problem
		if errors.As(err, &p); (err != nil) != (tt.field != "") || p != nil && p.Field != tt.field {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	body, err := V1Answer{ResultCode: Success, ResultMsg: "success.", License: "*****", InstanceID: "4ef28f-312d3d-gad335f-3132hkf"}.Encode()
	if want := `{"resultCode":"000000","resultMsg":"success.","license":"*****","instanceId":"4ef28f-312d3d-gad335f-3132hkf"}`; err != nil || string(body) != want {
		t.Errorf("the sample of getLicense: %s, %v", body, err)
	}
	memo := V1Answer{ResultCode: Success, InstanceID: "i", AppInfo: &AppInfo{FrontEndURL: "u", Memo: `中<😀"`}}
	body, err = memo.Encode()
	if want := `{"resultCode":"000000","instanceId":"i","appInfo":{"frontEndUrl":"u","memo":"\u4e2d<\ud83d\ude00\""}}`; err != nil || string(body) != want {
		t.Errorf("escapes: %s, %v", body, err)
	}
	if back, err := ParseV1Answer(ActivityNewInstance, body); err != nil || !reflect.DeepEqual(back, memo) {
		t.Errorf("read back: %+v, %v", back, err)
	}
}
