package merchant

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// faulty is a store whose n-th command fails or panics.
type faulty struct {
	store.Store
	left  atomic.Int32 // commands until the fault; below 0 it has fired
	panic bool
}

func (f *faulty) fault() error {
	if f.left.Add(-1) != -1 {
		return nil
	}
	if f.panic {
		panic(errPlanted)
	}
	return errPlanted
}

func (f *faulty) Begin(ctx context.Context, b store.Begin) (store.State, error) {
	if err := f.fault(); err != nil {
		return store.State{}, err
	}
	return f.Store.Begin(ctx, b)
}

func (f *faulty) Keep(ctx context.Context, key string, made []byte) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Store.Keep(ctx, key, made)
}

func (f *faulty) Finish(ctx context.Context, done store.Finish) error {
	if err := f.fault(); err != nil {
		return err
	}
	return f.Store.Finish(ctx, done)
}

func (f *faulty) Remember(ctx context.Context, nonce string, until, now time.Time) (bool, error) {
	if err := f.fault(); err != nil {
		return false, err
	}
	return f.Store.Remember(ctx, nonce, until, now)
}

// TestFaultsOfTheStore: whichever command fails, the answer is 000005, and the next request succeeds under
// the same id, with the same licence. A store that panics harms that one request only.
func TestFaultsOfTheStore(t *testing.T) {
	for _, panics := range []bool{false, true} {
		fired := 0
		for n := range int32(20) {
			f := &faulty{panic: panics}
			f.left.Store(n)
			var ids, uploads []string
			d := newDesk(t, func(o *Options) {
				f.Store, o.Store = o.Store, f
				o.Calls.NewInstance = func(_ context.Context, _ wire.NewInstance, a Attempt) (Provision, error) {
					ids = append(ids, a.InstanceID)
					return Provisioned, nil
				}
				o.Calls.GetLicenseAsync = func(context.Context, wire.GetLicenseAsync, Attempt) (License, error) {
					return License{Content: []byte(sign.NewNonce())}, nil
				}
				o.Upload = func(_ context.Context, _ string, l License) error {
					uploads = append(uploads, string(l.Content))
					return nil
				}
			})
			failed := 0
			for _, r := range []wire.Request{order("1"), order("1"), license("e", "f"), license("e", "f"), order("1"), license("e", "f")} {
				if a := d.call(r); a.ResultCode == wire.Internal {
					failed++
				} else if a.ResultCode != wire.Success {
					t.Errorf("fault %d: %s answered %s", n, r.Activity(), a.ResultCode)
				}
			}
			if f.left.Load() < 0 {
				fired++
			} else if failed != 0 {
				t.Errorf("fault %d has not fired, %d calls failed", n, failed)
			}
			if failed > 1 {
				t.Errorf("fault %d: %d calls failed", n, failed)
			}
			for _, list := range [][]string{ids, uploads} {
				for _, v := range list {
					if v != list[0] {
						t.Errorf("fault %d: %q", n, list)
					}
				}
			}
		}
		if fired < 14 {
			t.Errorf("only %d faults fired", fired)
		}
	}
}

// TestALateFailureIsLogged, since no answer tells of it.
func TestALateFailureIsLogged(t *testing.T) {
	release := make(chan struct{})
	d := newDesk(t, func(o *Options) {
		o.AnswerWithin = 20 * time.Millisecond
		o.Calls.NewInstance = func(context.Context, wire.NewInstance, Attempt) (Provision, error) {
			<-release
			return 0, errPlanted
		}
	})
	d.expect(order("1"), wire.Processing)
	close(release)
	d.h.running.Wait()
	if !strings.Contains(d.log.String(), "failed after its answer") {
		t.Errorf("log: %s", d.log)
	}
}

// TestPayPerUseDoesNotHoldTheAnswerUp: the look-up gets a context that ends when the answer is due.
func TestPayPerUseDoesNotHoldTheAnswerUp(t *testing.T) {
	d := newDesk(t, func(o *Options) {
		o.AnswerWithin = 20 * time.Millisecond
		o.Calls.NewInstance = counted(new(atomic.Int32))
		o.PayPerUse = func(ctx context.Context, _, _ string) (string, error) {
			<-ctx.Done()
			return "", context.Cause(ctx)
		}
	})
	d.expect(order("1"), wire.Internal)
}

// FuzzServe: whatever is sent, there is one JSON answer, signed, with a printed code and nothing of
// ours in it; and no callback runs without a good signature.
func FuzzServe(f *testing.F) {
	for _, body := range samples {
		f.Add("POST", "/saasproduce", "", []byte(body), true)
	}
	f.Add("GET", "/", "activity=newInstance&authToken=x&timeStamp=20260304050607000", []byte(nil), false)
	f.Add("POST", "/produceAPI/v2/tenantSync", "", []byte(`{"flag":1}`), false)
	f.Add("PUT", "/", "signature=a&signature=b", []byte("{}"), true)
	f.Add("POST", "/", "timestamp=1&nonce=%00", []byte{0xff}, true)
	var ran atomic.Int32
	d := newDesk(f, func(o *Options) {
		o.Calls = everything(func(wire.Request) error { ran.Add(1); return nil })
		o.Upload = func(context.Context, string, License) error { return nil }
		o.Log = nil
	})
	f.Fuzz(func(t *testing.T, method, path, query string, body []byte, signed bool) {
		if u, err := url.ParseRequestURI("http://isv.example.com" + path); err != nil || u.RawQuery != "" || path == wellKnown {
			return
		}
		before := ran.Load()
		r, err := http.NewRequest(method, "http://isv.example.com/", bytes.NewReader(body))
		if err != nil {
			return
		}
		r.URL.Path, r.URL.RawQuery = path, query
		if signed {
			r.URL.RawQuery = sign.SignProduction(baseKey, sign.NewNonce(), start, body).Encode()
		}
		w := httptest.NewRecorder()
		d.h.ServeHTTP(w, r)
		var a struct{ ResultCode wire.Code }
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || a.ResultCode.Text() == "" || w.Code != http.StatusOK {
			t.Fatalf("%d %s: %v", w.Code, w.Body, err)
		}
		if err := sign.VerifyBodySign(baseKey, w.Header().Get("Body-Sign"), w.Body.Bytes()); err != nil {
			t.Fatal(err)
		}
		if !signed && ran.Load() != before {
			t.Fatalf("ran without a signature: %s %s?%s %s", method, path, query, body)
		}
	})
}
