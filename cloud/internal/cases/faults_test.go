package cases_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/cases"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/sign"
)

// TestPlantedMistakes: each documented mistake of a server gets the verdict that names it, and nothing is saved.
func TestPlantedMistakes(t *testing.T) {
	p := start(t)
	key := p.keys["base"].Secret
	good := p.put(http.NotFoundHandler())
	say := func(status int, body string, change func(http.Header)) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(sign.HeaderBodySign, sign.BodySign(key, []byte(body)))
			if change != nil {
				change(w.Header())
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body) // its only error is that the platform has gone away
		})
	}
	success := `{"resultCode":"000000","resultMsg":"success.","instanceId":"i-1"}`
	n := 0
	for _, tt := range []struct {
		name, scene string
		handler     http.Handler
		verdict     string
		holds       string // of the text
	}{
		{"wrong signature", "newInstance", say(200, `{"resultCode":"000001","resultMsg":"sign"}`, nil), "result.000001", "lower-case hex of HMAC-SHA256(key, body): "},
		{"seconds", "newInstance", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			code := "000001"
			if len(r.URL.Query().Get("timestamp")) == 10 {
				code = "000000"
			}
			say(200, `{"resultCode":"`+code+`","instanceId":"i-1"}`, nil).ServeHTTP(w, r)
		}), "seconds", "takes the timestamp for seconds"},
		{"a result code", "newInstance", say(200, `{"resultCode":"000100"}`, nil), "result.000100", "no instance left"},
		{"a code that does not exist", "newInstance", say(200, `{"resultCode":"123456"}`, nil), "result.other", "123456"},
		{"no instanceId", "newInstance", say(200, `{"resultCode":"000000"}`, nil), "no_instance", ""},
		{"a field that is too long", "newInstance", say(200, `{"resultCode":"000000","instanceId":"`+strings.Repeat("i", 65)+`"}`, nil), "field", "instanceId"},
		{"a field of another type", "newInstance", say(200, `{"resultCode":0}`, nil), "field", "resultCode"},
		{"wrong Body-Sign", "newInstance", say(200, success, func(h http.Header) { h.Set(sign.HeaderBodySign, sign.BodySign(key, []byte(success+"\n"))) }), "body_sign", sign.BodySign(key, []byte(success))},
		{"Body-Sign of another form", "newInstance", say(200, success, func(h http.Header) { h.Set(sign.HeaderBodySign, bare(key, success)) }), "body_sign", bare(key, success)},
		{"not JSON", "newInstance", say(200, "<html>busy</html>", nil), "not_json", ""},
		{"a name twice", "newInstance", say(200, `{"resultCode":"000000","resultCode":"000000","instanceId":"i"}`, nil), "field", "twice"},
		{"a redirect", "newInstance", say(301, success, func(h http.Header) { h.Set("Location", "https://elsewhere.example.com/") }), "redirect", "elsewhere"},
		{"a status", "newInstance", say(502, success, nil), "status", "502"},
		{"too large", "newInstance", say(200, strings.Repeat(" ", 70<<10), nil), "large", ""},
		{"breaks off", "newInstance", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }), "unreached.cut", ""},
		{"another instance at the repeat", "newInstance", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n++
			say(200, fmt.Sprintf(`{"resultCode":"000000","instanceId":"i-%d"}`, n), nil).ServeHTTP(w, r)
		}), "other_instance", "i-1"},
		{"a repeat that is refused", "newInstance", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n++; n%2 == 1 {
				say(200, success, nil).ServeHTTP(w, r)
				return
			}
			say(200, `{"resultCode":"000005"}`, nil).ServeHTTP(w, r)
		}), "repeat", "internal error"},
		{"works for ever", "releaseInstance", say(200, `{"resultCode":"000004"}`, nil), "processing", ""},
		{"tells nothing", "queryInstance", say(200, `{"resultCode":"000000","info":[]}`, nil), "no_info", "i-9"},
		{"no upload", "getLicenseAsync", say(200, `{"resultCode":"000000"}`, nil), "no_upload", "tev_"},
		{"another key of the kit", "tenantSync", say(200, `{"resultCode":"000001"}`, func(h http.Header) {
			h.Set(sign.HeaderBodySign, sign.BodySign(p.keys["kit"].Secret, []byte(`{"resultCode":"000001"}`)))
		}), "kit.000001", "x-sign"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n = 0
			p.put(tt.handler)
			in := cloudapi.RunCase{Product: "cad", Scene: tt.scene}
			if tt.scene == "queryInstance" || tt.scene == "releaseInstance" || tt.scene == "getLicenseAsync" {
				in.Parameters = map[string]string{"instanceId": "i-9"}
			}
			got := p.run(t, in)
			if got.Passed || got.Case != "" || got.Verdict != tt.verdict || !strings.Contains(got.Text, tt.holds) || got.Text == "" || got.Do == "" {
				t.Errorf("verdict %q: %q (%q)", got.Verdict, got.Text, got.Do)
			}
			if strings.Contains(got.Text+got.Do, "{") && tt.verdict != "result.000001" {
				t.Errorf("a name is left: %q %q", got.Text, got.Do)
			}
			for _, k := range p.keys {
				if strings.Contains(fmt.Sprint(got), k.Secret) {
					t.Error("a key is shown")
				}
			}
		})
	}
	p.put(good)
	if list, err := p.Store.Cases(t.Context(), p.id); err != nil || len(list) != 0 {
		t.Errorf("%d cases are saved, %v", len(list), err)
	}
}

