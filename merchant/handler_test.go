package merchant

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

const (
	baseKey   = "base key"
	oldKey    = "base key of last year"
	codeKey   = "code key"
	notifyKey = "notify key"
)

// desk is a handler with its store and a clock, and the marketplace's side of a call.
type desk struct {
	t       testing.TB
	clock   *clocktest.Clock
	options Options
	store   store.Store
	log     *journal
	h       *Handler
}

// journal is a log that a test reads while callbacks that go on still write.
type journal struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newDesk(t testing.TB, change func(o *Options)) *desk {
	t.Helper()
	s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "merchant.db"))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, clock: clocktest.New(start), store: s, log: &journal{}}
	d.options = Options{
		Keys:         Keys{Base: []string{baseKey, oldKey}, Code: []string{codeKey}, Notify: []string{notifyKey}},
		Store:        s,
		Now:          d.clock.Now,
		AnswerWithin: time.Minute,
		Log:          slog.New(slog.NewTextHandler(d.log, nil)),
	}
	if change != nil {
		change(&d.options)
	}
	if d.h, err = New(d.options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.h.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// send posts bytes with a query and returns the answer.
func (d *desk) send(query string, body []byte) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	d.h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/saasproduce?"+query, bytes.NewReader(body)))
	return w
}

// post signs a body now, with a new nonce, and holds the answer's signature against its bytes.
func (d *desk) post(key string, body []byte) (int, string, wire.Answer) {
	d.t.Helper()
	w := d.send(sign.SignProduction(key, sign.NewNonce(), d.clock.Now(), body).Encode(), body)
	return w.Code, w.Body.String(), d.check(w, key)
}

func (d *desk) check(w *httptest.ResponseRecorder, key string) wire.Answer {
	d.t.Helper()
	if err := sign.VerifyBodySign(key, w.Header().Get("Body-Sign"), w.Body.Bytes()); err != nil {
		d.t.Errorf("answer %s: %v", w.Body, err)
	}
	if got := w.Header().Get("Content-Length"); got != strconv.Itoa(w.Body.Len()) {
		d.t.Errorf("Content-Length %s of %d bytes", got, w.Body.Len())
	}
	a, err := wire.ParseAnswer("", w.Body.Bytes())
	if err != nil {
		d.t.Fatalf("answer %s: %v", w.Body, err)
	}
	full, err := wire.ParseAnswer(wire.ActivityQueryInstance, w.Body.Bytes())
	if err == nil {
		a.Info = full.Info
	}
	if full, err = wire.ParseAnswer(wire.ActivityNewInstance, w.Body.Bytes()); err == nil {
		a.InstanceID = full.InstanceID
	}
	return a
}

// call sends a request with the key of its category.
func (d *desk) call(r wire.Request) wire.Answer {
	d.t.Helper()
	body, err := wire.Encode(r)
	if err != nil {
		d.t.Fatal(err)
	}
	key := production{d.options}.keys(r.Activity())[0]
	_, _, a := d.post(key, body)
	return a
}

// expect calls and compares the code.
func (d *desk) expect(r wire.Request, code wire.Code) wire.Answer {
	d.t.Helper()
	a := d.call(r)
	if a.ResultCode != code {
		d.t.Errorf("%s: got %s (%s), want %s", r.Activity(), a.ResultCode, a.ResultMsg, code)
	}
	return a
}

func order(n string) wire.NewInstance {
	return wire.NewInstance{OrderID: "CS" + n, OrderLineID: "CS" + n + "-000001", BusinessID: sign.NewNonce()}
}

// counted makes instances and counts how often each line was asked for.
func counted(n *atomic.Int32) func(context.Context, wire.NewInstance, Attempt) (Provision, error) {
	return func(context.Context, wire.NewInstance, Attempt) (Provision, error) {
		n.Add(1)
		return Provisioned, nil
	}
}

