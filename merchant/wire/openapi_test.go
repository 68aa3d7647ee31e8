package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

func someUsage() UsageRecord {
	return UsageRecord{InstanceID: "i", RecordTime: "20240102T020000Z", BeginTime: "20240102T010000Z", EndTime: "20240102T020000Z", UsageValue: "1.5", MeteringSN: "s"}
}

func TestOpenAPITables(t *testing.T) {
	at := func(n int) string { return strings.Repeat("字", n) }
	sum := strings.Repeat("aB", 32)
	num := func(n int) *int { return &n }
	usage := func(change func(*UsageRecord)) UsagePush {
		r := someUsage()
		change(&r)
		return UsagePush{[]UsageRecord{r}}
	}
	use := func(c ...ClientUse) SoftwareUse { return SoftwareUse{[]CodeUse{{"PL1", c}}} }
	for _, tt := range []struct {
		name  string
		m     Checked
		field string // that is wrong; "" for none
	}{
		{"order", OrderQuery{at(64), at(64)}, ""},
		{"order of 65", OrderQuery{at(65), ""}, "orderId"},
		{"order line of 65", OrderQuery{"CS1", at(65)}, "orderLineId"},
		{"no order", OrderQuery{"", "l"}, "orderId"},

		{"characters", UploadRequest{Type: "CHARACTERS", Characters: at(1024)}, ""},
		{"1025 characters", UploadRequest{Type: "CHARACTERS", Characters: at(1025)}, "characters"},
		{"no characters", UploadRequest{Type: "CHARACTERS"}, "characters"},
		{"file", UploadRequest{Type: "FILE", FileName: at(1024), SHA256: sum}, ""},
		{"file as in the sample", UploadRequest{Type: "FILE", SHA256: sum, Characters: "111"}, ""},
		{"file without a sum", UploadRequest{Type: "FILE", FileName: "a"}, "sha256"},
		{"file with half a sum", UploadRequest{Type: "FILE", FileName: "a", SHA256: sum[:32]}, "sha256"},
		{"file with no sum", UploadRequest{Type: "FILE", FileName: "a", SHA256: strings.Repeat("g", 64)}, "sha256"},
		{"file name of 1025", UploadRequest{Type: "FILE", FileName: at(1025), SHA256: sum}, "file_name"},
		{"no type", UploadRequest{Characters: "x"}, "type"},
		{"type in small letters", UploadRequest{Type: "file", SHA256: sum}, "type"},

		{"activate", Activate{License: at(64)}, ""},
		{"activate, 65", Activate{License: at(65)}, "license"},
		{"activate, nothing", Activate{}, "license"},
		{"activate, time", Activate{License: "PL1", RealEffectTime: "20260102153555"}, ""},
		{"activate, 17 digits in a field of 16", Activate{License: "PL1", RealEffectTime: "20260102153555000"}, "real_effect_time"},
		{"activate, no time", Activate{License: "PL1", RealEffectTime: "20261302153555"}, "real_effect_time"},
		{"batch of 100", ActivateBatch{LicenseList: slices.Repeat([]string{"PL1"}, 100)}, ""},
		{"batch of 101", ActivateBatch{LicenseList: slices.Repeat([]string{"PL1"}, 101)}, "license_list"},
		{"batch of none", ActivateBatch{}, "license_list"},
		{"batch with an empty one", ActivateBatch{LicenseList: []string{"PL1", ""}}, "license_list[1]"},
		{"heartbeat", Heartbeat{License: "PL1"}, ""},
		{"heartbeat, account", Heartbeat{"PL1", &HeartbeatInfo{at(256), strings.Repeat("1", 32)}}, ""},
		{"heartbeat, account of 257", Heartbeat{"PL1", &HeartbeatInfo{at(257), ""}}, "heartbeatInfo.thirdPartyAccount"},
		{"heartbeat, no account", Heartbeat{"PL1", &HeartbeatInfo{}}, "heartbeatInfo.thirdPartyAccount"},
		{"heartbeat, ip of 33", Heartbeat{"PL1", &HeartbeatInfo{"a", at(33)}}, "heartbeatInfo.ip"},
		{"heartbeats of 101", HeartbeatBatch{slices.Repeat([]string{"PL1"}, 101)}, "license_list"},

		{"use by mark", use(ClientUse{ID: at(256)}), ""},
		{"use by number", use(ClientUse{ActiveNum: num(0)}, ClientUse{ActiveNum: num(999_999_999)}), ""},
		{"use by both", use(ClientUse{ID: "a", ActiveNum: num(1)}), "usage_info[0].software_usage_Info"},
		{"use by neither", use(ClientUse{}), "usage_info[0].software_usage_Info"},
		{"use of ten digits", use(ClientUse{ActiveNum: num(1_000_000_000)}), "usage_info[0].software_usage_Info"},
		{"use below nothing", use(ClientUse{ActiveNum: num(-1)}), "usage_info[0].software_usage_Info"},
		{"mark of 257", use(ClientUse{ID: at(257)}), "usage_info[0].software_usage_Info.id"},
		{"101 marks", use(slices.Repeat([]ClientUse{{ID: "a"}}, 101)...), "usage_info[0].software_usage_Info"},
		{"no marks", use(), "usage_info[0].software_usage_Info"},
		{"no use", SoftwareUse{}, "usage_info"},
		{"101 codes", SoftwareUse{slices.Repeat([]CodeUse{{"PL1", []ClientUse{{ID: "a"}}}}, 101)}, "usage_info"},

		{"usage", usage(func(*UsageRecord) {}), ""},
		{"1000 records", UsagePush{slices.Repeat([]UsageRecord{someUsage()}, 1000)}, ""},
		{"1001 records", UsagePush{slices.Repeat([]UsageRecord{someUsage()}, 1001)}, "usage_records"},
		{"no records", UsagePush{}, "usage_records"},
		{"no instance", usage(func(r *UsageRecord) { r.InstanceID = "" }), "usage_records[0].instance_id"},
		{"no number", usage(func(r *UsageRecord) { r.MeteringSN = "" }), "usage_records[0].metering_sn"},
		{"number of 65", usage(func(r *UsageRecord) { r.MeteringSN = at(65) }), "usage_records[0].metering_sn"},
		{"package of 65", usage(func(r *UsageRecord) { r.RelatePkgInstance = at(65) }), "usage_records[0].relate_pkg_instance"},
		{"four decimals", usage(func(r *UsageRecord) { r.UsageValue = "0.0001" }), ""},
		{"five decimals", usage(func(r *UsageRecord) { r.UsageValue = "0.00001" }), "usage_records[0].usage_value"},
		{"21 digits", usage(func(r *UsageRecord) { r.UsageValue = json.Number(strings.Repeat("1", 21)) }), "usage_records[0].usage_value"},
		{"nothing used", usage(func(r *UsageRecord) { r.UsageValue = "0.0" }), "usage_records[0].usage_value"},
		{"less than nothing", usage(func(r *UsageRecord) { r.UsageValue = "-1" }), "usage_records[0].usage_value"},
		{"exponent", usage(func(r *UsageRecord) { r.UsageValue = "1e3" }), "usage_records[0].usage_value"},
		{"no value", usage(func(r *UsageRecord) { r.UsageValue = "" }), "usage_records[0].usage_value"},
		{"14 digits", usage(func(r *UsageRecord) { r.RecordTime = "20240102020000" }), "usage_records[0].record_time"},
		{"end is begin", usage(func(r *UsageRecord) { r.EndTime = r.BeginTime }), ""},
		{"end before begin", usage(func(r *UsageRecord) { r.EndTime = "20240102T005959Z" }), "usage_records[0].end_time"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.m.Check()
			var p *Problem
			if tt.field == "" && err != nil || tt.field != "" && (!errors.As(err, &p) || p.Field != tt.field) {
				t.Fatalf("got %v, want field %q", err, tt.field)
			}
			if tt.field != "" {
				return
			}
			// What is right is right on the other side too.
			body, err := json.Marshal(tt.m)
			if err != nil {
				t.Fatal(err)
			}
			if _, isQuery := tt.m.(OrderQuery); isQuery {
				return
			}
			back := reflect.New(reflect.TypeOf(tt.m))
			if err := DecodeAPI(body, back.Interface().(Checked)); err != nil || !reflect.DeepEqual(back.Elem().Interface(), tt.m) {
				t.Errorf("read again: %+v, %v", back.Elem(), err)
			}
		})
	}
	old := someUsage()
	if err := (UsagePush{[]UsageRecord{old}}).CheckOld(); err == nil {
		t.Error("the old path needs product_id")
	}
	old.MeteringSN, old.ProductID = "", "OFFI1"
	if err := (UsagePush{[]UsageRecord{old}}).CheckOld(); err != nil {
		t.Errorf("the old path: %v", err)
	}
}

