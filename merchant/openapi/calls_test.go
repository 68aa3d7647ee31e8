package openapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

func TestOrder(t *testing.T) {
	m := newMarket(t, says(200, someOrder))
	c, _ := client(t, nil, m)
	o, err := c.Order(t.Context(), "CS1", "CS1-000001")
	if err != nil {
		t.Fatal(err)
	}
	want := &wire.OrderInfo{OrderID: "CS1", OrderType: "NEW", CreateTime: "20220726064736", OrderLine: []wire.OrderLine{{
		OrderLineID: "CS1-000001", ChargingMode: "PERIOD", PeriodType: "year", PeriodNumber: 1, ExpireTime: "20230726155959",
		ProductInfo: []wire.Product{{ProductID: "OFFI758576253042421760", SKUCode: "da9b4d34", LinearValue: "10", ProductName: "名"}}}}}
	if !reflect.DeepEqual(o, want) {
		t.Errorf("got %+v", o)
	}
	got := m.requests()[0]
	if got.method != http.MethodGet || got.target != wire.PathOrderQuery+"?orderId=CS1&orderLineId=CS1-000001" || len(got.body) != 0 {
		t.Errorf("asked %s %s %q", got.method, got.target, got.body)
	}
	if _, err := c.Order(t.Context(), "CS2", ""); !errors.Is(err, ErrAnswer) {
		t.Errorf("another order in the answer: %v", err)
	}
	if o, err := c.Order(t.Context(), "MOCKONDEMAND", ""); err != nil || o.OrderID != "CS1" {
		t.Errorf("a mock order with another id: %v", err)
	}
	empty := newMarket(t, says(200, `{"resultCode":"MKT.0000","resultMsg":"Success"}`))
	c, _ = client(t, nil, empty)
	if _, err := c.Order(t.Context(), "CS1", ""); !errors.Is(err, ErrAnswer) || len(empty.requests()) != 1 {
		t.Errorf("no order in the answer: %v after %d requests", err, len(empty.requests()))
	}
}

// What an upload looks like on the wire, by each reading.
func TestUploads(t *testing.T) {
	const characters, file = "licence, äß", "\x00\xff\r\n--boundary"
	for _, tt := range []struct {
		name     string
		readings Readings
		run      func(context.Context, *Client) error
		fileName string // of the file part; "" for none
		request  wire.UploadRequest
		payload  string
	}{
		{"characters", Readings{}, func(ctx context.Context, c *Client) error { return c.UploadCharacters(ctx, "e/1", characters) },
			"", wire.UploadRequest{Type: "CHARACTERS", Characters: characters}, sign.Unsigned},
		{"file", Readings{}, func(ctx context.Context, c *Client) error {
			return c.UploadFile(ctx, "e/1", `许可"1.lic`, []byte(file))
		},
			`许可"1.lic`, wire.UploadRequest{Type: "FILE", FileName: `许可"1.lic`, SHA256: sign.PayloadHash([]byte(file))}, sign.Unsigned},
		{"file, as the sample", Readings{OmitFileName: true}, func(ctx context.Context, c *Client) error { return c.UploadFile(ctx, "e/1", "a.lic", []byte(file)) },
			"a.lic", wire.UploadRequest{Type: "FILE", SHA256: sign.PayloadHash([]byte(file))}, sign.Unsigned},
		{"file, hash of the body", Readings{HashUploads: true}, func(ctx context.Context, c *Client) error { return c.UploadFile(ctx, "e/1", "a.lic", []byte(file)) },
			"a.lic", wire.UploadRequest{Type: "FILE", FileName: "a.lic", SHA256: sign.PayloadHash([]byte(file))}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMarket(t, reset, says(200, `{"error_code":"CBC.0000","error_msg":"Success"}`))
			c, _ := client(t, func(c *Config) { c.Readings = tt.readings }, m)
			if err := tt.run(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			got := m.requests()
			if !bytes.Equal(got[0].body, got[1].body) {
				t.Error("the repeat has another body")
			}
			r := got[1]
			if r.target != strings.Replace(wire.PathUpload, "{event_id}", "e%2F1", 1) || r.header.Get(sign.HeaderPayload) != tt.payload || r.err != nil {
				t.Errorf("asked %s with payload %q, %v", r.target, r.header.Get(sign.HeaderPayload), r.err)
			}
			_, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
			if err != nil {
				t.Fatal(err)
			}
			parts := multipart.NewReader(bytes.NewReader(r.body), params["boundary"])
			if tt.fileName != "" {
				p, err := parts.NextPart()
				if err != nil {
					t.Fatal(err)
				}
				content, err := io.ReadAll(p)
				if err != nil || p.FormName() != "file" || p.FileName() != tt.fileName || p.Header.Get("Content-Type") != "multipart/form-data" || string(content) != file {
					t.Errorf("file: %v %q, %v", p.Header, content, err)
				}
			}
			p, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(p)
			if err != nil || p.FormName() != "isvUpdateFileReq" || p.Header.Get("Content-Type") != "application/json" {
				t.Errorf("request: %v, %v", p.Header, err)
			}
			var request wire.UploadRequest
			if err := wire.DecodeAPI(content, &request); err != nil || request != tt.request {
				t.Errorf("got %+v, %v", request, err)
			}
			if _, err := parts.NextPart(); err != io.EOF {
				t.Errorf("something behind: %v", err)
			}
		})
	}
}

