package produce_test

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const accessKey = "d0f1c2b3-a495-4687-9807-162534435261"

// TestAnswersAreJudged: every kind of answer with what it counts as, and what a person is told.
func TestAnswersAreJudged(t *testing.T) {
	long := strings.Repeat("x", 65)
	good := `{"resultCode":"000000","resultMsg":"success.","instanceId":"i1"}`
	wrong := `sign_type="HMAC-SHA256", signature= "` + base64.StdEncoding.EncodeToString(make([]byte, 32)) + `"`
	for _, tt := range []struct {
		name     string
		status   int
		body     string
		headers  []string // of Body-Sign; "good" stands for the right one
		required bool
		outcome  produce.Outcome
		signed   produce.Signed
		verdict  string // part of it
	}{
		{"success", 200, good, []string{"good"}, true, produce.Done, produce.SignGood, "success"},
		{"no signature", 200, good, nil, false, produce.Done, produce.SignAbsent, "success"},
		{"no signature where one is required", 200, good, nil, true, produce.Invalid, produce.SignAbsent, "no Body-Sign"},
		{"wrong signature", 200, good, []string{wrong}, false, produce.Invalid, produce.SignWrong, "Body-Sign is not"},
		{"a signature in another form", 200, good, []string{"abc"}, false, produce.Invalid, produce.SignWrong, "Body-Sign is not"},
		{"two signatures", 200, good, []string{"good", "good"}, false, produce.Invalid, produce.SignWrong, "more than one"},
		{"still at work", 200, `{"resultCode":"000004","instanceId":"i1"}`, []string{"good"}, false, produce.Processing, produce.SignGood, "still at work"},
		{"at work on nothing", 200, `{"resultCode":"000004"}`, []string{"good"}, false, produce.Invalid, produce.SignGood, "instanceId"},
		{"seven digits", 200, `{"resultCode":"0000004","instanceId":"i1"}`, nil, false, produce.Invalid, produce.SignAbsent, "resultCode"},
		{"refused", 200, `{"resultCode":"000100"}`, nil, false, produce.Refused, produce.SignAbsent, "000100: no instance"},
		{"a code that is not listed", 200, `{"resultCode":"999999"}`, nil, false, produce.Refused, produce.SignAbsent, "not documented"},
		{"a number as code", 200, `{"resultCode":0,"instanceId":"i1"}`, nil, false, produce.Invalid, produce.SignAbsent, "resultCode"},
		{"no code", 200, `{"instanceId":"i1"}`, nil, false, produce.Invalid, produce.SignAbsent, "resultCode"},
		{"success of nothing", 200, `{"resultCode":"000000"}`, nil, false, produce.Invalid, produce.SignAbsent, "instanceId"},
		{"a long instanceId", 200, `{"resultCode":"000000","instanceId":"` + long + `"}`, nil, false, produce.Invalid, produce.SignAbsent, "instanceId"},
		{"64 characters", 200, `{"resultCode":"000000","instanceId":"` + long[1:] + `"}`, nil, false, produce.Done, produce.SignAbsent, "success"},
		{"a long message", 200, `{"resultCode":"000005","resultMsg":"` + strings.Repeat("汉", 256) + `"}`, nil, false, produce.Invalid, produce.SignAbsent, "resultMsg"},
		{"255 characters", 200, `{"resultCode":"000005","resultMsg":"` + strings.Repeat("汉", 255) + `"}`, nil, false, produce.Refused, produce.SignAbsent, "000005"},
		{"the code twice", 200, `{"resultCode":"000005","resultCode":"000000","instanceId":"i1"}`, nil, false, produce.Invalid, produce.SignAbsent, "twice"},
		{"nothing", 200, "", nil, false, produce.Invalid, produce.SignAbsent, "empty"},
		{"no JSON", 200, "<html>", nil, false, produce.Invalid, produce.SignAbsent, "not JSON"},
		{"a list", 200, "[]", nil, false, produce.Invalid, produce.SignAbsent, "not a JSON object"},
		{"status 500", 500, good, []string{"good"}, false, produce.Invalid, produce.SignGood, "HTTP status 500"},
		{"status 201", 201, good, nil, false, produce.Invalid, produce.SignAbsent, "HTTP status 201"},
		{"a redirect", 302, good, nil, false, produce.Invalid, produce.SignAbsent, "HTTP status 302"},
		{"64 KiB", 200, `{"resultCode":"000000","instanceId":"i1"}` + strings.Repeat(" ", produce.MaxAnswer-41), nil, false, produce.Done, produce.SignAbsent, "success"},
		{"one byte more", 200, `{"resultCode":"000000","instanceId":"i1"}` + strings.Repeat(" ", produce.MaxAnswer-40), nil, false, produce.Invalid, produce.SignAbsent, "larger than"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.Header.Get("Accept") != "application/json" || r.Header.Get("Content-Type") != "application/json;charset=utf8" {
					t.Errorf("%s with %v", r.Method, r.Header)
				}
				for _, h := range tt.headers {
					if h == "good" {
						h = sign.BodySign(accessKey, []byte(tt.body))
					}
					w.Header().Add(sign.HeaderBodySign, h)
				}
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			s := produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(srv.Reach), Clock: clock.System{}, RequireSign: tt.required})
			x := s.Post(t.Context(), produce.Target{URL: srv.Base + "/produce", Key: accessKey}, wire.ActivityNewInstance, []byte(`{}`))
			if x.Outcome != tt.outcome || x.Signed != tt.signed || !strings.Contains(x.Verdict, tt.verdict) {
				t.Errorf("%s, signature %s: %s; want %s, %s: %s", x.Outcome, x.Signed, x.Verdict, tt.outcome, tt.signed, tt.verdict)
			}
			if tt.name != "one byte more" && (x.Status != tt.status || string(x.Answer) != tt.body) {
				t.Errorf("status %d, answer of %d bytes", x.Status, len(x.Answer))
			}
			if strings.Contains(x.URL, accessKey) || strings.Contains(x.Verdict, accessKey) {
				t.Error("the exchange shows the access key")
			}
		})
	}
}