// The pages' own samples are read as they stand.
func TestOpenAPISamples(t *testing.T) {
	for _, tt := range []struct {
		body string
		into Checked
		want Checked
	}{
		{`{"type":"FILE","sha256":"350fafaffdba2a628e355b0174e90b05dba6b337b318629bce1d8ec063ebe1cd","characters":"111"}`, new(UploadRequest),
			&UploadRequest{Type: "FILE", SHA256: "350fafaffdba2a628e355b0174e90b05dba6b337b318629bce1d8ec063ebe1cd", Characters: "111"}},
		{`{"license":"PLXXXXXX"}`, new(Activate), &Activate{License: "PLXXXXXX"}},
		{`{"license_list":["PL****001","PL****002","PL****003"],"real_effect_time":"20260102153555"}`, new(ActivateBatch),
			&ActivateBatch{[]string{"PL****001", "PL****002", "PL****003"}, "20260102153555"}},
		{`{"license":"PLXXXXXX","heartbeatInfo":{"thirdPartyAccount":"myaccount1","ip":"192.168.1.51"}}`, new(Heartbeat), &Heartbeat{"PLXXXXXX", &HeartbeatInfo{"myaccount1", "192.168.1.51"}}},
		{`{"usage_info":[{"license":"PLXXXXXX","software_usage_Info":[{"id":"account1"}]}]}`, new(SoftwareUse), &SoftwareUse{[]CodeUse{{"PLXXXXXX", []ClientUse{{ID: "account1"}}}}}},
	} {
		if err := DecodeAPI([]byte(tt.body), tt.into); err != nil || !reflect.DeepEqual(tt.into, tt.want) {
			t.Errorf("%s: got %+v, %v", tt.body, tt.into, err)
		}
	}
	var a ActivateAnswer
	if err := json.Unmarshal([]byte(`{"error_code":"92020000","error_msg":"success","data":{"license_code_info":"{\"status\":\"ALIVE\"}"}}`), &a); err != nil || a.Data.LicenseCodeInfo != `{"status":"ALIVE"}` {
		t.Errorf("got %+v, %v", a, err)
	}
}

