package license

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/agent/internal/service/eventstest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const application = "87b94795-0603-4e24-8ae5-69420d60e3c8"

// publish makes minicad a product of the marketplace whose publisher answers after n questions.
func (b *bench) publish(n int) {
	b.product(func(p *cloudtest.Product) {
		p.Event, p.Pending, p.RetryAfter, p.FingerprintForm = application, n, 2, cloudapi.FingerprintFull
	})
}

// waiting holds what operation.get says while op waits, and gives its params.
func (b *bench) waiting(op api.Operation) map[string]string {
	b.t.Helper()
	st := b.events.Get(b.owner(), op)
	if st.State != api.OpQueued || st.Waits == nil || st.Event != nil || st.Waits.Type != api.EventLicensePending ||
		st.Waits.Envelope.Operate != api.OperateLicensePending {
		b.t.Errorf("while it waits: %+v", st)
		return nil
	}
	eventstest.Documented(b.t, st.Waits)
	return st.Waits.Envelope.Params
}

func TestPublisherMakesTheLicence(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.publish(3)
	b.inPause(func(context.Context, int) error {
		p := b.waiting(1)
		if p["waitsFor"] != api.WaitsPublisher || p["event"] != application || !strings.Contains(p["reason"], "publisher is making") || p["hint"] == "" || p["code"] != "" || p["until"] == "" {
			t.Errorf("while it waits: %v", p)
		}
		if n := b.events.Queued("1000"); n != 0 {
			t.Errorf("%d saves wait: a licence is none", n)
		}
		return nil
	})
	p, state := b.request(api.FormString)
	if state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" || p["event"] != application || p["fingerprintForm"] != "full" || p["offline"] != "false" {
		t.Errorf("ended %s %v", state, p)
	}
	b.fake.Lock()
	asked := b.fake.Requests
	b.fake.Unlock()
	if len(asked) != 4 {
		t.Fatalf("asked %d times", len(asked))
	}
	for _, a := range asked {
		if !reflect.DeepEqual(a, asked[0]) {
			t.Errorf("asked %+v, at first %+v", a, asked[0])
		}
	}
	for _, d := range b.pauses {
		if d < 2*time.Second || d > 3*time.Second {
			t.Errorf("paused %v where the cloud wishes for 2 s", d)
		}
	}
	b.fake.Set(cloudtest.Down)
	if p, state = b.request(api.FormString); state != api.OpDone || p["offline"] != "true" || p["event"] != application || p["fingerprintForm"] != "full" {
		t.Errorf("from the cache: %s %v", state, p)
	}
}

// TestPendingForEver: the wait has an end, and does not become a storm of questions or of events.
func TestPendingForEver(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		retry  int
		most   int
		change bool
	}{
		"as it should": {20, 500, false}, "at once": {0, 700, false}, "before": {-5, 700, false}, "in a year": {math.MaxInt32, 40, false},
		"another event each time": {1, 700, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.fake.Lock()
			b.fake.Odd = true // no cloud asks for less than a second
			b.fake.Unlock()
			b.publish(-1)
			told := map[string]bool{}
			b.inPause(func(_ context.Context, n int) error {
				b.product(func(p *cloudtest.Product) {
					p.RetryAfter = c.retry
					if c.change {
						p.Event = "event-" + strconv.Itoa(n)
					}
				})
				told[b.waiting(1)["event"]] = true
				return nil
			})
			from := b.world.real()
			p, state := b.request(api.FormString)
			if state != api.OpFailed || p["code"] != strconv.Itoa(int(api.LicenseLate)) || p["reason"] == "" {
				t.Errorf("ended %s %v", state, p)
			}
			if took := b.world.real().Sub(from); took < patience || took > patience+2*askSlowest {
				t.Errorf("gave up after %v", took)
			}
			if len(b.pauses) > c.most || len(told) > int(patience/tellEvery)+1 {
				t.Errorf("asked %d times, told of %d events", len(b.pauses), len(told))
			}
			for _, d := range b.pauses {
				if d < askSoonest {
					t.Fatalf("a pause of %v", d)
				}
			}
			b.want("afterwards", api.StateUnknown, api.LicenseUnknown)
		})
	}
}

