package openapi

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

var (
	keys = sign.KeyPair{Access: "AK1", Secret: "SK1"}
	now  = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)
)

const usageKey = "usage-key"

// asked is one request that a market got.
type asked struct {
	method, target string
	header         http.Header
	body           []byte
	err            error // of its signature
}

// market is a host of the marketplace: each request is answered by the next handler of the script,
// the last one again and again.
type market struct {
	*httptest.Server
	mu     sync.Mutex // guards what follows
	script []http.HandlerFunc
	got    []asked
	giveUp context.CancelFunc // ends the attempt that is under way
}

func newMarket(t *testing.T, script ...http.HandlerFunc) *market {
	t.Helper()
	m := &market{script: script}
	m.Server = httptest.NewUnstartedServer(m)
	m.Config.ErrorLog = log.New(io.Discard, "", 0) // refused certificates are wanted here
	m.StartTLS()
	t.Cleanup(m.Close)
	return m
}

func (m *market) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	in, err := sign.VerifyRequest(r, func(string) (string, error) { return keys.Secret, nil }, now)
	if err == nil {
		err = in.CheckBody(sign.PayloadHash(body))
	}
	m.mu.Lock()
	m.got = append(m.got, asked{r.Method, r.URL.RequestURI(), r.Header, body, err})
	answer := m.script[min(len(m.got), len(m.script))-1]
	giveUp := m.giveUp
	m.mu.Unlock()
	defer func() {
		switch p := recover(); p {
		case nil:
		case outOfTime:
			giveUp()
			<-r.Context().Done()
			panic(http.ErrAbortHandler) // an answer could still reach a client that is closing
		default:
			panic(p)
		}
	}()
	answer(w, r)
}

func (m *market) requests() []asked {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.got
}

// pauses records what a client would have waited.
type pauses struct{ list []time.Duration }

// client of one or two hosts, whose certificates it trusts. Pauses take no time.
func client(t *testing.T, change func(*Config), hosts ...*market) (*Client, *pauses) {
	t.Helper()
	config := Config{Keys: keys, UsageKey: usageKey, Primary: hosts[0].URL, RootCAs: x509.NewCertPool(), Now: func() time.Time { return now }}
	for _, h := range hosts {
		if h.Server.TLS != nil {
			config.RootCAs.AddCert(h.Certificate())
		}
	}
	if len(hosts) > 1 {
		config.Fallback = hosts[1].URL
	}
	if change != nil {
		change(&config)
	}
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	p := &pauses{}
	c.limit = func(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		for _, h := range hosts {
			h.mu.Lock()
			h.giveUp = cancel
			h.mu.Unlock()
		}
		return ctx, cancel
	}
	c.pause = func(ctx context.Context, d time.Duration) error {
		p.list = append(p.list, d)
		return ctx.Err()
	}
	return c, p
}

// nobody is a host that refuses connections.
func nobody(t *testing.T) *market {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "https://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return &market{Server: &httptest.Server{URL: url}}
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// reset breaks the connection after the request was read.
func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_ = conn.Close()
}

// cut ends the connection in the middle of an answer.
func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "1000")
	_, _ = io.WriteString(w, `{"error_code":"92020000",`)
}

// silent never answers: the time of the attempt runs out as soon as the request was read.
func silent(http.ResponseWriter, *http.Request) { panic(outOfTime) }

const outOfTime = "out of time"

func huge(w http.ResponseWriter, _ *http.Request) {
	_, _ = io.WriteString(w, `{"error_code":"92020000","resultCode":"MKT.0000","x":"`+strings.Repeat("x", maxAnswer)+`"}`)
}

func throttled(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "7")
	says(429, `{"error_msg":"The throttling threshold has been reached","error_code":"APIGW.0308","request_id":"r1"}`)(w, r)
}

const (
	someOrder = `{"resultCode":"MKT.0000","resultMsg":"Success","new":{"member":1},"orderInfo":{"orderId":"CS1","orderType":"NEW","createTime":"20220726064736","orderLine":[
		{"orderLineId":"CS1-000001","chargingMode":"PERIOD","periodType":"year","periodNumber":1,"expireTime":"20230726155959","later":[],
		"productInfo":[{"productId":"OFFI758576253042421760","skuCode":"da9b4d34","linearValue":10,"productName":"名"}]}]}}`
	alive     = `{"error_code":"92020000","error_msg":"success","data":{"license_code":"PL1","status":"ALIVE","expire_time":"20250102030405","amount":2,"order_id":"CS1"}}`
	inactive  = `{"error_code":"92020011","error_msg":"license code has been not activated."}`
	activated = `{"error_code":"92020000","error_msg":"success","data":{"license_code_info":"{\"status\":\"ALIVE\",\"expire_time\":\"20230726121646\",\"product_id\":\"12345\",\"amount\":2,\"order_id\":\"CS123\"}"}}`
	plain     = `{"error_code":"92020000","error_msg":"success"}`
)

func record() wire.UsageRecord {
	return wire.UsageRecord{InstanceID: "i1", RecordTime: "20240102T020000Z", BeginTime: "20240102T010000Z", EndTime: "20240102T020000Z", UsageValue: json.Number("1.5"), MeteringSN: "sn1"}
}

// trial is a call with arguments that are right, and the answer of a success.
type trial struct {
	call   call
	answer string
	run    func(context.Context, *Client) error
}

func trials() []trial {
	n := 3
	return []trial{
		{callOrder, someOrder, func(ctx context.Context, c *Client) error { _, err := c.Order(ctx, "CS1", "CS1-000001"); return err }},
		{callUpload, `{"error_code":"CBC.0000","error_msg":"Success"}`, func(ctx context.Context, c *Client) error { return c.UploadCharacters(ctx, "e1", "licence") }},
		{callUpload, `{"error_code":"MKT.0000","error_msg":"Success"}`, func(ctx context.Context, c *Client) error { return c.UploadFile(ctx, "e1", "a.lic", []byte("licence")) }},
		{callActivateV2, plain, func(ctx context.Context, c *Client) error {
			return c.ActivateBatch(ctx, wire.ActivateBatch{LicenseList: []string{"PL1", "PL2"}, RealEffectTime: "20260102153555"})
		}},
		{callHeartbeat, alive, func(ctx context.Context, c *Client) error {
			_, err := c.Heartbeat(ctx, wire.Heartbeat{License: "PL1"})
			return err
		}},
		{callHeartbeatV2, `{"error_code":"92020000","error_msg":"success","data":[{"license_code":"PL1","status":"ALIVE"}]}`, func(ctx context.Context, c *Client) error {
			_, err := c.HeartbeatBatch(ctx, wire.HeartbeatBatch{LicenseList: []string{"PL1"}})
			return err
		}},
		{callSoftwareUse, plain, func(ctx context.Context, c *Client) error {
			_, err := c.SoftwareUse(ctx, wire.SoftwareUse{UsageInfo: []wire.CodeUse{{License: "PL1", SoftwareUsageInfo: []wire.ClientUse{{ActiveNum: &n}}}}})
			return err
		}},
		{callUsage, `{"error_code":"MKT.0000","error_msg":"Success"}`, func(ctx context.Context, c *Client) error {
			return c.PushUsage(ctx, wire.UsagePush{UsageRecords: []wire.UsageRecord{record()}})
		}},
		{callUsageOld, `{"error_code":"MKT.0000","error_msg":"Success"}`, func(ctx context.Context, c *Client) error {
			r := record()
			r.MeteringSN, r.ProductID = "", "OFFI1"
			return c.PushUsageOld(ctx, wire.UsagePush{UsageRecords: []wire.UsageRecord{r}})
		}},
	}
}
