package openapi_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestEachReadingHasBothSides: one request is answered by our reading, and by the other one.
func TestEachReadingHasBothSides(t *testing.T) {
	upload := func(payload, request string) func(*testing.T, *house) answer {
		return func(t *testing.T, h *house) answer {
			h.apply(t, "event", "file")
			return h.send(t, h.upload(t, h.pair, "event", payload, multipartOf("x", request)))
		}
	}
	unnamed := fileRequest("x")
	bare := strings.Replace(unnamed, `,"characters":"111"`, "", 1)
	push := func(n int, instance string) func(*testing.T, *house) answer {
		return func(t *testing.T, h *house) answer {
			if err := h.Store.AddMerchantKey(t.Context(), meta.MerchantKey{ID: "key_1", Merchant: h.merchant.ID, Category: meta.KeyBase, Created: h.Clock.Now(),
				Sealed: h.sealed(t, "key_1", "usage key")}, meta.Entry{}); err != nil {
				t.Fatal(err)
			}
			h.meter(t, h.merchant.ID, "used", meta.ChargeOnDemand, meta.ResourceActive)
			now := h.Clock.Now()
			var records []string
			for i := range n {
				begin := wire.FormatUsageTime(now.Add(-time.Hour))
				records = append(records, fmt.Sprintf(`{"begin_time":"%s","end_time":"%s","instance_id":"%s","metering_sn":"s%d","record_time":"%s","usage_value":1}`,
					begin, begin, instance, i, begin))
			}
			body := []byte(`{"usage_records":[` + strings.Join(records, ",") + `]}`)
			r := h.signed(t, h.pair, "POST", wire.PathUsagePush, body)
			sign.SignUsage(r.Header, "usage key", "nonce", now, body)
			return h.send(t, r)
		}
	}
	for _, tt := range []struct {
		name  string
		on    readings.Readings
		do    func(*testing.T, *house) answer
		ours  string // status and code
		other string
	}{
		{"NeedFileName", readings.Readings{NeedFileName: true}, upload("", bare), "200 CBC.0000", "400 CBC.0101"},
		{"NoFileCharacters", readings.Readings{NoFileCharacters: true}, upload("", unnamed), "200 CBC.0000", "400 CBC.0101"},
		{"HashUploads", readings.Readings{HashUploads: true}, upload(sign.Unsigned, unnamed), "200 CBC.0000", "401 APIGW.0301"},
		{"HashUploads, hashed", readings.Readings{HashUploads: true}, upload("", unnamed), "200 CBC.0000", "200 CBC.0000"},
		{"MultipartOnly", readings.Readings{MultipartOnly: true}, func(t *testing.T, h *house) answer {
			h.apply(t, "event", "string")
			return h.post(t, strings.Replace(wire.PathUpload, "{event_id}", "event", 1), `{"type":"CHARACTERS","characters":"x"}`)
		}, "200 CBC.0000", "400 CBC.0101"},
		{"NeedHeartbeatInfo", readings.Readings{NeedHeartbeatInfo: true}, func(t *testing.T, h *house) answer {
			h.addCode(t, h.merchant.ID, "PL1", meta.CodeAlive, h.Clock.Now().Add(time.Hour))
			return h.post(t, wire.PathHeartbeatV1, `{"license":"PL1"}`)
		}, "200 92020000", "400 95000001"},
		{"OldCodeStatuses", readings.Readings{OldCodeStatuses: true}, func(t *testing.T, h *house) answer {
			h.addCode(t, h.merchant.ID, "PL1", meta.CodeCollected, h.Clock.Now().Add(time.Hour))
			return h.post(t, wire.PathActivateV1, `{"license":"PL1","real_effect_time":"20200101000000"}`)
		}, "200 92020002", "400 92020002"},
		{"SmallUsage", readings.Readings{SmallUsage: true}, push(101, "used"), "200 MKT.0000", "500 MKT.9003"},
		{"SmallUsage, 100", readings.Readings{SmallUsage: true}, push(100, "used"), "200 MKT.0000", "200 MKT.0000"},
		{"OldUsageCodes", readings.Readings{OldUsageCodes: true}, push(1, "none"), "200 94060999", "500 MKT.9001"},
	} {
		for _, side := range []struct {
			name string
			on   readings.Readings
			want string
		}{{"ours", readings.Readings{}, tt.ours}, {"the other", tt.on, tt.other}} {
			t.Run(tt.name+"/"+side.name, func(t *testing.T) {
				got := tt.do(t, open(t, func(c *app.Config) { c.Readings = side.on }))
				if s := fmt.Sprint(got.status, " ", got.api.ErrorCode); s != side.want {
					t.Errorf("%s instead of %s: %s", s, side.want, got.body)
				}
			})
		}
	}
}
