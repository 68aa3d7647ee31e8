package openapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// addCode puts a test code of a merchant in a state.
func (h *house) addCode(t *testing.T, merchant, name, state string, expire time.Time) {
	t.Helper()
	_, err := h.Store.AddCode(t.Context(), meta.Code{Code: name, Merchant: merchant, Product: "cad", Amount: 2, Order: "CS1", Test: true, State: state,
		Expire: expire, Created: h.Clock.Now().Add(-time.Hour)}, meta.Entry{})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) post(t *testing.T, path, body string) answer {
	t.Helper()
	return h.send(t, h.signed(t, h.pair, "POST", path, []byte(body)))
}

// TestCodeAnswers: each row of the printed table of authorization codes is answered where it belongs.
func TestCodeAnswers(t *testing.T) {
	h := open(t)
	year := h.Clock.Now().AddDate(1, 0, 0)
	for name, state := range map[string]string{"PLMADE": meta.CodeMade, "PLDELIVERED": meta.CodeDelivered, "PLONE": meta.CodeCollected, "PLTWO": meta.CodeCollected,
		"PLTHREE": meta.CodeCollected, "PLALIVE": meta.CodeAlive, "PLFROZEN": meta.CodeFrozen, "PLGONE": meta.CodeReleased} {
		h.addCode(t, h.merchant.ID, name, state, year)
	}
	h.addCode(t, h.merchant.ID, "PLOVER", meta.CodeAlive, h.Clock.Now())
	other, _, _ := h.sell(t, "rival")
	h.addCode(t, other.ID, "PLRIVAL", meta.CodeCollected, year)
	many := strings.TrimSuffix(strings.Repeat(`"PLONE",`, 101), ",")
	for _, c := range []struct {
		what, path, body string
		status           int
		code             string
	}{
		{"activate", wire.PathActivateV1, `{"license":"PLONE"}`, 200, "92020000"},
		{"activate again", wire.PathActivateV1, `{"license":"PLONE"}`, 200, "92020003"},
		{"not delivered", wire.PathActivateV1, `{"license":"PLMADE"}`, 200, "92020004"},
		{"not collected", wire.PathActivateV1, `{"license":"PLDELIVERED"}`, 200, "92020004"},
		{"unknown", wire.PathActivateV1, `{"license":"PLNONE"}`, 200, "92020005"},
		{"another merchant's", wire.PathActivateV1, `{"license":"PLRIVAL"}`, 200, "92020005"},
		{"before the order", wire.PathActivateV1, `{"license":"PLTWO","real_effect_time":"20200101000000"}`, 200, "92020002"},
		{"no time", wire.PathActivateV1, `{"license":"PLTWO","real_effect_time":"yesterday"}`, 400, "95000001"},
		{"no member", wire.PathActivateV1, `{}`, 400, "95000001"},
		{"wrong type", wire.PathActivateV1, `{"license":1}`, 400, "95000001"},
		{"too long", wire.PathActivateV1, `{"license":"` + strings.Repeat("P", 65) + `"}`, 400, "95000001"},
		{"not JSON", wire.PathActivateV1, `PLTWO`, 400, "95000004"},
		{"empty", wire.PathActivateV1, ``, 400, "95000004"},
		{"a member twice", wire.PathActivateV1, `{"license":"PLTWO","license":"PLONE"}`, 400, "95000001"},
		{"batch with an unknown one", wire.PathActivateV2, `{"license_list":["PLTWO","PLNONE"]}`, 200, "92020020"},
		{"batch with one twice", wire.PathActivateV2, `{"license_list":["PLTWO","PLTWO"]}`, 200, "92020002"},
		{"batch of 101", wire.PathActivateV2, `{"license_list":[` + many + `]}`, 400, "95000001"},
		{"empty batch", wire.PathActivateV2, `{"license_list":[]}`, 400, "95000001"},
		{"batch", wire.PathActivateV2, `{"license_list":["PLTWO","PLTHREE"]}`, 200, "92020000"},
		{"query", wire.PathHeartbeatV1, `{"license":"PLTWO","heartbeatInfo":{"thirdPartyAccount":"myaccount1","ip":"192.168.1.51"}}`, 200, "92020000"},
		{"query of one not activated", wire.PathHeartbeatV1, `{"license":"PLMADE"}`, 200, "92020011"},
		{"query of an unknown one", wire.PathHeartbeatV1, `{"license":"PLNONE"}`, 200, "92020005"},
		{"query of several", wire.PathHeartbeatV2, `{"license_list":["PLALIVE","PLFROZEN","PLGONE","PLOVER"]}`, 200, "92020000"},
		{"query of several with an unknown one", wire.PathHeartbeatV2, `{"license_list":["PLALIVE","PLRIVAL"]}`, 200, "92020020"},
		{"use", wire.PathSoftwareUse, `{"usage_info":[{"license":"PLALIVE","software_usage_Info":[{"id":"account1"}]}]}`, 200, "92020000"},
		{"use by number", wire.PathSoftwareUse, `{"usage_info":[{"license":"PLALIVE","software_usage_Info":[{"active_num":100}]}]}`, 200, "92020000"},
		{"use by both", wire.PathSoftwareUse, `{"usage_info":[{"license":"PLALIVE","software_usage_Info":[{"id":"a","active_num":1}]}]}`, 400, "95000001"},
		{"use of one that is not activated", wire.PathSoftwareUse, `{"usage_info":[{"license":"PLMADE","software_usage_Info":[{"id":"a"}]}]}`, 200, "92020020"},
	} {
		got := h.post(t, c.path, c.body)
		if got.status != c.status || got.api.ErrorCode != c.code || got.api.ErrorMsg == "" {
			t.Errorf("%s: %d %s", c.what, got.status, got.body)
		}
	}
	if got := h.send(t, h.signed(t, h.pair, "GET", wire.PathActivateV1, nil)); got.status != http.StatusMethodNotAllowed || got.api.ErrorCode != "95000002" {
		t.Errorf("GET: %d %s", got.status, got.body)
	}
	plain := h.request(t, "POST", wire.PathActivateV1, []byte(`{}`))
	plain.Header.Set("Content-Type", "text/plain")
	if err := sign.SignRequest(plain, h.pair, sign.PayloadHash([]byte(`{}`)), h.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	if got := h.send(t, plain); got.status != http.StatusUnsupportedMediaType || got.api.ErrorCode != "95000003" {
		t.Errorf("text: %d %s", got.status, got.body)
	}
	for name, want := range map[string]string{"PLMADE": meta.CodeMade, "PLRIVAL": meta.CodeCollected, "PLDELIVERED": meta.CodeDelivered} {
		if c, err := h.Store.Code(t.Context(), name); err != nil || c.State != want {
			t.Errorf("a refused call left %s %s, %v", name, c.State, err)
		}
	}
	days, err := h.Store.ClientUses(t.Context(), "PLALIVE", time.Time{}.AddDate(1969, 0, 0))
	if err != nil || len(days) != 1 {
		t.Fatalf("uses %v, %v", days, err)
	}
	for _, n := range days {
		if n != 100 {
			t.Errorf("%d clients, want the larger of 1 mark and 100", n)
		}
	}
}

// TestActivationTells: version 1's answer has a JSON text within JSON; the query tells the code's state in three words.
func TestActivationTells(t *testing.T) {
	h := open(t)
	end := time.Date(2027, 3, 10, 9, 0, 0, 0, time.UTC)
	h.addCode(t, h.merchant.ID, "PLONE", meta.CodeCollected, end)
	h.addCode(t, h.merchant.ID, "PLTWO", meta.CodeFrozen, end)
	var activated wire.ActivateAnswer
	into(t, h.post(t, wire.PathActivateV1, `{"license":"PLONE"}`), &activated)
	var info wire.ActivatedCode
	if activated.Data == nil || json.Unmarshal([]byte(activated.Data.LicenseCodeInfo), &info) != nil {
		t.Fatalf("answer %+v", activated)
	}
	if want := (wire.ActivatedCode{Status: "ALIVE", ExpireTime: "20270310090000", Amount: 2, OrderID: "CS1"}); info != want {
		t.Errorf("activated %+v, want %+v", info, want)
	}
	var queried wire.HeartbeatBatchAnswer
	into(t, h.post(t, wire.PathHeartbeatV2, `{"license_list":["PLTWO","PLONE"]}`), &queried)
	if len(queried.Data) != 2 || queried.Data[0].Status != "EXPIRED" || queried.Data[1].Status != "ALIVE" ||
		queried.Data[1].ActivateTime != wire.FormatTime(h.Clock.Now()) {
		t.Errorf("queried %+v", queried.Data)
	}
}

func into(t *testing.T, a answer, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%s: %v", a.body, err)
	}
}

