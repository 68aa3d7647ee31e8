package produce_test

import (
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestEachReadingHasBothSides: a server that reads as the platform does takes its calls, and how an answer is taken.
func TestEachReadingHasBothSides(t *testing.T) {
	body := []byte(`{"b":1,"a":{"d":1,"c":2}}`)
	for _, tt := range []struct {
		name    string
		on      readings.Readings
		code    string
		outcome produce.Outcome
		kind    string // contentType of the query
		digits  int    // of timestamp
	}{
		{"ours", readings.Readings{}, "000004", produce.Processing, "", 13},
		{"ours, seven digits", readings.Readings{}, "0000004", produce.Invalid, "", 13},
		{"SevenDigits", readings.Readings{SevenDigits: true}, "0000004", produce.Processing, "", 13},
		{"SevenDigits, six", readings.Readings{SevenDigits: true}, "000004", produce.Processing, "", 13},
		{"ContentTypeParameter", readings.Readings{ContentTypeParameter: true}, "000004", produce.Processing, "application/json", 13},
		{"PlainDigest", readings.Readings{Signature: sign.Reading{PlainDigest: true}}, "000004", produce.Processing, "", 13},
		{"Ascending", readings.Readings{Signature: sign.Reading{Ascending: true}}, "000004", produce.Processing, "", 13},
		{"Descending", readings.Readings{Signature: sign.Reading{Descending: true}}, "000004", produce.Processing, "", 13},
		{"KitDigest", readings.Readings{Signature: sign.Reading{KitDigest: true}}, "000004", produce.Processing, "", 13},
		{"Seconds", readings.Readings{Signature: sign.Reading{Seconds: true}}, "000004", produce.Processing, "", 10},
		{"UpperHex", readings.Readings{Signature: sign.Reading{UpperHex: true}}, "000004", produce.Processing, "", 13},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				if q := r.URL.Query(); q.Has(sign.ParamSignature) {
					_, err = tt.on.Signature.VerifyProduction(accessKey, q, got, time.Now())
					if q.Get("contentType") != tt.kind || len(q.Get(sign.ParamTimestamp)) != tt.digits {
						t.Errorf("query %v", q)
					}
				} else {
					_, err = tt.on.Signature.VerifyKit(accessKey, r.Header, got, time.Now())
				}
				if err != nil {
					t.Error(err)
				}
				_, _ = io.WriteString(w, `{"resultCode":"`+tt.code+`","instanceId":"i"}`)
			}))
			s := produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(srv.Reach), Clock: clock.System{}, Readings: tt.on})
			to := produce.Target{URL: srv.Base + "/produce", Key: accessKey}
			if x := s.Post(t.Context(), to, wire.ActivityNewInstance, body); x.Outcome != tt.outcome {
				t.Errorf("%s: %s", x.Outcome, x.Verdict)
			}
			if x := s.Send(t.Context(), s.SignKit(to, body), to, wire.KitTenantSync); x.Status != http.StatusOK {
				t.Errorf("kit: %s", x.Verdict)
			}
		})
	}
}

// TestTestFlags: which calls that are none of debugging have one.
func TestTestFlags(t *testing.T) {
	const with, without = `{"activity":"orderNotify","orderId":"o","testFlag":"0"}`, `{"activity":"releaseInstance","instanceId":"i"}`
	for _, tt := range []struct {
		on         readings.Readings
		body, want string
	}{
		{readings.Readings{}, with, with},
		{readings.Readings{}, without, without},
		{readings.Readings{TestFlagAlways: true}, with, with},
		{readings.Readings{TestFlagAlways: true}, without, `{"activity":"releaseInstance","instanceId":"i","testFlag":"0"}`},
		{readings.Readings{TestFlagDebugOnly: true}, with, `{"activity":"orderNotify","orderId":"o"}`},
		{readings.Readings{TestFlagDebugOnly: true}, without, without},
	} {
		if got := string(produce.Flagged(tt.on, []byte(tt.body))); got != tt.want {
			t.Errorf("%+v: %s", tt.on, got)
		}
	}
}

// TestSaaSPlans: the pages of software as a service call for longer and less often.
func TestSaaSPlans(t *testing.T) {
	ours, saas := produce.DefaultPlans(), produce.SaaSPlans()
	for _, tt := range []struct {
		activity  string
		ours      time.Duration
		every, to time.Duration
	}{
		{wire.ActivityNewInstance, 2 * time.Hour, time.Hour, 3 * time.Hour},
		{wire.ActivityUpgradeInstance, 2 * time.Hour, time.Hour, 3 * time.Hour},
		{wire.ActivityRefreshInstance, 2 * time.Hour, 2 * time.Minute, time.Hour},
		{wire.ActivityUpdateInstanceStatus, 2 * time.Hour, 2 * time.Minute, time.Hour},
		{wire.ActivityReleaseInstance, 2 * time.Hour, 2 * time.Minute, time.Hour},
		{wire.ActivityOrderNotify, 3 * time.Hour, 2 * time.Minute, 3 * time.Hour},
	} {
		if p := saas.Of(tt.activity); ours.Of(tt.activity).For != tt.ours || p.Every != tt.every || p.For != tt.to {
			t.Errorf("%s: %+v", tt.activity, p)
		}
	}
}