// What a heartbeat's answer holds beyond the printed table is inferred, and may be otherwise.
func TestHeartbeatAnswers(t *testing.T) {
	for body, want := range map[string]wire.CodeInfo{
		`{"error_code":"92020000","data":{"license_code":"PL1","status":"ALIVE","amount":"2","order_id":"CS1"}}`: {LicenseCode: "PL1", Status: "ALIVE", OrderID: "CS1"},
		`{"error_code":"92020000","data":{"license_code":"PL1","status":"EXPIRED","expire_time":1,"x":[]}}`:      {LicenseCode: "PL1", Status: "EXPIRED"},
		`{"error_code":"92020000","data":{"license_code":"PL1","status":1}}`:                                     {},
		`{"error_code":"92020000","data":[]}`:                                                                    {},
		`{"error_code":"92020000"}`:                                                                              {},
	} {
		if got, err := readCode([]byte(body)); got != want || (err == nil) != (want.Status != "") {
			t.Errorf("%s: got %+v, %v", body, got, err)
		}
	}
}

// Activation is the one call that a repeat spoils: what the heartbeat says decides.
func TestActivate(t *testing.T) {
	const code = `{"error_code":"92020003","error_msg":"illegal state"}`
	first := wire.ActivatedCode{Status: "ALIVE", ExpireTime: "20230726121646", ProductID: "12345", Amount: 2, OrderID: "CS123"}
	asked := wire.ActivatedCode{Status: "ALIVE", ExpireTime: "20250102030405", Amount: 2, OrderID: "CS1"}
	const a, h = wire.PathActivateV1, wire.PathHeartbeatV1
	for _, tt := range []struct {
		name   string
		script []http.HandlerFunc
		paths  []string
		want   wire.ActivatedCode
		code   string // of the error
		maybe  bool
		fails  bool
	}{
		{"at once", []http.HandlerFunc{says(200, activated)}, []string{a}, first, "", false, false},
		{"at once, without data", []http.HandlerFunc{says(200, plain)}, []string{a}, wire.ActivatedCode{}, "", false, false},
		{"twice by the caller", []http.HandlerFunc{says(200, code)}, []string{a}, wire.ActivatedCode{}, "92020003", false, true},
		{"too early", []http.HandlerFunc{says(200, `{"error_code":"92020004"}`)}, []string{a}, wire.ActivatedCode{}, "92020004", false, true},
		{"throttled", []http.HandlerFunc{throttled, says(200, activated)}, []string{a, a}, first, "", false, false},
		{"lost, and done", []http.HandlerFunc{reset, says(200, alive)}, []string{a, h}, asked, "", false, false},
		{"internal error, and done", []http.HandlerFunc{says(200, `{"error_code":"92020001"}`), says(200, alive)}, []string{a, h}, asked, "", false, false},
		{"a data that nobody can read, and done", []http.HandlerFunc{says(200, `{"error_code":"92020000","data":{"license_code_info":"x"}}`), says(200, alive)}, []string{a, h}, asked, "", false, false},
		{"lost, heartbeat throttled, and done", []http.HandlerFunc{reset, throttled, says(200, alive)}, []string{a, h, h}, asked, "", false, false},
		{"lost, and not done", []http.HandlerFunc{reset, says(200, inactive), says(200, activated)}, []string{a, h, a}, first, "", false, false},
		{"lost, late, done by the first", []http.HandlerFunc{reset, says(200, inactive), says(200, code), says(200, alive)}, []string{a, h, a, h}, asked, "", false, false},
		{"lost, and expired", []http.HandlerFunc{reset, says(200, strings.Replace(alive, "ALIVE", "EXPIRED", 1))}, []string{a, h}, wire.ActivatedCode{}, "", true, true},
		{"lost, and the heartbeat too", []http.HandlerFunc{reset}, []string{a, h, h, h, h}, wire.ActivatedCode{}, "", true, true},
		{"lost twice, and done", []http.HandlerFunc{reset, says(200, inactive), reset, says(200, alive)}, []string{a, h, a, h}, asked, "", false, false},
		{"lost twice, and never done", []http.HandlerFunc{reset, says(200, inactive), reset, says(200, inactive)}, []string{a, h, a, h}, wire.ActivatedCode{}, "", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMarket(t, tt.script...)
			c, _ := client(t, nil, m)
			got, err := c.Activate(t.Context(), wire.Activate{License: "PL1"})
			var paths []string
			for _, r := range m.requests() {
				paths = append(paths, r.target)
			}
			if !slices.Equal(paths, tt.paths) {
				t.Errorf("asked %q, want %q", paths, tt.paths)
			}
			if got != tt.want || (err != nil) != tt.fails {
				t.Fatalf("got %+v, %v", got, err)
			}
			var e *Error
			if tt.fails && (!errors.As(err, &e) || e.Code != tt.code || e.Maybe != tt.maybe) {
				t.Errorf("got %v", err)
			}
		})
	}
	c, p := client(t, nil, nobody(t))
	if _, err := c.Activate(t.Context(), wire.Activate{License: "PL1"}); !errors.Is(err, ErrNotSent) || len(p.list) != 3 {
		t.Errorf("nobody: %v after %d pauses", err, len(p.list))
	}
}