// TestRenewedLicenceTakesTooLong: at the end of the wait, and while the cloud is away, what was given before is handed out.
func TestRenewedLicenceTakesTooLong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	b.publish(-1)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" || p["offline"] != "true" {
		t.Errorf("never made: %s %v", state, p)
	}
	b.product(func(p *cloudtest.Product) { p.Content = "MINICAD1|renewed" })
	b.inPause(func(context.Context, int) error { b.fake.Set(cloudtest.Down); return nil })
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" || p["offline"] != "true" {
		t.Errorf("cloud away meanwhile: %s %v", state, p)
	}
	b.fake.Set(cloudtest.Up)
	b.publish(0)
	b.inPause(nil)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|renewed" {
		t.Errorf("made at last: %s %v", state, p)
	}
	b.fake.Set(cloudtest.Down)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|renewed" {
		t.Errorf("the new one has not replaced the old one: %s %v", state, p)
	}
}

// TestWaitOutlivesRestarts kills the agent in the middle of the wait, with the cloud up and away.
func TestWaitOutlivesRestarts(t *testing.T) {
	t.Parallel()
	for _, outage := range []string{cloudtest.Up, cloudtest.Down, cloudtest.Broken} {
		t.Run("cloud "+outage, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.publish(-1)
			paused := make(chan struct{}, 1)
			block := func(ctx context.Context, _ int) error {
				select {
				case paused <- struct{}{}:
				default:
				}
				<-ctx.Done()
				return ctx.Err()
			}
			b.inPause(block)
			st, err := b.room.Request(ctx, app, api.LicenseRequest{Form: api.FormFile, FileName: "a.lic", DevInfo: "X", ComeBack: `{"k":1}`})
			if err != nil {
				t.Fatal(err)
			}
			<-paused
			b.fake.Set(outage)
			for range 3 {
				b.start()
				b.room.Start()
				<-paused
				if p := b.waiting(st.Operation); p["event"] != application {
					t.Errorf("after a restart: %v", p)
				}
			}
			b.halt()
			b.fake.Set(cloudtest.Up)
			b.publish(2)
			b.inPause(nil)
			b.start()
			b.room.Start()
			if p, state := b.result(st.Operation); state != api.OpDone || !strings.HasSuffix(p["LicenseFilePath"], "a.lic") {
				t.Errorf("ended %s %v", state, p)
			}
			b.fake.Lock()
			defer b.fake.Unlock()
			for _, q := range b.fake.Requests {
				if q != b.fake.Requests[0] {
					t.Errorf("asked %+v, at first %+v", q, b.fake.Requests[0])
				}
			}
		})
	}
}

func TestOutageWhileWaiting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.publish(5)
	seen := map[string]bool{}
	b.inPause(func(_ context.Context, n int) error {
		p := b.waiting(1)
		seen[p["waitsFor"]+p["code"]] = true
		switch n {
		case 1:
			b.world.pass(tellEvery)
			b.fake.Set(cloudtest.Down)
		case 4:
			b.fake.Set(cloudtest.HTML)
		case 6:
			b.fake.Set(cloudtest.Up)
			b.world.pass(tellEvery)
		}
		return nil
	})
	if p, state := b.request(api.FormString); state != api.OpDone || p["offline"] != "false" {
		t.Errorf("ended %s %v", state, p)
	}
	if !seen["publisher"] || !seen["cloud-40"] {
		t.Errorf("told %v", seen)
	}
}

func TestCancelWhileWaiting(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.publish(-1)
	b.inPause(func(ctx context.Context, _ int) error {
		if err := b.events.Cancel(b.owner(), 1); err != nil {
			t.Error(err)
		}
		return nil
	})
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.Cancelled)) {
		t.Errorf("ended %s %v", state, p)
	}
	b.publish(0)
	if _, state := b.request(api.FormString); state != api.OpDone {
		t.Errorf("asked again: %s", state)
	}
}