func TestRefusals(t *testing.T) {
	var ran atomic.Int32
	d := newDesk(t, func(o *Options) { o.Calls.NewInstance = counted(&ran) })
	good, err := wire.Encode(order("1"))
	if err != nil {
		t.Fatal(err)
	}
	at := d.clock.Now
	signed := func(key, nonce string, at time.Time, body []byte) string {
		return sign.SignProduction(key, nonce, at, body).Encode()
	}
	fresh := func(body []byte) string { return signed(baseKey, sign.NewNonce(), at(), body) }
	swap := func(from, to string) []byte { return bytes.Replace(good, []byte(from), []byte(to), 1) }
	huge := bytes.Repeat([]byte("x"), 12<<20)
	for _, tt := range []struct {
		name  string
		query func(body []byte) string
		body  []byte
		code  wire.Code
		says  string
	}{
		{"no signature", func([]byte) string { return "" }, good, wire.BadSignature, ""},
		{"an unknown key", func(b []byte) string { return signed("no key of ours", "n1", at(), b) }, good, wire.BadSignature, ""},
		{"the key of another category", func(b []byte) string { return signed(codeKey, "n2", at(), b) }, good, wire.BadSignature, "category"},
		{"another body's signature", func([]byte) string { return fresh([]byte(`{}`)) }, good, wire.BadSignature, ""},
		{"members in another order", func(b []byte) string { return fresh(b) + "x" }, good, wire.BadSignature, ""},
		{"61 s old", func(b []byte) string { return signed(baseKey, "n3", at().Add(-61*time.Second), b) }, good, wire.BadSignature, ""},
		{"61 s ahead", func(b []byte) string { return signed(baseKey, "n4", at().Add(61*time.Second), b) }, good, wire.BadSignature, ""},
		{"two nonces", func(b []byte) string { return fresh(b) + "&nonce=other" }, good, wire.BadSignature, ""},
		{"a query that cannot be read", func(b []byte) string { return fresh(b) + "&x=%zz" }, good, wire.BadSignature, ""},
		{"0 bytes", fresh, nil, wire.BadParameter, "empty"},
		{"12 MB", func([]byte) string { return "" }, huge, wire.BadParameter, "longer than 65536 bytes"},
		{"64 KiB and one", fresh, append(bytes.Clone(good), bytes.Repeat([]byte(" "), maxProduction+1-len(good))...), wire.BadParameter, "longer than 65536 bytes"},
		{"not JSON", fresh, []byte("activity=newInstance"), wire.BadParameter, "not JSON"},
		{"JSON, not an object", fresh, []byte(`["newInstance"]`), wire.BadParameter, "not a JSON object"},
		{"cut short", fresh, good[:len(good)-1], wire.BadParameter, "not JSON"},
		{"something behind", fresh, append(bytes.Clone(good), '{', '}'), wire.BadParameter, "not JSON"},
		{"not UTF-8", fresh, swap("CS1", "CS\xff"), wire.BadParameter, "not UTF-8"},
		{"half a surrogate pair", fresh, swap("CS1", `CS\ud800`), wire.BadParameter, "surrogate"},
		{"a key twice", fresh, swap(`{`, `{"orderId":"CS2",`), wire.BadParameter, "field orderId is given twice"},
		{"a key twice, deep inside", fresh, swap(`{`, `{"x":[{"a":1,"a":2}],`), wire.BadParameter, "field a is given twice"},
		{"nested too deep", fresh, swap(`{`, `{"x":`+strings.Repeat("[", 20)+strings.Repeat("]", 20)+`,`), wire.BadParameter, "nested"},
		{"no activity", fresh, swap(`"activity":"newInstance",`, ""), wire.BadParameter, "field activity is missing"},
		{"an unknown activity", fresh, swap("newInstance", "newinstance"), wire.BadParameter, "field activity is unknown"},
		{"an activity that is a number", fresh, swap(`"newInstance"`, "7"), wire.BadParameter, "field activity is not a string"},
		{"an activity without callback", fresh, []byte(`{"activity":"upgradeInstance","instanceId":"i","orderId":"o","orderLineId":"l"}`), wire.BadParameter, "not offered"},
		{"a name in another case", fresh, swap(`"orderId"`, `"orderid"`), wire.BadParameter, "field orderId is missing"},
		{"null", fresh, swap(`"orderId":"CS1"`, `"orderId":null`), wire.BadParameter, "field orderId is empty"},
		{"an empty mandatory field", fresh, swap(`"orderId":"CS1"`, `"orderId":""`), wire.BadParameter, "field orderId is empty"},
		{"65 characters", fresh, swap(`"CS1"`, `"`+strings.Repeat("订", 65)+`"`), wire.BadParameter, "field orderId is longer than 64 characters"},
		{"a testFlag of 2", fresh, swap(`}`, `,"testFlag":"2"}`), wire.BadParameter, "field testFlag is none of 0, 1"},
		{"a testFlag that is a number", fresh, swap(`}`, `,"testFlag":1}`), wire.BadParameter, "field testFlag is not a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d.t = t
			w := d.send(tt.query(tt.body), tt.body)
			key := baseKey
			if strings.Contains(tt.says, "category") {
				key = codeKey
			}
			a := d.check(w, key)
			if w.Code != http.StatusOK || a.ResultCode != tt.code || !strings.Contains(a.ResultMsg, tt.says) {
				t.Errorf("got %d %s, want %s with %q", w.Code, w.Body, tt.code, tt.says)
			}
		})
	}
	d.t = t
	if ran.Load() != 0 {
		t.Errorf("the callback ran %d times", ran.Load())
	}
	if strings.Contains(d.log.String(), baseKey) || strings.Contains(d.log.String(), codeKey) {
		t.Error("a key is in the log")
	}
	if a := d.expect(order("1"), wire.Success); a.InstanceID == "" || ran.Load() != 1 {
		t.Errorf("the good one after all of these: %+v, ran %d times", a, ran.Load())
	}
}