// TestNoAnswer: a merchant that hangs, breaks off or cannot be reached costs the limit at most, and the
// sentence gives away neither the signature nor an address.
func TestNoAnswer(t *testing.T) {
	hang := make(chan struct{})
	srv := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hang":
			<-hang
		case "/dribble":
			for range 1000 {
				select {
				case <-hang:
					return
				case <-time.After(5 * time.Millisecond):
				}
				_, _ = w.Write([]byte(" "))
				w.(http.Flusher).Flush()
			}
		case "/break":
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}
	}))
	t.Cleanup(func() { close(hang) })
	s := produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(srv.Reach), Clock: clock.System{}, Limit: 300 * time.Millisecond})
	strict := produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(produce.Reach{AnyPort: true}), Clock: clock.System{}})
	stranger := srv.Reach
	stranger.Roots = nil
	unknown := produce.NewSender(produce.SenderConfig{Caller: produce.NewCaller(stranger), Clock: clock.System{}})
	for _, tt := range []struct {
		name    string
		s       *produce.Sender
		url     string
		verdict string
	}{
		{"hangs", s, srv.Base + "/hang", "no complete answer"},
		{"dribbles", s, srv.Base + "/dribble", "no complete answer"},
		{"breaks off", s, srv.Base + "/break", "ended before"},
		{"refuses", s, "https://localhost:1", "refused"},
		{"no such name", s, "https://no-such-name.invalid", ""},
		{"an address of the operator's network", strict, srv.Base, "not a public address"},
		{"a certificate of nobody", unknown, srv.Base, "certificate"},
		{"an IP address", s, "https://127.0.0.1:4433/", "may not be called"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := tt.s.Post(t.Context(), produce.Target{URL: tt.url, Key: accessKey}, wire.ActivityNewInstance, []byte(`{}`))
			if x.Outcome != produce.Unreached || x.Status != 0 || !strings.Contains(x.Verdict, tt.verdict) || strings.Contains(x.Verdict, "signature=") {
				t.Errorf("%s: %s", x.Outcome, x.Verdict)
			}
		})
	}
	ctx, end := context.WithCancel(t.Context())
	end()
	if x := s.Post(ctx, produce.Target{URL: srv.Base, Key: accessKey}, wire.ActivityNewInstance, nil); x.Outcome != produce.Unreached {
		t.Errorf("%+v", x)
	}
}
