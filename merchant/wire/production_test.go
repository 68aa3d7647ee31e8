package wire

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// samples are the documentation's bodies, unmasked, whose members stand in the samples' order.
var samples = []string{
	`{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"0"}`,
	`{"activity":"queryInstance","instanceId":"a,b"}`,
	`{"activity":"refreshInstance","expireTime":"20221124023618256","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","productId":"OFFI461867333479178240","scene":"RENEWAL","testFlag":"1"}`,
	`{"activity":"updateInstanceStatus","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","status":"FREEZE","testFlag":"1"}`,
	`{"activity":"releaseInstance","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}`,
	`{"activity":"upgradeInstance","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001"}`,
	`{"activity":"changeInstanceCheck","instanceId":"i","productInfo":{"productId":"OFFI758576253042421760","skuCode":"s","linearValue":10,"productName":"<名> & 规格"},"testFlag":"1"}`,
	`{"activity":"changeInstanceCheck","instanceId":"i","productInfo":[{"productId":"a"},{"productId":"b"}]}`,
	`{"activity":"getLicenseAsync","eventId":"87b94795-0603-4e24-8ae5-69420d60e3c8","instanceId":"RA2","effectiveTime":"2023-10-27 10:30:15 z","expireTime":"2024-10-27 10:30:15 z","deviceFingerprint":"04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672"}`,
	`{"activity":"orderNotify","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}`,
	`{"activity":"refreshLicenseCode","expireTime":"20230523201932","license":"PL1","orderId":"o","orderLineId":"l","productId":"p","scene":"RENEWAL","testFlag":"1"}`,
	`{"activity":"updateLicenseCodeStatus","license":"PL1","status":"UNFREEZE","testFlag":"1"}`,
	`{"activity":"releaseLicenseCode","license":"PL1","orderId":"o","orderLineId":"l","testFlag":"1"}`,
}

// TestSamplesKeepTheirShape: parsed and encoded again, a sample is the same bytes.
func TestSamplesKeepTheirShape(t *testing.T) {
	seen := map[string]bool{}
	for _, sample := range samples {
		r, err := Parse([]byte(sample))
		if err != nil {
			t.Errorf("%s: %v", sample, err)
			continue
		}
		seen[r.Activity()] = true
		if got, err := Encode(r); err != nil || string(got) != sample {
			t.Errorf("got  %s, %v\nwant %s", got, err, sample)
		}
		if r.Test() != strings.Contains(sample, `"testFlag":"1"`) {
			t.Errorf("%s: Test is %v", sample, r.Test())
		}
	}
	if len(seen) != len(Activities()) {
		t.Errorf("samples of %d activities, there are %d", len(seen), len(Activities()))
	}
}

// TestFields walks every field of every table: missing, empty, null, of a wrong type, as long
// as it may be, one longer, outside its values.
func TestFields(t *testing.T) {
	for _, sample := range samples {
		whole, err := ParseObject([]byte(sample))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range Table(whole.Text("activity")) {
			if f.Kind == ItemOrItems || f.Name == "activity" {
				continue
			}
			long := strings.Repeat("字", f.Max)
			for _, tt := range []struct {
				name  string
				value any
				good  bool
			}{
				{"missing", nil, !f.Required},
				{"empty", "", !f.Required},
				{"a number", 7, false},
				{"an object", map[string]any{}, false},
				{"a list", []any{"x"}, false},
				{"true", true, false},
				{"longest", long, f.Values == nil && f.Kind == Text || f.Kind == IDs},
				{"one longer", long + "字", false},
			} {
				body := marshalWith(t, whole, f.Name, tt.value)
				_, err := Parse(body)
				var p *Problem
				if (err == nil) != tt.good || err != nil && (!errors.As(err, &p) || p.Field != f.Name) {
					t.Errorf("%s %s %s: %v", whole.Text("activity"), f.Name, tt.name, err)
				}
			}
		}
	}
}