func TestOpenAPIBodiesThatAreNone(t *testing.T) {
	for _, body := range []string{"", "x", "[]", "null", `{"license":1}`, `{"license":"a","license":"b"}`, `{"license":"a"}x`, `{"license":null}`, "{\"license\":\"\xff\"}", strings.Repeat(`{"a":`, 50) + "1" + strings.Repeat("}", 50)} {
		var p *Problem
		if err := DecodeAPI([]byte(body), new(Activate)); !errors.As(err, &p) {
			t.Errorf("%.40q: got %v", body, err)
		}
	}
	if err := DecodeAPI([]byte(`{"license":"a","more":{"b":[1]}}`), new(Activate)); err != nil {
		t.Errorf("a member that nobody knows: %v", err)
	}
}

func TestAPICodes(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range APICodes() {
		key := fmt.Sprint(c.Group, c.Code, c.HTTP)
		if seen[key] || c.Code == "" || c.Cause == "" || c.CauseZh == "" {
			t.Errorf("row %+v", c)
		}
		seen[key] = true
		if got, ok := LookUp(c.Group, c.Code, c.HTTP); !ok || got != c {
			t.Errorf("%s: found %+v", key, got)
		}
	}
	for _, tt := range []struct {
		group, code string
		http        int
		want        string // message
	}{
		{GroupOrder, "CBC.0250", 406, "Access frequency overlimit"},
		{GroupOrder, "MKT. 0250", 406, "Access frequency overlimit"},
		{GroupUpload, "MKT.0150", 403, "Illegal operation"},
		{GroupCode, "APIGW.0201", 413, "Request entity too large."},
		{GroupCode, "APIGW.0201", 418, "API request error."},
		{GroupCode, "APIG.0308", 429, "The throttling threshold has been reached."},
		{GroupCode, "91381033", 200, ""}, // of another group
		{GroupCode, "", 200, ""},
	} {
		got, ok := LookUp(tt.group, tt.code, tt.http)
		if got.Message != tt.want || ok != (tt.want != "") {
			t.Errorf("%s %s %d: got %+v", tt.group, tt.code, tt.http, got)
		}
	}
}

