package merchant

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestEachReadingHasBothSides: what a call is answered by our reading, and by the other one.
func TestEachReadingHasBothSides(t *testing.T) {
	post := func(key, body string) func(*desk) *httptest.ResponseRecorder {
		return func(d *desk) *httptest.ResponseRecorder {
			return d.send(sign.SignProduction(key, sign.NewNonce(), start, []byte(body)).Encode(), []byte(body))
		}
	}
	signed := func(r sign.Reading) func(*desk) *httptest.ResponseRecorder {
		return func(d *desk) *httptest.ResponseRecorder {
			body := []byte(`{"orderLineId":"l", "activity":"orderNotify","orderId":"o"}`)
			nonce, timestamp := sign.NewNonce(), r.Timestamp(start)
			signature, err := r.Production(notifyKey, nonce, timestamp, body)
			if err != nil {
				d.t.Fatal(err)
			}
			return d.send(url.Values{"signature": {signature}, "timestamp": {timestamp}, "nonce": {nonce}}.Encode(), body)
		}
	}
	kit := func(r sign.Reading, call, body string) func(*desk) *httptest.ResponseRecorder {
		return func(d *desk) *httptest.ResponseRecorder {
			q := httptest.NewRequest(http.MethodPost, wire.KitV2Path+call, strings.NewReader(body))
			if err := r.SignKit(q.Header, kitKey, sign.NewNonce(), start, []byte(body)); err != nil {
				d.t.Fatal(err)
			}
			w := httptest.NewRecorder()
			d.h.ServeHTTP(w, q)
			return w
		}
	}
	kitOld := func(form sign.TokenForm, timeStamp string) func(*desk) *httptest.ResponseRecorder {
		return func(d *desk) *httptest.ResponseRecorder {
			body := `{"instanceId":"","tenantId":"t","orgCode":"c","orgName":"n","flag":"1","testFlag":"0","timeStamp":"` + timeStamp + `"}`
			params, err := wire.KitParams([]byte(body))
			if err != nil {
				d.t.Fatal(err)
			}
			q := httptest.NewRequest(http.MethodPost, wire.KitV1Path+wire.KitSingleOrgSync, strings.NewReader(body))
			token, err := sign.Token(kitKey, params, form)
			if err != nil {
				d.t.Fatal(err)
			}
			q.Header.Set("authToken", token)
			w := httptest.NewRecorder()
			d.h.ServeHTTP(w, q)
			return w
		}
	}
	get := func(params string) func(*desk) *httptest.ResponseRecorder {
		return func(d *desk) *httptest.ResponseRecorder { return d.get(d.token(baseKey, params)) }
	}
	utc, china := wire.FormatMillis(start.UTC()), wire.FormatMillis(start.In(wire.KitZone()))
	org := `{"tenantId":"t","orgCode":"c","orgName":"n","flag":1,"testFlag":0,"timeStamp":"` + china + `"}`
	license := func(at string) string {
		return `{"activity":"getLicenseAsync","eventId":"e","instanceId":"i","effectiveTime":"` + at + `"}`
	}
	purchase := "activity=newInstance&businessId=b&orderId=o&productId=p&customerId=c"
	for _, tt := range []struct {
		name     string
		switchOn func(*Readings)
		call     func(*desk) *httptest.ResponseRecorder
		ours     string // stands in the answer
		other    string
	}{
		{"Signature.PlainDigest", func(r *Readings) { r.Signature.PlainDigest = true }, signed(sign.Reading{PlainDigest: true}), "000001", "000000"},
		{"Signature.Ascending", func(r *Readings) { r.Signature.Ascending = true }, signed(sign.Reading{Ascending: true}), "000001", "000000"},
		{"Signature.Descending", func(r *Readings) { r.Signature.Descending = true }, signed(sign.Reading{Descending: true}), "000001", "000000"},
		{"Signature.Seconds", func(r *Readings) { r.Signature.Seconds = true }, signed(sign.Reading{}), "000000", "000001"},
		{"Signature.Millis", func(r *Readings) { r.Signature.Millis = true }, signed(sign.Reading{Seconds: true}), "000000", "000001"},
		{"Signature.UpperHex", func(r *Readings) { r.Signature.UpperHex = true }, signed(sign.Reading{}), "000000", "000001"},
		{"Signature.LowerHex", func(r *Readings) { r.Signature.LowerHex = true }, signed(sign.Reading{UpperHex: true}), "000000", "000001"},
		{"Signature.KitDigest", func(r *Readings) { r.Signature.KitDigest = true }, kit(sign.Reading{KitDigest: true}, wire.KitSingleOrgSync, org), "000001", "000000"},
		{"SevenDigits", func(r *Readings) { r.SevenDigits = true },
			post(baseKey, `{"activity":"newInstance","businessId":"b","orderId":"o","orderLineId":"l"}`), `"000004"`, `"0000004"`},
		{"LicenseGuide, query", func(r *Readings) { r.LicenseGuide = true }, post(baseKey, `{"activity":"queryInstance","instanceId":"i"}`), "000000", "000002"},
		{"LicenseGuide, scene", func(r *Readings) { r.LicenseGuide = true },
			post(baseKey, `{"activity":"refreshInstance","expireTime":"20270101000000","instanceId":"i","orderId":"o","orderLineId":"l","scene":"RENEWAL_CHANGE"}`), "000000", "000002"},
		{"NeedTestFlag", func(r *Readings) { r.NeedTestFlag = true }, post(notifyKey, `{"activity":"orderNotify","orderId":"o","orderLineId":"l"}`), "000000", "000002"},
		{"SpelledTimes", func(r *Readings) { r.SpelledTimes = true }, post(baseKey, license("20260304050607")), "000000", "000002"},
		{"SpelledTimes, spelled", func(r *Readings) { r.SpelledTimes = true }, post(baseKey, license("2026-03-04 05:06:07 z")), "000000", "000000"},
		{"ShortIDs", func(r *Readings) { r.ShortIDs = true },
			post(baseKey, `{"activity":"queryInstance","instanceId":"`+strings.Repeat("i", 60)+","+strings.Repeat("j", 60)+`"}`), "000000", "000002"},
		{"EncryptQuery", func(r *Readings) { r.EncryptQuery = true }, post(baseKey, `{"activity":"queryInstance","instanceId":"i"}`), `"userName":"admin"`, `"encryptType":"1"`},
		{"V1NeedOrderID", func(r *Readings) { r.V1NeedOrderID = true }, get("activity=expireInstance&instanceId=i"), "000000", "000002"},
		{"V1NeedCustomerName", func(r *Readings) { r.V1NeedCustomerName = true }, get(purchase), "000000", "000002"},
		{"V1ShortAmounts", func(r *Readings) { r.V1ShortAmounts = true }, get(purchase + "&customerName=n&amount=12345"), "000000", "000002"},
		{"V1BlankValues", func(r *Readings) { r.V1BlankValues = true }, kitOld(sign.TokenWholeBody, china), "000001", "000000"},
		{"KitUTC", func(r *Readings) { r.KitUTC = true }, kitOld(sign.TokenBody, china), "000000", "000001"},
		{"KitUTC, UTC", func(r *Readings) { r.KitUTC = true }, kitOld(sign.TokenBody, utc), "000000", "000000"},
		{"KitTables", func(r *Readings) { r.KitTables = true },
			kit(sign.Reading{}, wire.KitAllOrgSync, `{"tenantId":"t","orgInfoList":"[]","testFlag":0,"timeStamp":"`+china+`"}`), "000000", "000002"},
		{"KitTables, digits", func(r *Readings) { r.KitTables = true },
			kit(sign.Reading{}, wire.KitSingleOrgSync, strings.Replace(org, `"flag":1`, `"flag":"1"`, 1)), "000000", "000002"},
		{"KitBlankCode", func(r *Readings) { r.KitBlankCode = true }, kit(sign.Reading{}, wire.KitSingleOrgSync, org), `{"resultCode"`, `{" resultCode"`},
	} {
		for _, side := range []struct {
			name string
			on   bool
			want string
		}{{"ours", false, tt.ours}, {"the other", true, tt.other}} {
			t.Run(tt.name+"/"+side.name, func(t *testing.T) {
				d, _ := kitDesk(t, func(o *Options) {
					if side.on {
						tt.switchOn(&o.Readings)
					}
					o.Calls = Callbacks{
						NewInstance:     func(context.Context, wire.NewInstance, Attempt) (Provision, error) { return 0, ErrProcessing },
						RefreshInstance: func(context.Context, wire.RefreshInstance, Attempt) error { return nil },
						OrderNotify:     func(context.Context, wire.OrderNotify) error { return nil },
						GetLicenseAsync: func(context.Context, wire.GetLicenseAsync, Attempt) (License, error) {
							return License{Content: []byte("x")}, nil
						},
						QueryInstance: func(_ context.Context, r wire.QueryInstance) ([]wire.InstanceInfo, error) {
							return []wire.InstanceInfo{{InstanceID: r.IDs()[0], AppInfo: &wire.AppInfo{FrontEndURL: "https://a", UserName: "admin"}}}, nil
						},
					}
					o.Upload = func(context.Context, string, License) error { return nil }
					o.V1 = V1{
						NewInstance:    func(context.Context, wire.V1Purchase, Attempt) (V1Instance, error) { return V1Instance{}, nil },
						ExpireInstance: func(context.Context, wire.V1Instance, Attempt) error { return nil },
					}
				})
				if w := tt.call(d); !strings.Contains(w.Body.String(), side.want) {
					t.Errorf("%s instead of %s", w.Body, side.want)
				}
			})
		}
	}
}