// reader counts what is read of a body.
type reader struct {
	io.Reader
	n int64
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.n += int64(n)
	return n, err
}

func TestALongBodyIsNotReadWhole(t *testing.T) {
	d := newDesk(t, nil)
	for length, most := range map[int64]int64{12 << 20: 0, -1: maxProduction + 1} { // told, and chunked
		body := &reader{Reader: bytes.NewReader(make([]byte, 12<<20))}
		r := httptest.NewRequest(http.MethodPost, "/", body)
		r.ContentLength = length
		w := httptest.NewRecorder()
		d.h.ServeHTTP(w, r)
		if a := d.check(w, baseKey); a.ResultCode != wire.BadParameter || body.n > most {
			t.Errorf("length %d: %s after %d bytes", length, w.Body, body.n)
		}
	}
}

func TestKeysOverlapInARotation(t *testing.T) {
	d := newDesk(t, func(o *Options) { o.Calls.NewInstance = counted(new(atomic.Int32)) })
	body, err := wire.Encode(order("1"))
	if err != nil {
		t.Fatal(err)
	}
	_, _, first := d.post(oldKey, body) // check holds: the answer is signed by the key of the request
	_, _, second := d.post(baseKey, body)
	if first.InstanceID == "" || first.InstanceID != second.InstanceID || second.ResultCode != wire.Success {
		t.Errorf("%+v, %+v", first, second)
	}
}

