package openapi_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/merchant/openapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestTheISVsClient: package merchant/openapi, which an ISV takes, gets from this side what its own
// tests make up: each call's success, and refusals with the step that follows.
func TestTheISVsClient(t *testing.T) {
	h := open(t)
	const key = "f0b0a6e3-base-key"
	if err := h.Store.AddMerchantKey(t.Context(), meta.MerchantKey{ID: "key_1", Merchant: h.merchant.ID, Category: meta.KeyBase, Created: h.Clock.Now(),
		Sealed: h.sealed(t, "key_1", key)}, meta.Entry{}); err != nil {
		t.Fatal(err)
	}
	end := h.Clock.Now().AddDate(1, 0, 0)
	for name, state := range map[string]string{"PLONE": meta.CodeCollected, "PLTWO": meta.CodeCollected, "PLTHREE": meta.CodeDelivered} {
		h.addCode(t, h.merchant.ID, name, state, end)
	}
	h.meter(t, h.merchant.ID, "used", meta.ChargeOnDemand, meta.ResourceActive)
	config := openapi.Config{Keys: h.pair, UsageKey: key, Primary: h.URL, Now: h.Clock.Now,
		RootCAs: h.Plain.Transport.(*http.Transport).TLSClientConfig.RootCAs}
	client := func(change func(*openapi.Config)) *openapi.Client {
		t.Helper()
		c := config
		change(&c)
		got, err := openapi.New(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(got.Close)
		return got
	}
	c := client(func(*openapi.Config) {})
	ctx := t.Context()

	order, err := c.Order(ctx, "MOCKPERIODYEARNEW", "MOCKPERIODYEARNEW-000001")
	if err != nil || order.Line("").ChargingMode != meta.ChargePeriod || order.Line("").ProductInfo[0].LinearValue != "10" {
		t.Errorf("order: %+v, %v", order, err)
	}
	code, err := c.Activate(ctx, wire.Activate{License: "PLONE"})
	if want := (wire.ActivatedCode{Status: wire.CodeAlive, ExpireTime: wire.FormatTime(end), Amount: 2, OrderID: "CS1"}); err != nil || code != want {
		t.Errorf("activate: %+v, %v", code, err)
	}
	info, err := c.Heartbeat(ctx, wire.Heartbeat{License: "PLONE"})
	if err != nil || info.Status != wire.CodeAlive || info.ExpireTime != wire.FormatTime(end) {
		t.Errorf("heartbeat: %+v, %v", info, err)
	}
	if err := c.ActivateBatch(ctx, wire.ActivateBatch{LicenseList: []string{"PLTWO"}}); err != nil {
		t.Errorf("activate v2: %v", err)
	}
	list, err := c.HeartbeatBatch(ctx, wire.HeartbeatBatch{LicenseList: []string{"PLONE", "PLTWO"}})
	if err != nil || len(list) != 2 || list[1].LicenseCode != "PLTWO" {
		t.Errorf("heartbeat v2: %+v, %v", list, err)
	}
	if _, err := c.SoftwareUse(ctx, wire.SoftwareUse{UsageInfo: []wire.CodeUse{{License: "PLONE", SoftwareUsageInfo: []wire.ClientUse{{ID: "a"}}}}}); err != nil {
		t.Errorf("software usage: %v", err)
	}
	record := wire.UsageRecord{InstanceID: "used", MeteringSN: "s1", UsageValue: "1.5", RecordTime: wire.FormatUsageTime(h.Clock.Now()),
		BeginTime: wire.FormatUsageTime(h.Clock.Now().Add(-2 * time.Hour)), EndTime: wire.FormatUsageTime(h.Clock.Now().Add(-time.Hour))}
	for range 2 { // the number makes the second one a repeat
		if err := c.PushUsage(ctx, wire.UsagePush{UsageRecords: []wire.UsageRecord{record}}); err != nil {
			t.Errorf("usage push: %v", err)
		}
	}
	old := record
	old.MeteringSN, old.ProductID = "", "OFFI1"
	if err := c.PushUsageOld(ctx, wire.UsagePush{UsageRecords: []wire.UsageRecord{old}}); err != nil {
		t.Errorf("usage push, old: %v", err)
	}

	wrong := client(func(c *openapi.Config) { c.Keys.Secret += "x" })
	late := client(func(c *openapi.Config) {
		c.Now = func() time.Time { return h.Clock.Now().Add(-15*time.Minute - time.Second) }
	})
	badUsage := client(func(c *openapi.Config) { c.UsageKey += "x" })
	hashed := client(func(c *openapi.Config) { c.Readings = openapi.Readings{OmitFileName: true, HashUploads: true} })
	for _, r := range []struct {
		what string
		run  func() error
		code string
		step wire.Step
	}{
		{"order of nobody", func() error { _, err := c.Order(ctx, "CS404", ""); return err }, "MKT.0150", wire.StepForeign},
		{"characters for an event of nobody", func() error { return c.UploadCharacters(ctx, "e404", "licence") }, "91381034", wire.StepForeign},
		{"file for an event of nobody", func() error { return c.UploadFile(ctx, "e404", "许可.lic", []byte("licence")) }, "91381034", wire.StepForeign},
		{"the same by the other readings", func() error { return hashed.UploadFile(ctx, "e404", "许可.lic", []byte("licence")) }, "91381034", wire.StepForeign},
		{"activated twice", func() error { _, err := c.Activate(ctx, wire.Activate{License: "PLONE"}); return err }, "92020003", wire.StepState},
		{"activated too early", func() error { _, err := c.Activate(ctx, wire.Activate{License: "PLTHREE"}); return err }, "92020004", wire.StepState},
		{"heartbeat before", func() error { _, err := c.Heartbeat(ctx, wire.Heartbeat{License: "PLTHREE"}); return err }, "92020011", wire.StepState},
		{"code of nobody", func() error { _, err := c.Heartbeat(ctx, wire.Heartbeat{License: "PL404"}); return err }, "92020005", wire.StepForeign},
		{"usage with another key", func() error { return badUsage.PushUsage(ctx, wire.UsagePush{UsageRecords: []wire.UsageRecord{record}}) }, "MKT.0102", wire.StepKeys},
		{"another secret", func() error { _, err := wrong.Order(ctx, "CS1", ""); return err }, "APIGW.0301", wire.StepKeys},
		{"a clock 15 minutes behind", func() error { _, err := late.Order(ctx, "CS1", ""); return err }, "APIGW.0301", wire.StepKeys},
	} {
		err := r.run()
		var e *openapi.Error
		if !errors.As(err, &e) || e.Code != r.code || e.Step != r.step || e.Maybe {
			t.Errorf("%s: got %v, want %s and step %q", r.what, err, r.code, r.step)
		}
	}
}