// bare is the signature without its form.
func bare(key, body string) string {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(body))
	return base64.StdEncoding.EncodeToString(m.Sum(nil))
}

// TestCertificateAndReach: what is wrong before the merchant's program hears of anything.
func TestCertificateAndReach(t *testing.T) {
	stranger := producetest.Start(t, http.NotFoundHandler())
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	p := start(t)
	now := p.Clock.Now()
	for name, tt := range map[string]struct{ base, verdict string }{
		"a certificate of nobody": {stranger.Base, "unreached.certificate"},
		"no TLS":                  {strings.Replace(plain.URL, "http://127.0.0.1", "https://localhost", 1), "unreached.tls"},
		"nobody there":            {"https://localhost:1", "unreached.refused"},
	} {
		t.Run(name, func(t *testing.T) {
			a := meta.Address{ID: meta.NewID("adr"), Merchant: p.id, Base: tt.base, Challenge: "c", Created: now}
			if err := p.Store.AddAddress(t.Context(), a, meta.Entry{}); err != nil {
				t.Fatal(err)
			}
			if err := p.Store.VerifyAddress(t.Context(), p.id, a.ID, now, meta.Entry{}); err != nil {
				t.Fatal(err)
			}
			if got := p.run(t, cloudapi.RunCase{URL: tt.base + "/p", Key: p.keys["base"].ID, Scene: "newInstance"}); got.Verdict != tt.verdict || got.Do == "" {
				t.Errorf("verdict %q: %s", got.Verdict, got.Text)
			}
		})
	}
}

// TestProbes: what is on sale is replayed twice a day, a failure makes a notice, and five failing days take
// it off sale.
func TestProbes(t *testing.T) {
	p := start(t)
	box, err := seal.Open(p.Data)
	if err != nil {
		t.Fatal(err)
	}
	room := cases.New(cases.Config{Store: p.Store, Box: box, Clock: p.Clock, Log: slog.New(slog.DiscardHandler), NoSale: 5,
		Sender: produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(p.reach), Clock: p.Clock})})
	if got := p.run(t, cloudapi.RunCase{Product: "cad", Scene: "newInstance"}); !got.Passed {
		t.Fatal(got.Text)
	}
	notices := func() []meta.Notice {
		list, err := p.Store.Notices(t.Context(), p.id, meta.Page{Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	probe := func(after time.Duration) meta.Listing {
		t.Helper()
		p.Clock.Advance(after)
		if err := room.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
		l, err := p.Store.Listing(t.Context(), "cad")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	good := p.put(http.NotFoundHandler())
	probe(time.Hour) // 10:00, no planned time since the case was saved
	if len(notices()) != 0 {
		t.Error("a probe was made before its time")
	}
	p.put(good)
	probe(16 * time.Hour) // 02:00 of the next day
	if len(notices()) != 0 {
		t.Errorf("notices of a good probe: %+v", notices())
	}
	p.put(http.NotFoundHandler())
	for day := range 5 {
		if l := probe(24 * time.Hour); l.OnSale != (day < 4) {
			t.Errorf("on sale after %d failing days: %v", day+1, l.OnSale)
		}
	}
	list := notices()
	if len(list) != 2 || list[0].Event != meta.NoticeDelisted || list[1].Event != meta.NoticeProbe || list[1].Category != "501" || list[1].Count != 5 {
		t.Errorf("notices %+v", list)
	}
}
