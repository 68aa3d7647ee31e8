package openapi_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// apply makes an application of a resource of the merchant that is served.
func (h *house) apply(t *testing.T, event, form string) {
	t.Helper()
	ctx, now := t.Context(), h.Clock.Now()
	boss, err := h.Store.Account(ctx, "boss")
	if err != nil {
		t.Fatal(err)
	}
	res := meta.Resource{ID: "res_" + event, Org: boss.Org, Product: "cad", Merchant: h.merchant.ID, Kind: meta.KindLicense, Spec: "OFFI1", MerchantID: "inst_" + event,
		Order: "CS" + event, Charging: meta.ChargePeriod, Amount: 1, State: meta.ResourceActive, From: now, Until: now.AddDate(1, 0, 0), Term: 1, Created: now}
	if _, err := h.Store.PlaceOrder(ctx, meta.Order{ID: "CS" + event, Org: boss.Org, Type: meta.OrderNew, Line: "CS" + event + "-000001", Spec: "OFFI1", Product: "cad",
		Merchant: h.merchant.ID, Amount: 1, Periods: 1, Resource: res.ID, State: meta.OrderDone, By: "boss", Created: now}, meta.Step{Resource: res}); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Store.Apply(ctx, meta.Apply{Application: meta.Application{Event: event, Key: meta.HashOf(event), Org: boss.Org, Resource: res.ID, Term: 1,
		Account: "boss", Form: form, From: now, Until: res.Until},
		// Not due within the test: nobody is at the other end.
		Call: meta.Call{ID: "cal_" + event, Merchant: h.merchant.ID, Product: "cad", Activity: wire.ActivityGetLicenseAsync, Body: []byte("{}"), State: meta.CallWaiting,
			Created: now, Next: now.Add(time.Hour), End: now.Add(2 * time.Hour)}, Now: now}); err != nil {
		t.Fatal(err)
	}
}

// upload signs a multipart body, its hash or UNSIGNED-PAYLOAD.
func (h *house) upload(t *testing.T, pair sign.KeyPair, event, payload string, body []byte) *http.Request {
	t.Helper()
	r := h.request(t, "POST", strings.Replace(wire.PathUpload, "{event_id}", event, 1), body)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=----b")
	if payload == "" {
		payload = sign.PayloadHash(body)
	} else {
		r.Header.Set(sign.HeaderPayload, payload)
	}
	if err := sign.SignRequest(r, pair, payload, h.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	return r
}

// multipartOf is the form of the page's sample.
func multipartOf(file, json string) []byte {
	return []byte("------b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"111.jpg\"\r\nContent-Type: multipart/form-data\r\n\r\n" + file +
		"\r\n------b\r\nContent-Disposition: form-data; name=\"isvUpdateFileReq\"\r\nContent-Type: application/json\r\n\r\n" + json + "\r\n------b--\r\n")
}

func fileRequest(content string) string {
	s := sha256.Sum256([]byte(content))
	return `{"type":"FILE","sha256":"` + hex.EncodeToString(s[:]) + `","characters":"111"}`
}

func TestUploadsServed(t *testing.T) {
	h := open(t)
	_, _, other := h.sell(t, "other")
	const event, licence = "87b94795-0603-4e24-8ae5-69420d60e3c8", "\x00licence\xff"
	h.apply(t, event, "file")
	h.apply(t, "text", "string")
	good := multipartOf(licence, fileRequest(licence))
	large := strings.Repeat("x", 1<<20+1)
	refusedThen := []struct {
		name    string
		request *http.Request
		status  int
		code    string
		message string
	}{
		{"wrong hash", h.upload(t, h.pair, event, sign.Unsigned, multipartOf(licence, fileRequest("other"))), 400, "CBC.0101", "Invalid parameter"},
		{"no body", h.upload(t, h.pair, event, "", nil), 400, "CBC.0101", "Invalid parameter"},
		{"cut short", h.upload(t, h.pair, event, "", good[:len(good)-9]), 400, "CBC.0101", "Invalid parameter"},
		{"long event", h.upload(t, h.pair, strings.Repeat("e", 65), "", good), 400, "CBC.0101", "Invalid parameter"},
		{"unknown event", h.upload(t, h.pair, strings.Repeat("e", 64), "", good), 200, "91381034", "license apply invalid"},
		{"foreign event", h.upload(t, other, event, "", good), 200, "91381034", "license apply invalid"},
		{"over 1 MiB", h.upload(t, h.pair, event, sign.Unsigned, multipartOf(large, fileRequest(large))), 200, "91381037", "Invalid license format."},
		{"empty", h.upload(t, h.pair, event, sign.Unsigned, multipartOf("", fileRequest(""))), 200, "91381037", "Invalid license format."},
		{"a binary file for a string", h.upload(t, h.pair, "text", "", good), 200, "91381037", "Invalid license format."},
		{"over 12 MB", h.upload(t, h.pair, event, sign.Unsigned, bytes.Repeat([]byte("x"), 12<<20+1)), 413, "APIGW.0201", "Request entity too large."},
		{"a changed body", body(h.upload(t, h.pair, event, "", good), string(multipartOf("x", fileRequest("x")))), 401, "APIGW.0301", ""},
	}
	for _, tt := range refusedThen {
		t.Run(tt.name, func(t *testing.T) {
			got := h.send(t, tt.request)
			if got.status != tt.status || got.api.ErrorCode != tt.code || tt.message != "" && got.api.ErrorMsg != tt.message {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
	for _, e := range []string{event, "text"} {
		if a, err := h.Store.Application(t.Context(), e); err != nil || a.State != meta.ApplicationAsking {
			t.Fatalf("after refusals %s is %s, %v", e, a.State, err)
		}
	}
	for name, r := range map[string]*http.Request{
		"unsigned payload": h.upload(t, h.pair, event, sign.Unsigned, good),
		"hashed payload":   h.upload(t, h.pair, event, "", good),
	} {
		if got := h.send(t, r); got.status != 200 || got.body != `{"error_code":"CBC.0000","error_msg":"Success"}` {
			t.Errorf("%s: %d %s", name, got.status, got.body)
		}
	}
	if got := h.send(t, h.upload(t, h.pair, event, "", multipartOf("other", fileRequest("other")))); got.status != 200 || got.api.ErrorCode != "91381034" {
		t.Errorf("other bytes: %d %s", got.status, got.body)
	}
	a, err := h.Store.Application(t.Context(), event)
	if err != nil || string(a.Content) != licence || a.FileName != "111.jpg" {
		t.Errorf("kept %q as %s, %v", a.Content, a.FileName, err)
	}
	r := h.signed(t, h.pair, "POST", strings.Replace(wire.PathUpload, "{event_id}", "text", 1), []byte(`{"type":"CHARACTERS","characters":"L"}`))
	if got := h.send(t, r); got.api.ErrorCode != "CBC.0000" {
		t.Errorf("JSON alone: %d %s", got.status, got.body)
	}
	if got := h.send(t, h.signed(t, h.pair, "GET", strings.Replace(wire.PathUpload, "{event_id}", "text", 1), nil)); got.status != 404 || got.api.ErrorCode != "APIGW.0101" {
		t.Errorf("GET: %d %s", got.status, got.body)
	}
}
