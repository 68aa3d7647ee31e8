package merchant

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/merchant/openapi"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// errForGood is the marketplace's refusal of an upload.
var errForGood = fmt.Errorf("upload: %w", &openapi.Error{Code: "91381034", Step: wire.StepFix})

// errLater is one that says itself that it may pass.
var errLater = fmt.Errorf("upload: %w", &openapi.Error{Step: wire.StepLater})

// office makes licences and uploads them, each attempt slow until it is answered 000004, and fails as planned.
type office struct {
	mu       sync.Mutex // guards what is below
	makes    []error    // of the first attempts to make one
	uploads  []error    // of the first uploads
	made     int
	uploaded []string
}

func (f *office) license(context.Context, wire.GetLicenseAsync, Attempt) (License, error) {
	time.Sleep(30 * time.Millisecond) // past AnswerWithin
	f.mu.Lock()
	defer f.mu.Unlock()
	f.made++
	if f.made <= len(f.makes) {
		return License{}, f.makes[f.made-1]
	}
	return License{Content: fmt.Append(nil, "licence ", f.made)}, nil
}

func (f *office) upload(_ context.Context, event string, l License) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.uploaded = append(f.uploaded, event+" "+string(l.Content))
	if len(f.uploaded) <= len(f.uploads) {
		return f.uploads[len(f.uploaded)-1]
	}
	return nil
}

func (f *office) counts() (made int, uploaded []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.made, slices.Clone(f.uploaded)
}

func (f *office) options(o *Options) {
	o.AnswerWithin = 10 * time.Millisecond
	o.RetryAfter = time.Millisecond
	o.Now = clock.System{}.Now
	o.Calls.GetLicenseAsync, o.Upload = f.license, f.upload
}

// settled waits until nothing is owed and nobody is at it.
func settled(t *testing.T, d *desk) {
	t.Helper()
	for range 2000 {
		d.h.mu.Lock()
		busy := len(d.h.flights)
		d.h.mu.Unlock()
		owed, err := d.store.Owed(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if busy == 0 && len(owed) == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("never settled: %s", d.log)
}

// TestALicenceThatFailsAfterItsAnswer is finished without another request, unless it was refused for good.
func TestALicenceThatFailsAfterItsAnswer(t *testing.T) {
	for _, tt := range []struct {
		name           string
		makes, uploads []error
		made           int
		uploaded       []string
		says           string
	}{
		{"nothing fails", nil, nil, 1, []string{"e licence 1"}, ""},
		{"the callback fails", []error{errPlanted, errPlanted, Refuse(wire.Internal, "")}, nil, 4, []string{"e licence 4"}, "is tried again"},
		{"the callback goes on by itself", []error{ErrProcessing, ErrProcessing}, nil, 3, []string{"e licence 3"}, ""},
		{"the upload fails", nil, []error{errPlanted, errLater, errPlanted}, 1, []string{"e licence 1", "e licence 1", "e licence 1", "e licence 1"}, "is tried again"},
		{"the ISV refuses", []error{errPlanted, Refuse(wire.QuotaInsufficient, "")}, nil, 2, nil, "is not tried again"},
		{"the marketplace refuses", nil, []error{errLater, errForGood}, 1, []string{"e licence 1", "e licence 1"}, "is not tried again"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			need.NoLeak(t)
			f := &office{makes: tt.makes, uploads: tt.uploads}
			d := newDesk(t, f.options)
			d.sendNow(license("e", "f"), wire.Processing)
			settled(t, d)
			made, uploaded := f.counts()
			if made != tt.made || !slices.Equal(uploaded, tt.uploaded) {
				t.Errorf("made %d, uploaded %q, want %d, %q", made, uploaded, tt.made, tt.uploaded)
			}
			if !strings.Contains(d.log.String(), tt.says) {
				t.Errorf("log: %s", d.log)
			}
		})
	}
}

// sendNow is expect with the machine's time.
func (d *desk) sendNow(r wire.Request, code wire.Code) {
	d.t.Helper()
	d.clock = clocktest.New(clock.System{}.Now())
	d.expect(r, code)
}

// TestALicenceIsOwedAcrossACrash: the next process uploads the bytes that the dead one has kept.
func TestALicenceIsOwedAcrossACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "merchant.db")
	f := &office{uploads: []error{errPlanted}}
	for _, first := range []bool{true, false} {
		s, err := sqlite.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Keys: Keys{Base: []string{baseKey}}, Store: s}
		f.options(&o)
		if first {
			o.RetryAfter = time.Second // not in this process
		}
		d := &desk{t: t, store: s, log: &journal{}, options: o}
		if d.h, err = New(o); err != nil {
			t.Fatal(err)
		}
		if first {
			d.sendNow(license("e", "f"), wire.Processing)
			for _, n := f.counts(); len(n) == 0; _, n = f.counts() {
				time.Sleep(time.Millisecond)
			}
		} else {
			settled(t, d)
		}
		if err := errors.Join(d.h.Close(t.Context()), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if made, uploaded := f.counts(); made != 1 || !slices.Equal(uploaded, []string{"e licence 1", "e licence 1"}) {
		t.Errorf("made %d, uploaded %q", made, uploaded)
	}
}

// TestWhatIsOwedEnds after RetryFor, and what was told as a failure is never owed.
func TestWhatIsOwedEnds(t *testing.T) {
	fails := slices.Repeat([]error{errPlanted}, 1000)
	f := &office{uploads: fails}
	d := newDesk(t, func(o *Options) { f.options(o); o.RetryFor = 200 * time.Millisecond })
	d.sendNow(license("e", "f"), wire.Processing)
	settled(t, d)
	if _, uploaded := f.counts(); len(uploaded) < 2 || !strings.Contains(d.log.String(), "is not tried again") {
		t.Errorf("%d uploads, log %s", len(uploaded), d.log)
	}

	f = &office{uploads: fails}
	d = newDesk(t, func(o *Options) { f.options(o); o.AnswerWithin = time.Minute })
	d.sendNow(license("e", "f"), wire.Internal)
	settled(t, d)
	if _, uploaded := f.counts(); len(uploaded) != 1 {
		t.Errorf("%d uploads after a failure that was told", len(uploaded))
	}
}

// TestPauses grow from RetryAfter to a quarter of an hour, and end with RetryFor.
func TestPauses(t *testing.T) {
	d := newDesk(t, nil)
	state := store.State{Since: start}
	var got []string
	for n := 1; n <= 12; n++ {
		state.Attempt = n
		got = append(got, d.h.next(state).Sub(start).String())
	}
	if want := "2s 4s 8s 16s 32s 1m4s 2m8s 4m16s 8m32s 15m0s 15m0s 15m0s"; strings.Join(got, " ") != want {
		t.Errorf("got %s", got)
	}
	d.clock.Advance(24*time.Hour - 15*time.Minute)
	if d.h.next(state).IsZero() {
		t.Error("ended before its time")
	}
	d.clock.Advance(time.Millisecond)
	if !d.h.next(state).IsZero() {
		t.Error("goes on for ever")
	}
}
