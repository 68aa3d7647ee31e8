package openapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/openapi"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const query = wire.PathOrderQuery + "?orderId=MOCKPERIODYEARNEW"

// house is a cloud with the merchant "isv" and its AK/SK pair.
type house struct {
	*apitest.Cloud
	merchant cloudapi.Merchant
	isv      http.Header
	pair     sign.KeyPair
}

func open(t *testing.T, change ...func(*app.Config)) *house {
	t.Helper()
	h := &house{Cloud: apitest.Start(t, change...)}
	h.merchant, h.isv, h.pair = h.sell(t, "isv")
	return h
}

// sell makes an organisation whose administrator is account a merchant with a pair.
func (h *house) sell(t *testing.T, account string) (m cloudapi.Merchant, staff http.Header, pair sign.KeyPair) {
	t.Helper()
	staff = apitest.Bearer(h.Stranger(t, account).AccessToken)
	a, err := h.Store.Account(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	h.Must(t, "POST", "/v1/market/merchants", apitest.Bearer(h.Boss.AccessToken), cloudapi.NewMerchant{Organisation: a.Org, Name: account}, &m, http.StatusCreated)
	var k cloudapi.AccessKey
	h.Must(t, "POST", "/v1/market/access-keys", staff, nil, &k, http.StatusCreated)
	return m, staff, sign.KeyPair{Access: k.Access, Secret: k.Secret}
}

func (h *house) request(t *testing.T, method, path string, body []byte) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, h.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// signed is a request that is signed as it must be.
func (h *house) signed(t *testing.T, pair sign.KeyPair, method, path string, body []byte) *http.Request {
	t.Helper()
	r := h.request(t, method, path, body)
	r.Header.Set("Content-Type", "application/json")
	if err := sign.SignRequest(r, pair, sign.PayloadHash(body), h.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

type answer struct {
	status int
	header http.Header
	body   string
	api    wire.APIAnswer
	order  struct {
		wire.OrderAnswer
		ExtraInfo string `json:"extra_info"`
	}
}

func (h *house) send(t *testing.T, r *http.Request) (a answer) {
	t.Helper()
	res, err := h.Plain.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a.status, a.header, a.body = res.StatusCode, res.Header, string(b)
	for _, into := range []any{&a.api, &a.order} {
		if err := json.Unmarshal(b, into); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
	}
	return a
}

// TestSignatures: each way in which a request is not signed as it must be gets the gateway's answer.
func TestSignatures(t *testing.T) {
	h := open(t)
	_, _, other := h.sell(t, "other")
	var ended cloudapi.AccessKey
	h.Must(t, "POST", "/v1/market/access-keys", h.isv, nil, &ended, http.StatusCreated)
	h.Must(t, "POST", "/v1/market/access-keys/"+ended.Access+"/revoke", h.isv, nil, nil, http.StatusNoContent)
	get := func() *http.Request { return h.signed(t, h.pair, "GET", query, nil) }
	signAt := func(d time.Duration) *http.Request {
		r := h.request(t, "GET", query, nil)
		if err := sign.SignRequest(r, h.pair, sign.PayloadHash(nil), h.Clock.Now().Add(d)); err != nil {
			t.Fatal(err)
		}
		return r
	}
	unsigned := func(kind string) *http.Request {
		r := h.request(t, "GET", query, []byte("body"))
		r.Header.Set("Content-Type", kind)
		if err := sign.SignRequest(r, h.pair, sign.Unsigned, h.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		return r
	}
	for _, k := range []struct {
		name string
		r    *http.Request
		want string // in the message of a 401; "" is good
	}{
		{"good", get(), ""},
		{"again: the open API knows no nonce", get(), ""},
		{"a slash at the path's end", h.signed(t, h.pair, "GET", wire.PathOrderQuery+"/?orderId=MOCKONDEMAND", nil), ""},
		{"14 minutes late", signAt(-14 * time.Minute), ""},
		{"15 minutes late", signAt(-15 * time.Minute), ""},
		{"15 minutes early", signAt(15 * time.Minute), ""},
		{"just over 15 minutes late", signAt(-15*time.Minute - time.Second), "more than 15 minutes"},
		{"just over 15 minutes early", signAt(15*time.Minute + time.Second), "more than 15 minutes"},
		{"no header", h.request(t, "GET", query, nil), "Authorization: missing"},
		{"a bearer", with(h.request(t, "GET", query, nil), "Authorization", h.isv.Get("Authorization")), "malformed"},
		{"another algorithm", with(get(), "Authorization", "SDK-HMAC-SM3 Access=a, SignedHeaders=host;x-sdk-date, Signature="+sign.PayloadHash(nil)), "malformed"},
		{"no date", with(get(), "X-Sdk-Date", ""), "malformed"},
		{"a date of another form", with(get(), "X-Sdk-Date", "2026-03-10"), "malformed"},
		{"the date not signed", with(get(), "Authorization", "SDK-HMAC-SHA256 Access="+h.pair.Access+", SignedHeaders=host, Signature="+sign.PayloadHash(nil)), "missing"},
		{"an unknown access key", h.signed(t, sign.KeyPair{Access: "NOBODY", Secret: "x"}, "GET", query, nil), "does not exist"},
		{"another's secret", h.signed(t, sign.KeyPair{Access: h.pair.Access, Secret: other.Secret}, "GET", query, nil), "verify aksk signature fail"},
		{"a revoked pair", h.signed(t, sign.KeyPair{Access: ended.Access, Secret: ended.Secret}, "GET", query, nil), "revoked"},
		{"another query", target(get(), wire.PathOrderQuery+"?orderId=MOCKONDEMAND"), "verify aksk signature fail"},
		{"another host", host(get(), "elsewhere.example.com"), "verify aksk signature fail"},
		{"another body", body(get(), "x"), "verify aksk signature fail"},
		{"another body than the header says", body(with(get(), sign.HeaderPayload, sign.PayloadHash(nil)), "x"), "verify aksk signature fail"},
		{"an unsigned payload as JSON", unsigned("application/json"), "malformed"},
		{"an unsigned payload as text", unsigned("text/plain"), "only multipart/form-data"},
		{"an unsigned payload that only begins like a form", unsigned("multipart/form-dataset; boundary=x"), "only multipart/form-data"},
		{"an unsigned payload as a form", unsigned("multipart/form-data; boundary=x"), ""},
	} {
		t.Run(k.name, func(t *testing.T) {
			a := h.send(t, k.r)
			if k.want == "" {
				if a.status != http.StatusOK || a.order.ResultCode != "MKT.0000" {
					t.Errorf("%d %s", a.status, a.body)
				}
				return
			}
			if a.status != http.StatusUnauthorized || a.api.ErrorCode != "APIGW.0301" || a.api.RequestID == "" ||
				!strings.HasPrefix(a.api.ErrorMsg, "Incorrect IAM authentication information: ") || !strings.Contains(a.api.ErrorMsg, k.want) {
				t.Errorf("%d %s, want %q", a.status, a.body, k.want)
			}
			if a.api.RequestID != a.header.Get("X-Request-Id") {
				t.Errorf("request %s, header %s", a.api.RequestID, a.header.Get("X-Request-Id"))
			}
			if strings.Contains(a.body, h.pair.Secret) || strings.Contains(a.body, other.Secret) {
				t.Error("the answer shows a secret")
			}
		})
	}
}

func with(r *http.Request, name, value string) *http.Request {
	r.Header.Set(name, value)
	return r
}

func host(r *http.Request, name string) *http.Request {
	r.Host = name
	return r
}

func target(r *http.Request, to string) *http.Request {
	u, err := r.URL.Parse(to)
	if err != nil {
		panic(err)
	}
	r.URL = u
	return r
}

func body(r *http.Request, text string) *http.Request {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return r
}

// TestEcho: who signed wrongly is shown what was to be signed, line for line.
func TestEcho(t *testing.T) {
	h := open(t)
	r := h.request(t, "GET", wire.PathOrderQuery+"?orderLineId=b&orderId=a", nil)
	if err := sign.SignRequest(r, sign.KeyPair{Access: h.pair.Access, Secret: "wrong"}, sign.PayloadHash(nil), h.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	want := "canonicalRequest:GET|" + wire.PathOrderQuery + "/|orderId=a&orderLineId=b|host:" + r.URL.Host + "|x-sdk-date:20260310T090000Z||host;x-sdk-date|" + sign.PayloadHash(nil)
	if a := h.send(t, r); !strings.HasSuffix(a.api.ErrorMsg, want) {
		t.Errorf("message %q, want its end %q", a.api.ErrorMsg, want)
	}
}

// TestPathsAndSizes are what the gateway refuses before it looks at a signature.
func TestPathsAndSizes(t *testing.T) {
	h := open(t)
	long := func(n int) *http.Request {
		return h.request(t, "GET", wire.PathOrderQuery+"?orderId="+strings.Repeat("a", n), nil)
	}
	for _, k := range []struct {
		name   string
		r      *http.Request
		status int
		code   string
	}{
		{"an unknown path", h.signed(t, h.pair, "GET", "/api/mkp-openapi-public/global/v1/nothing", nil), 404, "APIGW.0101"},
		{"an unknown version", h.signed(t, h.pair, "GET", "/api/mkp-openapi-public/global/v9/order/query?orderId=a", nil), 404, "APIGW.0101"},
		{"an old path that there is not", h.signed(t, h.pair, "POST", "/rest/marketplace/v1/nothing", nil), 404, "APIGW.0101"},
		{"another method", h.signed(t, h.pair, "DELETE", query, nil), 404, "APIGW.0101"},
		{"dots", h.request(t, "GET", "/api/mkp-openapi-public/global/v1/x/../order/query", nil), 404, "APIGW.0101"},
		{"two slashes", h.request(t, "GET", "/api/mkp-openapi-public/global//v1/order/query", nil), 404, "APIGW.0101"},
		{"a long URI that still goes", long(8000), 401, "APIGW.0301"},
		{"a URI over 8 KiB", long(8200), 414, "APIGW.0201"},
		{"headers over 16 KiB", with(h.request(t, "GET", query, nil), "X-Long", strings.Repeat("x", 16<<10)), 494, "APIGW.0201"},
		{"a body of 12 MB", body(h.request(t, "POST", "/api/mkp-openapi-public/global/v1/market-event/e/file", nil), strings.Repeat("x", openapi.MaxBody)), 401, "APIGW.0301"},
		{"a body over 12 MB", body(h.request(t, "POST", "/api/mkp-openapi-public/global/v1/market-event/e/file", nil), strings.Repeat("x", openapi.MaxBody+1)), 413, "APIGW.0201"},
		{"a JSON body over 1 MiB", body(h.request(t, "GET", query, nil), strings.Repeat("x", 1<<20+1)), 413, "APIGW.0201"},
	} {
		t.Run(k.name, func(t *testing.T) {
			a := h.send(t, k.r)
			if a.status != k.status || a.api.ErrorCode != k.code || a.api.ErrorMsg == "" || a.api.RequestID == "" {
				t.Errorf("%d %s, want %d %s", a.status, a.body, k.status, k.code)
			}
		})
	}
	// Without a length the size shows itself while the body is read.
	r := h.signed(t, h.pair, "GET", query, nil)
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(strings.Repeat("x", 1<<20+1))), -1
	if a := h.send(t, r); a.status != http.StatusRequestEntityTooLarge || a.api.ErrorCode != "APIGW.0201" {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTooOften(t *testing.T) {
	h := open(t, func(c *app.Config) { c.Limits = limit.Limits{AccountRate: 1, AccountBurst: 12} })
	ask := func() answer { return h.send(t, h.signed(t, h.pair, "GET", query, nil)) }
	var a answer
	for range 13 {
		a = ask()
	}
	if a.status != http.StatusNotAcceptable || a.order.ResultCode != "MKT.0250" || a.order.ExtraInfo == "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	_, _, other := h.sell(t, "other")
	if a := h.send(t, h.signed(t, other, "GET", query, nil)); a.status != http.StatusOK {
		t.Errorf("another merchant: %d %s", a.status, a.body)
	}
	// Who only knows an access key cannot use up its merchant's requests.
	for range 30 {
		if a := h.send(t, h.signed(t, sign.KeyPair{Access: other.Access, Secret: "guessed"}, "GET", query, nil)); a.status != http.StatusUnauthorized {
			t.Fatalf("with a guessed secret: %d %s", a.status, a.body)
		}
	}
	if a := h.send(t, h.signed(t, other, "GET", query, nil)); a.status != http.StatusOK {
		t.Errorf("after many wrong signatures: %d %s", a.status, a.body)
	}
	h.Clock.Advance(2 * time.Second)
	if a := ask(); a.status != http.StatusOK {
		t.Errorf("two seconds later: %d %s", a.status, a.body)
	}
}

// TestFrame tries what no route of the cloud does: a defect, an error, and the gateway's own limit.
func TestFrame(t *testing.T) {
	h := open(t, func(c *app.Config) { c.Limits = limit.Limits{AccountRate: 1, AccountBurst: 20} })
	box, err := seal.Open(h.Data)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	api := openapi.New(openapi.Config{Store: h.Store, Box: box, Gates: limit.New(limit.Limits{AccountRate: 1, AccountBurst: 3}), Clock: h.Clock, Log: slog.New(slog.NewTextHandler(&log, nil))})
	broken := func(c *openapi.Call) { c.JSON(500, wire.APIAnswer{ErrorCode: "CBC.0999", ErrorMsg: "internal error"}) }
	api.Handle("POST /api/mkp-openapi-public/panic", openapi.Route{Broken: broken, Serve: func(*openapi.Call) error { panic("planted") }})
	api.Handle("POST /api/mkp-openapi-public/error", openapi.Route{Broken: broken, Serve: func(*openapi.Call) error { return errors.New("planted") }})
	api.Handle("POST /api/mkp-openapi-public/echo/{what}", openapi.Route{Broken: broken, Serve: func(c *openapi.Call) error {
		c.JSON(200, wire.APIAnswer{ErrorCode: c.R.PathValue("what"), ErrorMsg: string(c.Body) + " of " + c.Merchant})
		return nil
	}})
	post := func(path string) (int, string) {
		r := httptest.NewRequest(http.MethodPost, "https://cloud.example.com"+path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		if err := sign.SignRequest(r, h.pair, sign.PayloadHash([]byte("{}")), h.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	for _, k := range []struct {
		path   string
		status int
		want   string
	}{
		{"/api/mkp-openapi-public/panic", 500, "CBC.0999"},
		{"/api/mkp-openapi-public/error", 500, "CBC.0999"},
		{"/api/mkp-openapi-public/echo/a%20b", 200, `{"error_code":"a b","error_msg":"{} of ` + h.merchant.ID + `"}`},
		{"/api/mkp-openapi-public/echo/x", 429, "APIGW.0308"},
	} {
		if status, got := post(k.path); status != k.status || !strings.Contains(got, k.want) {
			t.Errorf("%s: %d %s", k.path, status, got)
		}
	}
	for _, want := range []string{"planted", "panic in a request", `pattern="POST /api/mkp-openapi-public/echo/{what}"`, "status=429", "merchant=" + h.merchant.ID} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, log.String())
		}
	}
	if strings.Contains(log.String(), "Signature") || strings.Contains(log.String(), h.pair.Secret) {
		t.Errorf("the log has a secret:\n%s", log.String())
	}
}

// shaken is a store whose access keys cannot be read.
type shaken struct{ meta.Store }

func (shaken) AccessKey(context.Context, string) (meta.AccessKey, error) {
	return meta.AccessKey{}, errors.New("planted")
}

// TestStoreFails: a fault of ours is not the merchant's wrong signature.
func TestStoreFails(t *testing.T) {
	clk := clocktest.New(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC))
	api := openapi.New(openapi.Config{Store: shaken{}, Gates: limit.New(limit.Limits{}), Clock: clk, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	r := httptest.NewRequest(http.MethodGet, "https://cloud.example.com"+query, nil)
	if err := sign.SignRequest(r, sign.KeyPair{Access: "A", Secret: "S"}, sign.PayloadHash(nil), clk.Now()); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	api.ServeHTTP(w, r)
	if w.Code != http.StatusBadGateway || !strings.Contains(w.Body.String(), "APIGW.0201") || strings.Contains(w.Body.String(), "planted") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func FuzzRequest(f *testing.F) {
	clk := clocktest.New(time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC))
	api := openapi.New(openapi.Config{Store: shaken{}, Gates: limit.New(limit.Limits{}), Clock: clk, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	sum := sign.PayloadHash(nil)
	f.Add(wire.PathOrderQuery, "orderId=a", "SDK-HMAC-SHA256 Access=A, SignedHeaders=host;x-sdk-date, Signature="+sum, "20260310T090000Z", sum)
	f.Add(wire.PathOrderQuery+"/", "", "SDK-HMAC-SHA256 Access=A, SignedHeaders=x-sdk-date, Signature=0", "", "")
	f.Add("/api/mkp-openapi-public/global/v1/%2e%2e/x", "a=%zz", "", "20260310T090000Z", sign.Unsigned)
	f.Fuzz(func(t *testing.T, path, query, authorization, date, payload string) {
		r := httptest.NewRequest(http.MethodGet, "https://cloud.example.com/", nil)
		u := *r.URL
		u.Path, u.RawQuery = path, query
		r.URL, r.RequestURI = &u, u.RequestURI()
		r.Header = http.Header{"Authorization": {authorization}, "X-Sdk-Date": {date}, sign.HeaderPayload: {payload}}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		var a wire.APIAnswer
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || !strings.HasPrefix(a.ErrorCode, "APIGW.") || w.Code < 400 {
			t.Errorf("%d %s, %v", w.Code, w.Body, err)
		}
	})
}

func TestOrderCodesAreInTheTable(t *testing.T) {
	for _, suffix := range []string{"0000", "0100", "0101", "0150", "0250", "0999"} {
		if row, ok := wire.LookUp(wire.GroupOrder, "MKT."+suffix, 0); !ok || row.HTTP == 0 || row.Message == "" {
			t.Errorf("MKT.%s: %s", suffix, fmt.Sprint(row))
		}
	}
}