func TestSignInWhileWaiting(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		account string
		err     error
		back    bool
		want    string
		code    api.Code
	}{
		"signed out, and in again":   {"", &api.Error{Code: api.NotSignedIn}, true, api.OpDone, 0},
		"the sign-in ended":          {cloudtest.Account, &api.Error{Code: api.SessionExpired}, true, api.OpDone, 0},
		"nobody signs in again":      {"", &api.Error{Code: api.NotSignedIn}, false, api.OpFailed, api.LicenseLate},
		"another account signs in":   {"someone else", nil, false, api.OpFailed, api.SessionExpired},
		"signed out without a cause": {"", nil, true, api.OpDone, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.publish(3)
			b.inPause(func(_ context.Context, n int) error {
				switch {
				case n == 1:
					b.world.pass(tellEvery)
					b.sign(c.account, c.err)
				case n == 4:
					if c.want == api.OpDone && b.waiting(1)["waitsFor"] != api.WaitsSignIn {
						t.Errorf("waits for %v", b.waiting(1))
					}
					if c.back {
						b.sign(cloudtest.Account, nil)
					}
				}
				return nil
			})
			if p, state := b.request(api.FormString); state != c.want || c.code != 0 && p["code"] != strconv.Itoa(int(c.code)) {
				t.Errorf("ended %s %v", state, p)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	chinese := app
	chinese.Language = "zh-CN"
	for _, why := range append(api.Refusals(), "of a later cloud", "") {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.publish(1)
			b.inPause(func(context.Context, int) error { // refused while it waits
				b.product(func(p *cloudtest.Product) {
					p.Refuse = cloudapi.ErrLicenseRefused
					p.Params = map[string]string{"reason": why, "result": "000902", "text": "no\x1b[31m more\u202e\n" + strings.Repeat("额", 5000)}
				})
				return nil
			})
			for _, a := range []struct {
				language string
			}{{"en"}, {"zh-CN"}} {
				who := app
				who.Language = a.language
				st, err := b.room.Request(ctx, who, api.LicenseRequest{Form: api.FormString})
				if err != nil {
					t.Fatal(err)
				}
				p, state := b.result(st.Operation)
				reason, hint := api.RefusalText(why, a.language)
				if state != api.OpFailed || p["code"] != strconv.Itoa(int(api.LicenseRefused)) || p["reason"] != reason || p["hint"] != hint {
					t.Errorf("%s: %s %v", a.language, state, p)
				}
				if known := p["refusal"]; known != why && (known != "" || why != "of a later cloud") {
					t.Errorf("refusal %q", known)
				}
				if d := p["detail"]; !strings.HasPrefix(d, "the publisher: 000902 no [31m more 额") || len([]rune(d)) > maxSaid+40 || strings.ContainsAny(d, "\x1b\n\u202e") {
					t.Errorf("detail %q", d)
				}
			}
			b.want("refused", api.StateRefused, api.LicenseRefused)
			reason, _ := api.RefusalText(why, "zh-CN")
			if st := b.room.State(ctx, chinese); st.Reason != reason {
				t.Errorf("state says %q", st.Reason)
			}
		})
	}
}

// TestRefusalOfOneRequest: what the publisher refuses for one application ends no right that stands; what
// is refused to the instance does.
func TestRefusalOfOneRequest(t *testing.T) {
	t.Parallel()
	for _, why := range api.Refusals() {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.request(api.FormString)
			b.product(func(p *cloudtest.Product) {
				p.Refuse, p.Params = cloudapi.ErrLicenseRefused, map[string]string{"reason": why}
			})
			if p, state := b.request(api.FormFile); state != api.OpFailed || p["refusal"] != why {
				t.Errorf("ended %s %v", state, p)
			}
			b.fake.Set(cloudtest.Down)
			p, state := b.request(api.FormString)
			if stands := state == api.OpDone; stands != ofRequest(why) {
				t.Errorf("what was given before: %s %v", state, p)
			}
		})
	}
}

func TestContents(t *testing.T) {
	t.Parallel()
	b64 := base64.StdEncoding.EncodeToString
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	big := bytes.Repeat(all, cloudapi.MaxLicenseFile/256)
	for _, c := range []struct {
		name, form, content, encoding string
		want                          []byte // nil: refused
	}{
		{"text", api.FormString, "许可", "", []byte("许可")},
		{"text of 1024 characters", api.FormString, strings.Repeat("许", 1024), "", []byte(strings.Repeat("许", 1024))},
		{"text of 1025 characters", api.FormString, strings.Repeat("许", 1025), "", nil},
		{"text in base64", api.FormString, b64([]byte("许可")), "base64", []byte("许可")},
		{"bytes as a text", api.FormString, b64([]byte{0xff, 0xfe}), "base64", nil},
		{"a text that C would cut", api.FormString, "a\x00b", "", nil},
		{"a file of text", api.FormFile, "a\nb\x00", "", []byte("a\nb\x00")},
		{"a file of every byte", api.FormFile, b64(all), "base64", all},
		{"a file of 1 MiB", api.FormFile, b64(big), "base64", big},
		{"a file over 1 MiB", api.FormFile, b64(append(big[:len(big):len(big)], 'x')), "base64", nil},
		{"base64 without padding", api.FormFile, "AAAAAA", "base64", nil},
		{"an unknown encoding", api.FormFile, "x", "gzip", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := contentOf(cloudapi.License{Content: c.content, ContentEncoding: c.encoding}, c.form)
			if c.want == nil {
				if api.CodeOf(err) != api.CloudAnswer {
					t.Errorf("got %.40q, %v", got.bytes(), err)
				}
				return
			}
			if err != nil || !bytes.Equal(got.bytes(), c.want) {
				t.Errorf("got %.40q, %v", got.bytes(), err)
			}
		})
	}
}