// marshalWith is a body with one member changed; nil removes it.
func marshalWith(t *testing.T, o Object, name string, value any) []byte {
	t.Helper()
	members := map[string]any{}
	for k, v := range o.values {
		members[k] = plainValue(v)
	}
	if members[name] = value; value == nil {
		delete(members, name)
	}
	b, err := marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func plainValue(v any) any {
	switch v := v.(type) {
	case Object:
		m := map[string]any{}
		for k, v := range v.values {
			m[k] = plainValue(v)
		}
		return m
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plainValue(v[i])
		}
		return list
	}
	return v
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, body, says string }{
		{"a time of 13 digits", `{"activity":"refreshInstance","scene":"RENEWAL","orderId":"o","orderLineId":"l","instanceId":"i","expireTime":"2022112402361"}`, "field expireTime 14 digits"},
		{"the 30th of February", `{"activity":"refreshInstance","scene":"RENEWAL","orderId":"o","orderLineId":"l","instanceId":"i","expireTime":"20220230000000"}`, "field expireTime no such date"},
		{"a scene that is none", `{"activity":"refreshInstance","scene":"RENEW","orderId":"o","orderLineId":"l","instanceId":"i","expireTime":"20220228000000"}`, "field scene is none of"},
		{"a code's scene that is an instance's", `{"activity":"refreshLicenseCode","scene":"TRIAL_TO_FORMAL","orderId":"o","orderLineId":"l","license":"i","expireTime":"20220228000000"}`, "field scene is none of"},
		{"V1's status", `{"activity":"updateInstanceStatus","instanceId":"i","status":"NORMAL"}`, "field status is none of FREEZE, UNFREEZE"},
		{"a licence's time with another zone", `{"activity":"getLicenseAsync","instanceId":"i","eventId":"e","effectiveTime":"2023-10-27 10:30:15 +0800"}`, "field effectiveTime yyyy-MM-dd HH:mm:ss z"},
		{"101 ids", `{"activity":"queryInstance","instanceId":"` + strings.Repeat("i,", 100) + `i"}`, "field instanceId has more than 100 ids"},
		{"an empty id", `{"activity":"queryInstance","instanceId":"a,,b"}`, "field instanceId has an id that is empty"},
		{"a product without id", `{"activity":"changeInstanceCheck","instanceId":"i","productInfo":{"skuCode":"s"}}`, "field productInfo.productId is missing"},
		{"a product that is a string", `{"activity":"changeInstanceCheck","instanceId":"i","productInfo":"p"}`, "field productInfo is not an object"},
		{"no product", `{"activity":"changeInstanceCheck","instanceId":"i","productInfo":[]}`, "field productInfo is empty"},
		{"a list with a string", `{"activity":"changeInstanceCheck","instanceId":"i","productInfo":["p"]}`, "field productInfo has an item that is not an object"},
		{"an amount that is a text", `{"activity":"changeInstanceCheck","instanceId":"i","productInfo":{"productId":"p","linearValue":"10"}}`, "field productInfo.linearValue is not a number"},
	} {
		if _, err := Parse([]byte(tt.body)); err == nil || !strings.HasPrefix(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.says)
		}
	}
	hundred := strings.Repeat(strings.Repeat("i", 64)+",", 99) + "i"
	if r, err := Parse([]byte(`{"activity":"queryInstance","instanceId":"` + hundred + `"}`)); err != nil || len(r.(QueryInstance).IDs()) != 100 {
		t.Errorf("100 ids: %v", err)
	}
}

func TestProblemsFitIntoResultMsg(t *testing.T) {
	for _, p := range []*Problem{
		{Why: strings.Repeat("错", 256)}, {Field: strings.Repeat("n", 300), Why: "is missing"}, {Field: "a", Why: "is missing"},
	} {
		if n := utf8.RuneCountInString(p.Error()); n > 255 {
			t.Errorf("%d characters", n)
		}
	}
	if got := Cut(strings.Repeat("错", 255)); got != strings.Repeat("错", 255) {
		t.Error("255 characters are cut")
	}
}