func TestAReplayIsRefusedAlsoAfterARestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "merchant.db")
	d := &desk{t: t, clock: clocktest.New(start)}
	body, err := wire.Encode(order("1"))
	if err != nil {
		t.Fatal(err)
	}
	query := sign.SignProduction(baseKey, "n0nce", start, body).Encode()
	var ran atomic.Int32
	for _, tt := range []struct {
		name string
		wait time.Duration
		want wire.Code
	}{
		{"first", 0, wire.Success},
		{"after a restart", 0, wire.BadSignature},
		{"after another, at the last second", 60 * time.Second, wire.BadSignature},
		{"when the nonce is forgotten, the time is too old", 10 * time.Second, wire.BadSignature},
	} {
		d.clock.Advance(tt.wait)
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if d.h, err = New(Options{Keys: Keys{Base: []string{baseKey}}, Store: s, Now: d.clock.Now, Calls: Callbacks{NewInstance: counted(&ran)}}); err != nil {
			t.Fatal(err)
		}
		for n := range 2 {
			want := tt.want
			if n == 1 {
				want = wire.BadSignature
			}
			if got := d.check(d.send(query, body), baseKey); got.ResultCode != want {
				t.Errorf("%s, request %d: %s, want %s", tt.name, n, got.ResultCode, want)
			}
		}
		if err := errors.Join(d.h.Close(t.Context()), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if ran.Load() != 1 {
		t.Errorf("ran %d times", ran.Load())
	}
}

func TestChallenge(t *testing.T) {
	for _, tt := range []struct {
		challenge, method string
		status            int
	}{{"", "GET", 404}, {"word", "GET", 200}, {"word", "POST", 404}} {
		d := newDesk(t, func(o *Options) { o.Challenge = tt.challenge })
		w := httptest.NewRecorder()
		d.h.ServeHTTP(w, httptest.NewRequest(tt.method, "/.well-known/iscdesk-merchant.txt", nil))
		if w.Code != tt.status || tt.status == 200 && w.Body.String() != "word\n" {
			t.Errorf("%+v: %d %q", tt, w.Code, w.Body)
		}
	}
}

func TestReadings(t *testing.T) {
	refresh := func(expire, more string) string {
		return `{"activity":"refreshInstance","expireTime":"` + expire + `","instanceId":"i","orderId":"o","orderLineId":"l","scene":"RENEWAL"` + more + `}`
	}
	for _, tt := range []struct {
		name     string
		readings Readings
		key      string
		bodies   []string
		code     wire.Code
		status   int
	}{
		{"17 digits", Readings{}, baseKey, []string{refresh("20221124023618256", "")}, wire.Success, 200},
		{"14 digits", Readings{ShortTimes: true}, baseKey, []string{refresh("20221124023618", "")}, wire.Success, 200},
		{"17 digits, ShortTimes", Readings{ShortTimes: true}, baseKey, []string{refresh("20221124023618256", "")}, wire.BadParameter, 200},
		{"an unknown member", Readings{}, baseKey, []string{refresh("20221124023618", `,"new":{"x":1}`)}, wire.Success, 200},
		{"an unknown member, RefuseUnknown", Readings{RefuseUnknown: true}, baseKey, []string{refresh("20221124023618", `,"new":1`)}, wire.BadParameter, 200},
		{"another end", Readings{}, baseKey, []string{refresh("20221124023618", ""), refresh("20231124023618", "")}, wire.Success, 200},
		{"another end, RefuseChanged", Readings{RefuseChanged: true}, baseKey, []string{refresh("20221124023618", ""), refresh("20231124023618", "")}, wire.BadParameter, 200},
		{"the same end with milliseconds, RefuseChanged", Readings{RefuseChanged: true}, baseKey, []string{refresh("20221124023618", ""), refresh("20221124023618000", "")}, wire.Success, 200},
		{"another end in a test call, RefuseChanged", Readings{RefuseChanged: true}, baseKey, []string{refresh("20221124023618", `,"testFlag":"1"`), refresh("20231124023618", `,"testFlag":"1"`)}, wire.Success, 200},
		{"a key of another category, AnyKey", Readings{AnyKey: true}, notifyKey, []string{refresh("20221124023618", "")}, wire.Success, 200},
		{"StatusByCode, signature", Readings{StatusByCode: true}, "wrong", []string{refresh("20221124023618", "")}, wire.BadSignature, 401},
		{"StatusByCode, parameter", Readings{StatusByCode: true}, baseKey, []string{`{}`}, wire.BadParameter, 400},
		{"StatusByCode, success", Readings{StatusByCode: true}, baseKey, []string{refresh("20221124023618", "")}, wire.Success, 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := newDesk(t, func(o *Options) {
				o.Readings = tt.readings
				o.Calls.RefreshInstance = func(context.Context, wire.RefreshInstance, Attempt) error { return nil }
			})
			var w *httptest.ResponseRecorder
			for _, body := range tt.bodies {
				w = d.send(sign.SignProduction(tt.key, sign.NewNonce(), start, []byte(body)).Encode(), []byte(body))
			}
			key := tt.key
			if key == "wrong" {
				key = baseKey
			}
			if a := d.check(w, key); a.ResultCode != tt.code || w.Code != tt.status {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
		})
	}
	t.Run("OmitBodySign", func(t *testing.T) {
		d := newDesk(t, func(o *Options) { o.Readings.OmitBodySign = true })
		if w := d.send("", []byte("{}")); w.Header().Get("Body-Sign") != "" {
			t.Error("the answer is signed")
		}
	})
}

func TestNewRefusesWhatCouldNotWork(t *testing.T) {
	s := newDesk(t, nil).store
	for _, tt := range []struct {
		name string
		o    Options
	}{
		{"no key", Options{Store: s}},
		{"an empty key", Options{Store: s, Keys: Keys{Base: []string{""}}}},
		{"a key in two categories", Options{Store: s, Keys: Keys{Base: []string{"a"}, Kit: []string{"b", "a"}}}},
		{"no store", Options{Keys: Keys{Base: []string{"a"}}}},
		{"licences without upload", Options{Store: s, Keys: Keys{Base: []string{"a"}}, Calls: Callbacks{
			GetLicenseAsync: func(context.Context, wire.GetLicenseAsync, Attempt) (License, error) { return License{}, nil }}}},
	} {
		if _, err := New(tt.o); err == nil {
			t.Errorf("%s is taken", tt.name)
		}
	}
}