// TestLargestFile goes through the cloud's answer, the sealed record, and a restart without the cloud.
func TestLargestFile(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	big := bytes.Repeat([]byte("\x00\xff<&>\"\\\u2028"), cloudapi.MaxLicenseFile/10)
	b.publish(0)
	b.product(func(p *cloudtest.Product) { p.Content, p.Encoding = base64.StdEncoding.EncodeToString(big), "base64" })
	if p, state := b.request(api.FormFile); state != api.OpDone {
		t.Fatalf("ended %s %v", state, p)
	}
	b.fake.Set(cloudtest.Down)
	b.start()
	if p, state := b.request(api.FormFile); state != api.OpDone || p["offline"] != "true" {
		t.Fatalf("from the cache: %s %v", state, p)
	}
	for i, w := range b.worker.wrote {
		if !bytes.Equal(w.Data, big) {
			t.Errorf("file %d has %d bytes, want %d", i, len(w.Data), len(big))
		}
	}
}

// TestOddPendingAnswers: what is no answer of a cloud's is its absence, before and after it took the request.
func TestOddPendingAnswers(t *testing.T) {
	t.Parallel()
	for name, event := range map[string]string{"no event": "", "a huge event": strings.Repeat("e", 129), "an event with a line end": "a\nb", "Chinese": "事件"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.fake.Lock()
			b.fake.Odd = true
			b.fake.Unlock()
			b.publish(-1)
			b.product(func(p *cloudtest.Product) { p.Event = event })
			if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.CloudAnswer)) {
				t.Errorf("at first: %s %v", state, p)
			}
			b.product(func(p *cloudtest.Product) { p.Event = application })
			b.inPause(func(_ context.Context, n int) error {
				b.product(func(p *cloudtest.Product) {
					if p.Event = event; n == 3 {
						p.Event, p.Pending = application, 0
					}
				})
				return nil
			})
			if p, state := b.request(api.FormString); state != api.OpDone {
				t.Errorf("afterwards: %s %v", state, p)
			}
		})
	}
}

// TestManyWait has as many requests wait as a session may have, all at once.
func TestManyWait(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.publish(-1)
	var mu sync.Mutex // guards most
	most := 0
	b.inPause(func(_ context.Context, n int) error {
		mu.Lock()
		defer mu.Unlock()
		if most = max(most, len(b.room.asking)); n == 200 {
			b.product(func(p *cloudtest.Product) { p.Pending = 0 })
		}
		return nil
	})
	var ops []api.Operation
	for range api.MaxOperations {
		st, err := b.room.Request(ctx, app, api.LicenseRequest{Form: api.FormString})
		if err != nil {
			t.Fatal(err)
		}
		ops = append(ops, st.Operation)
	}
	for _, op := range ops {
		if p, state := b.result(op); state != api.OpDone {
			t.Errorf("operation %d: %s %v", op, state, p)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if most > maxAsking {
		t.Errorf("%d asked at once", most)
	}
}

// TestPatience: a request that the cloud has not taken is never over.
func TestPatience(t *testing.T) {
	t.Parallel()
	w := &wait{asked: asked{Accepted: time.Unix(0, 0)}}
	for d, want := range map[time.Duration]bool{patience - time.Second: false, patience: true, -time.Hour: false} {
		if w.over(time.Unix(0, 0).Add(d)) != want {
			t.Errorf("over after %v: %v", d, !want)
		}
	}
	if err := (&wait{}).late(); !errors.As(err, new(*api.Error)) {
		t.Error(err)
	}
}