func TestUsagePushes(t *testing.T) {
	twice := says(200, `{"error_code":"94060005","error_msg":"duplicate"}`)
	m := newMarket(t, reset, twice)
	c, _ := client(t, nil, m)
	push := wire.UsagePush{UsageRecords: []wire.UsageRecord{record()}}
	if err := c.PushUsage(t.Context(), push); err != nil {
		t.Errorf("the lost attempt was taken: %v", err)
	}
	got := m.requests()
	for _, r := range got {
		if _, err := sign.VerifyUsage(usageKey, r.header, r.body, now); err != nil || r.target != wire.PathUsagePush || r.err != nil {
			t.Errorf("%s: %v, %v", r.target, err, r.err)
		}
		if !strings.Contains(strings.ToLower(r.header.Get("Authorization")), "nonce;signature;ts;x-sdk-date") {
			t.Errorf("its own headers are not signed: %s", r.header.Get("Authorization"))
		}
	}
	if got[0].header.Get("nonce") == got[1].header.Get("nonce") {
		t.Error("the repeat has the same nonce")
	}
	// Natural order of the names, which the signature's page asks for.
	if want := `{"usage_records":[{"begin_time":"20240102T010000Z","end_time":"20240102T020000Z","instance_id":"i1","metering_sn":"sn1","record_time":"20240102T020000Z","usage_value":1.5}]}`; string(got[0].body) != want {
		t.Errorf("got %s", got[0].body)
	}

	m = newMarket(t, twice)
	c, _ = client(t, nil, m)
	var e *Error
	if err := c.PushUsage(t.Context(), push); !errors.As(err, &e) || e.Code != "94060005" || len(m.requests()) != 1 {
		t.Errorf("a number that was used before: %v", err)
	}
	m = newMarket(t, says(200, `{"error_code":"94060999","error_msg":"Failed","records":[{"code":"001"}]}`))
	c, _ = client(t, nil, m)
	if err := c.PushUsage(t.Context(), push); !errors.As(err, &e) || e.Step != wire.StepFix || !bytes.Contains(e.Body, []byte(`"001"`)) {
		t.Errorf("records' codes: %v", err)
	}

	old := record()
	old.MeteringSN, old.ProductID = "", "OFFI1"
	m = newMarket(t, says(200, `{"error_code":"MKT.0000"}`))
	c, _ = client(t, nil, m)
	if err := c.PushUsageOld(t.Context(), wire.UsagePush{UsageRecords: []wire.UsageRecord{old}}); err != nil {
		t.Fatal(err)
	}
	if r := m.requests()[0]; r.target != wire.PathUsageOld || r.header.Get("signature") != "" || bytes.Contains(r.body, []byte("metering_sn")) || r.err != nil {
		t.Errorf("got %s %s, %v", r.target, r.body, r.err)
	}
}