func TestTimes(t *testing.T) {
	at := time.Date(2023, 10, 27, 10, 30, 15, 256_000_000, time.UTC)
	for _, tt := range []struct {
		text  string
		parse func(string) (time.Time, error)
		want  time.Time
	}{
		{"20231027103015", ParseTime, at.Truncate(time.Second)},
		{"20231027103015256", ParseTime, at},
		{"00010101000000", ParseTime, time.Time{}},
		{"2023-10-27 10:30:15 z", ParseLicenseTime, at.Truncate(time.Second)},
		{"2023-10-27 10:30:15 Z", ParseLicenseTime, at.Truncate(time.Second)},
		{"2023-10-27 10:30:15 UTC", ParseLicenseTime, at.Truncate(time.Second)},
		{"20231027103015", ParseLicenseTime, at.Truncate(time.Second)},
	} {
		if got, err := tt.parse(tt.text); err != nil || !got.Equal(tt.want) {
			t.Errorf("%s: %v, %v", tt.text, got, err)
		}
	}
	for _, text := range []string{"", "2023102710301", "202310271030155", "2023102710301525", "202310271030152561", "20231327103015", "20231027253015",
		"2023102710301５", "-0231027103015", "+0231027103015", "2023-10-27 10:30:15", "2023-10-27 10:30:15z", "2023-10-27  10:30:15 z", "2023-10-27 10:30:15.5 z",
		"2023-10-27 10:30:15 CST", "2023-10-27T10:30:15 z", " z", "2023-1-27 10:30:15 z"} {
		if got, err := ParseLicenseTime(text); err == nil {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
	east := time.FixedZone("UTC+8", 8*3600)
	if got := FormatMillis(time.Date(2022, 4, 20, 11, 41, 17, 642_000_000, east)); got != "20220420114117642" {
		t.Errorf("kit's time: %s", got)
	}
	if got := FormatTime(at.In(east)); got != "20231027103015" {
		t.Errorf("FormatTime: %s", got)
	}
	if got := FormatLicenseTime(at.In(east)); got != "2023-10-27 10:30:15 z" {
		t.Errorf("FormatLicenseTime: %s", got)
	}
}

func TestCodesAreWhatIsPrinted(t *testing.T) {
	var codes []string
	for _, m := range Codes() {
		codes = append(codes, string(m.Code))
		if m.Text == "" || len(m.Code) != 6 || m.Code.Text() != m.Text {
			t.Errorf("%+v", m)
		}
	}
	if got := strings.Join(codes, " "); got != "000000 000001 000002 000003 000004 000005 000100 000101 000102 000103 000104 000105 000106 000107 000900 000901 000902 000903" {
		t.Errorf("got %s", got)
	}
	if Code("0000004").Text() != "" {
		t.Error("the misprint is listed")
	}
}

func TestAnswers(t *testing.T) {
	for _, tt := range []struct {
		activity, body string
		says           string
	}{
		{ActivityNewInstance, `{"resultCode":"000000","resultMsg":"success","instanceId":"03pf80c2bae96vc49b80b917bea776d7"}`, ""},
		{ActivityNewInstance, `{"resultCode":"000000"}`, "field instanceId is missing"},
		{ActivityNewInstance, `{"resultCode":"000004"}`, "field instanceId is missing"},
		{ActivityNewInstance, `{"resultCode":"000005"}`, ""},
		{ActivityNewInstance, `{"resultCode":"0000004","instanceId":"i"}`, "field resultCode is longer than 6"},
		{ActivityGetLicenseAsync, `{"resultCode":"000004"}`, ""},
		{ActivityReleaseInstance, `{"resultCode":"000000","resultMsg":"success."}`, ""},
		{ActivityReleaseInstance, `{"resultCode":0}`, "field resultCode is not a string"},
		{ActivityReleaseInstance, `{"resultMsg":"success."}`, "field resultCode is missing"},
		{ActivityReleaseInstance, `{"resultCode":"000000","resultMsg":"` + strings.Repeat("m", 256) + `"}`, "field resultMsg is longer"},
		{ActivityReleaseInstance, `<html>`, "the body is not JSON"},
		{ActivityQueryInstance, `{"resultCode":"000000","info":[{"instanceId":"i","appInfo":{"frontEndUrl":"u","memo":"m"},"usageInfo":[{"usageValue":12.3456,"statisticalTime":"20231027103015256"}]}]}`, ""},
		{ActivityQueryInstance, `{"resultCode":"000000","info":[{"instanceId":"i","usageInfo":[{"statisticalTime":"20231027103015256"}]}]}`, "field info.usageInfo.usageValue is missing"},
		{ActivityQueryInstance, `{"resultCode":"000000","info":{"instanceId":"i"}}`, "field info is not an array"},
	} {
		a, err := ParseAnswer(tt.activity, []byte(tt.body))
		if (err == nil) != (tt.says == "") || err != nil && !strings.HasPrefix(err.Error(), tt.says) {
			t.Errorf("%s: %v, want %q", tt.body, err, tt.says)
			continue
		}
		if err != nil {
			continue
		}
		body, err := a.Encode()
		if again, err2 := ParseAnswer(tt.activity, body); err != nil || err2 != nil || !reflect.DeepEqual(again, a) {
			t.Errorf("%s: encoded %s, %v, %v", tt.body, body, err, err2)
		}
	}
}

func TestQuery(t *testing.T) {
	o, err := ParseQuery("a=%E8%AE%A2+1&n=12&empty=")
	if err != nil || o.Text("a") != "订 1" || o.Int("n") != 12 || o.Has("empty") || o.Has("none") {
		t.Errorf("%+v, %v", o, err)
	}
	for _, raw := range []string{"a=1&a=2", "a=%zz", "a=%ff", "a;b"} {
		if _, err := ParseQuery(raw); err == nil {
			t.Errorf("%s is taken", raw)
		}
	}
	number := []Field{{Name: "n", Kind: Integer, Max: 3, Values: nil}}
	for raw, good := range map[string]bool{"n=0": true, "n=999": true, "n=1000": false, "n=-1": false, "n=1.0": false, "n=x": false, "n=": true} {
		o, err := ParseQuery(raw)
		if err != nil {
			t.Fatal(err)
		}
		if err := o.Check(number); (err == nil) != good {
			t.Errorf("%s: %v", raw, err)
		}
	}
}