func TestOrderLines(t *testing.T) {
	o := &OrderInfo{OrderLine: []OrderLine{{OrderLineID: "a"}, {OrderLineID: "b"}}}
	if o.Line("b") != &o.OrderLine[1] || o.Line("c") != nil || o.Line("") != nil {
		t.Error("lines are found by their id")
	}
	if o.OrderLine = o.OrderLine[:1]; o.Line("") != &o.OrderLine[0] {
		t.Error("the only line needs no id")
	}
}

func TestUsageTimes(t *testing.T) {
	at := time.Date(2024, 1, 2, 3, 4, 5, 0, time.FixedZone("", 8*3600))
	if got := FormatUsageTime(at); got != "20240101T190405Z" {
		t.Errorf("got %s", got)
	}
	if got, err := ParseUsageTime("20240101T190405Z"); err != nil || !got.Equal(at) {
		t.Errorf("got %s, %v", got, err)
	}
	for _, s := range []string{"", "20240101T190405", "20241301T190405Z", "20240101T190405+0800"} {
		if _, err := ParseUsageTime(s); err == nil {
			t.Errorf("%s is no time", s)
		}
	}
}

func FuzzOpenAPI(f *testing.F) {
	for _, s := range []string{"", "{}", `{"license":"PL1","real_effect_time":"20260102153555"}`, `{"type":"FILE","sha256":"x"}`, `{"license_list":["a"]}`,
		`{"usage_info":[{"license":"a","software_usage_Info":[{"active_num":1}]}]}`, `{"usage_records":[{"usage_value":1.5}]}`, `{"usage_records":[{"usage_value":"1.5"}]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, into := range []Checked{new(UploadRequest), new(Activate), new(ActivateBatch), new(Heartbeat), new(HeartbeatBatch), new(SoftwareUse), new(UsagePush)} {
			var p *Problem
			if err := DecodeAPI(body, into); err != nil {
				if !errors.As(err, &p) || len([]rune(err.Error())) > 255 {
					t.Fatalf("%T: %v", into, err)
				}
				continue
			}
			again, err := json.Marshal(into)
			if err != nil {
				t.Fatal(err)
			}
			back := reflect.New(reflect.TypeOf(into).Elem()).Interface().(Checked)
			if err := DecodeAPI(again, back); err != nil || !reflect.DeepEqual(back, into) {
				t.Fatalf("%T: %s read again: %+v, %v", into, again, back, err)
			}
		}
	})
}