// Nothing is sent that the tables refuse.
func TestArguments(t *testing.T) {
	m := newMarket(t, says(200, plain))
	c, _ := client(t, func(c *Config) { c.UsageKey = "" }, m)
	long := func(n int) string { return strings.Repeat("字", n) }
	codes := func(n int) []string { return slices.Repeat([]string{"PL1"}, n) }
	ctx := t.Context()
	for _, tt := range []struct {
		name, field string
		run         func() error
	}{
		{"no order", "orderId", func() error { _, err := c.Order(ctx, "", ""); return err }},
		{"order of 65", "orderId", func() error { _, err := c.Order(ctx, long(65), ""); return err }},
		{"order line of 65", "orderLineId", func() error { _, err := c.Order(ctx, "CS1", long(65)); return err }},
		{"no event", "event_id", func() error { return c.UploadCharacters(ctx, "", "x") }},
		{"event of 65", "event_id", func() error { return c.UploadCharacters(ctx, strings.Repeat("e", 65), "x") }},
		{"event that climbs", "", func() error { return c.UploadCharacters(ctx, "..", "x") }},
		{"no characters", "characters", func() error { return c.UploadCharacters(ctx, "e", "") }},
		{"1025 characters", "characters", func() error { return c.UploadCharacters(ctx, "e", long(1025)) }},
		{"not UTF-8", "characters", func() error { return c.UploadCharacters(ctx, "e", "\xff") }},
		{"no file name", "file_name", func() error { return c.UploadFile(ctx, "e", "", nil) }},
		{"file name with a path", "file_name", func() error { return c.UploadFile(ctx, "e", `C:\a.lic`, nil) }},
		{"file name with a line", "file_name", func() error { return c.UploadFile(ctx, "e", "a\r\nb", nil) }},
		{"file name of 1025", "file_name", func() error { return c.UploadFile(ctx, "e", long(1025), nil) }},
		{"12 MB", "file", func() error { return c.UploadFile(ctx, "e", "a.lic", make([]byte, wire.MaxUpload)) }},
		{"no code", "license", func() error { _, err := c.Activate(ctx, wire.Activate{}); return err }},
		{"code of 65", "license", func() error { _, err := c.Heartbeat(ctx, wire.Heartbeat{License: long(65)}); return err }},
		{"effect", "real_effect_time", func() error {
			_, err := c.Activate(ctx, wire.Activate{License: "PL1", RealEffectTime: "2026-01-02"})
			return err
		}},
		{"no codes", "license_list", func() error { return c.ActivateBatch(ctx, wire.ActivateBatch{}) }},
		{"101 codes", "license_list", func() error { return c.ActivateBatch(ctx, wire.ActivateBatch{LicenseList: codes(101)}) }},
		{"101 codes to ask for", "license_list", func() error {
			_, err := c.HeartbeatBatch(ctx, wire.HeartbeatBatch{LicenseList: codes(101)})
			return err
		}},
		{"no use", "usage_info", func() error { _, err := c.SoftwareUse(ctx, wire.SoftwareUse{}); return err }},
		{"no usage key", "", func() error { return c.PushUsage(ctx, wire.UsagePush{UsageRecords: []wire.UsageRecord{record()}}) }},
		{"no records", "usage_records", func() error { return c.PushUsage(ctx, wire.UsagePush{}) }},
		{"old record with a number", "usage_records[0].product_id", func() error {
			return c.PushUsageOld(ctx, wire.UsagePush{UsageRecords: []wire.UsageRecord{record()}})
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := tt.run()
			var p *wire.Problem
			var e *Error
			if !errors.Is(err, ErrArgument) || !errors.As(err, &e) || e.Step != wire.StepFix || e.Maybe {
				t.Fatalf("got %v", err)
			}
			if tt.field != "" && (!errors.As(err, &p) || p.Field != tt.field) {
				t.Errorf("got %v, want the field %s", err, tt.field)
			}
		})
	}
	if got := len(m.requests()); got != 0 {
		t.Errorf("%d requests were sent", got)
	}
}