// meter makes a resource of the merchant that is charged as it is used.
func (h *house) meter(t *testing.T, merchant, id, charging, state string) {
	t.Helper()
	org, err := h.Store.Operator(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Store.AddProduct(t.Context(), meta.Product{ID: "cad", Name: "CAD"}, meta.Entry{}); err != nil && meta.CodeOf(err) != cloudapi.ErrNameExists {
		t.Fatal(err)
	}
	res := meta.Resource{ID: "ins_" + id, Org: org, Product: "cad", Merchant: merchant, Kind: meta.KindSaaS, MerchantID: id, Charging: charging,
		State: state, Amount: 1, Order: "CS" + id, Line: "CS" + id + "-000001", InForce: "CS" + id, From: h.Clock.Now(), Created: h.Clock.Now(), Since: h.Clock.Now()}
	o := meta.Order{ID: res.Order, Org: res.Org, Type: meta.OrderNew, Line: res.Line, Product: "cad", Merchant: merchant, Amount: 1, Resource: res.ID,
		State: meta.OrderDone, Created: h.Clock.Now()}
	if _, err := h.Store.PlaceOrder(t.Context(), o, meta.Step{Resource: res}); err != nil {
		t.Fatal(err)
	}
}

// TestUsagePush: each record is taken or listed with its own code, and a repeat stores nothing twice.
func TestUsagePush(t *testing.T) {
	h := open(t)
	key := "f0b0a6e3-base-key"
	if err := h.Store.AddMerchantKey(t.Context(), meta.MerchantKey{ID: "key_1", Merchant: h.merchant.ID, Category: meta.KeyBase, Created: h.Clock.Now(),
		Sealed: h.sealed(t, "key_1", key)}, meta.Entry{}); err != nil {
		t.Fatal(err)
	}
	other, _, _ := h.sell(t, "rival")
	h.meter(t, h.merchant.ID, "used", meta.ChargeOnDemand, meta.ResourceActive)
	h.meter(t, h.merchant.ID, "gone", meta.ChargeOnDemand, meta.ResourceReleased)
	h.meter(t, h.merchant.ID, "paid", meta.ChargePeriod, meta.ResourceActive)
	h.meter(t, other.ID, "theirs", meta.ChargeOnDemand, meta.ResourceActive)
	now := h.Clock.Now()
	record := func(serial, instance, value string, begin time.Time) string {
		return fmt.Sprintf(`{"begin_time":"%s","end_time":"%s","instance_id":"%s","metering_sn":"%s","record_time":"%s","usage_value":%s}`,
			wire.FormatUsageTime(begin), wire.FormatUsageTime(begin.Add(time.Hour)), instance, serial, wire.FormatUsageTime(now), value)
	}
	hour := now.Add(-2 * time.Hour)
	push := func(key string, records ...string) answer {
		t.Helper()
		body := []byte(`{"usage_records":[` + strings.Join(records, ",") + `]}`)
		r := h.signed(t, h.pair, "POST", wire.PathUsagePush, body)
		sign.SignUsage(r.Header, key, "nonce", now, body)
		return h.send(t, r)
	}
	for _, c := range []struct {
		what, key string
		records   []string
		code      string
		failed    map[string]string
	}{
		{"taken", key, []string{record("s1", "used", "1.5", hour)}, "MKT.0000", nil},
		{"again", key, []string{record("s1", "used", "1.5", hour)}, "MKT.0000", nil},
		{"another value under the same serial", key, []string{record("s1", "used", "2", hour)}, "94060999", map[string]string{"s1": "94060005"}},
		{"some", key, []string{record("s2", "used", "1", hour), record("s3", "none", "1", hour), record("s4", "theirs", "1", hour), record("s5", "paid", "1", hour),
			record("s6", "gone", "1", hour), record("s7", "used", "1", now.AddDate(0, 0, -22)), record("s8", "used", "1", now.AddDate(0, 0, 1))}, "94060999",
			map[string]string{"s3": "94060001", "s4": "94060001", "s5": "94060012", "s6": "94060013", "s7": "94060011", "s8": "94060011"}},
		{"another key", "another", []string{record("s9", "used", "1", hour)}, "MKT.0102", nil},
		{"none", key, nil, "MKT.0101", nil},
		{"five decimals", key, []string{record("s9", "used", "0.00001", hour)}, "MKT.0101", nil},
		{"nothing used", key, []string{record("s9", "used", "0", hour)}, "MKT.0101", nil},
	} {
		got := push(c.key, c.records...)
		var list struct {
			Records []struct {
				MeteringSN string `json:"metering_sn"`
				ErrorCode  string `json:"error_code"`
				ErrorMsg   string `json:"error_msg"`
			} `json:"fail_records"`
		}
		into(t, got, &list)
		if got.api.ErrorCode != c.code || len(list.Records) != len(c.failed) {
			t.Errorf("%s: %s", c.what, got.body)
		}
		for _, f := range list.Records {
			if c.failed[f.MeteringSN] != f.ErrorCode || f.ErrorMsg == "" {
				t.Errorf("%s: record %+v, want %s", c.what, f, c.failed[f.MeteringSN])
			}
		}
	}
	many := make([]string, 1001)
	for i := range many {
		many[i] = record(fmt.Sprint("m", i), "used", "1", hour)
	}
	if got := push(key, many...); got.api.ErrorCode != "MKT.9003" {
		t.Errorf("1001 records: %s", got.body)
	}
	list, err := h.Store.Usages(t.Context(), h.merchant.ID, "used", 100)
	if err != nil || len(list) != 2 {
		t.Errorf("stored %+v, %v", list, err)
	}
	old := func(instance, value string) answer {
		t.Helper()
		return h.post(t, wire.PathUsageOld, fmt.Sprintf(`{"usage_records":[{"instance_id":"%s","product_id":"OFFI1","record_time":"%s","begin_time":"%s","end_time":"%s","usage_value":"%s"}]}`,
			instance, wire.FormatUsageTime(now), wire.FormatUsageTime(hour), wire.FormatUsageTime(hour.Add(time.Hour)), value))
	}
	for _, c := range []struct{ what, instance, value, code string }{
		{"old path", "used", "3", "MKT.0000"}, {"old path again", "used", "3", "MKT.0000"}, {"old path, the same hour with another value", "used", "4", "MKT.9002"},
		{"old path, unknown", "none", "3", "MKT.9001"}, {"old path, not pay-per-use", "paid", "3", "MKT.0150"},
	} {
		if got := old(c.instance, c.value); got.api.ErrorCode != c.code {
			t.Errorf("%s: %s", c.what, got.body)
		}
	}
}

func (h *house) sealed(t *testing.T, id, secret string) []byte {
	t.Helper()
	box, err := seal.Open(h.Data)
	if err != nil {
		t.Fatal(err)
	}
	return box.Seal(seal.MerchantKey, id, secret)
}