// Every printed code ends as a typed error that says what to do, in both languages.
func TestEveryCode(t *testing.T) {
	groups := map[string]call{wire.GroupOrder: callOrder, wire.GroupUpload: callUpload, wire.GroupCode: callHeartbeat, wire.GroupUsage: callUsage, wire.GroupGateway: callOrder}
	for _, row := range wire.APICodes() {
		status := row.HTTP
		if status == 0 {
			status = 200
		}
		for _, code := range []string{row.Code, strings.Replace(row.Code, "MKT.", "CBC.", 1), strings.Replace(row.Code, "APIGW.", "APIG.", 1)} {
			body, err := json.Marshal(map[string]string{"error_code": code, "error_msg": row.Message, "request_id": "r1"})
			if err != nil {
				t.Fatal(err)
			}
			if groups[row.Group].group == wire.GroupOrder && row.Group == wire.GroupOrder {
				body, err = json.Marshal(map[string]string{"resultCode": code, "resultMsg": row.Message})
				if err != nil {
					t.Fatal(err)
				}
			}
			e := judge(groups[row.Group], status, body)
			if row.Step == wire.StepNone {
				if e != nil {
					t.Errorf("%s %d: got %v", code, row.HTTP, e)
				}
				continue
			}
			if e == nil || e.Code != code || e.Step != row.Step || e.HTTP != status || e.Message != row.Message || e.Again() != (row.Step == wire.StepLater || row.Step == wire.StepAsk) {
				t.Errorf("%s %d: got %v", code, row.HTTP, e)
				continue
			}
			if en, zh := e.Explain("en"), e.Explain("zh"); !strings.EqualFold(en[:len(row.Cause)], row.Cause) || !strings.HasPrefix(zh, row.CauseZh) || en == zh {
				t.Errorf("%s: explained as %q, %q", code, en, zh)
			}
		}
	}
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{"", "{}", "[]", someOrder, alive, activated, inactive, `{"error_code":1}`, `{"error_code":"APIGW.0201","resultCode":"x"}`, `{"resultCode":"MKT. 0250"}`,
		`{"error_code":"92020000","data":{"license_code_info":"{\"amount\":1e9}"}}`} {
		f.Add(200, []byte(s))
		f.Add(502, []byte(s))
	}
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		for _, k := range calls() {
			e := judge(k, status, body)
			if e == nil {
				if status != 200 || !json.Valid(body) {
					t.Fatalf("%s: %d %q is a success", k.name, status, body)
				}
				continue
			}
			if _, known := steps[e.Step]; !known || e.Step == wire.StepNone || e.Error() == "" || e.Explain("zh") == "" || e.Explain("en") == "" {
				t.Fatalf("%s: %d %q: %v", k.name, status, body, e)
			}
			if e.Maybe != (e.Step == wire.StepAsk) {
				t.Fatalf("maybe %v at %q", e.Maybe, e.Step)
			}
		}
		if o, e := readOrder(body, "CS1"); (o == nil) == (e == nil) {
			t.Fatal(o, e)
		}
		_, _ = readActivated(body)
		_, _ = readCode(body)
	})
}
