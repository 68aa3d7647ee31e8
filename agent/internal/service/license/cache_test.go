package license

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/cloud/cloudtest"
	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestForeignLeases(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(l *token.Lease){
		"another device":      func(l *token.Lease) { l.Device = "dev999" },
		"another install key": func(l *token.Lease) { l.KeyThumb = "x" },
		"another product":     func(l *token.Lease) { l.Product = "othercad" },
		"another account":     func(l *token.Lease) { l.Account = "wang" },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.request(api.FormString)
			rec := b.room.current(key{"1000", "minicad"}, cloudtest.Account)
			lease := b.room.entries[key{"1000", "minicad"}].lease
			change(&lease)
			b.fake.Lock()
			rec.Lease = b.fake.Sign(lease)
			b.fake.Unlock()
			if err := b.store.SaveSealed("license-1000-minicad", rec); err != nil {
				t.Fatal(err)
			}
			b.fake.Set(cloudtest.Down)
			b.start()
			b.want("foreign", api.StateNone, api.LicenseUntrusted)
		})
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	b.fake.AddKey(t) // the old key is still shown
	if p, state := b.request(api.FormString); state != api.OpDone {
		t.Errorf("overlapping rotation: %s %v", state, p)
	}
	if n := b.fake.Count("/v1/keys"); n != 2 {
		t.Errorf("keys fetched %d times", n)
	}
	b.start()
	b.want("after a restart", api.StateValid, api.OK)
	b.fake.Lock()
	b.fake.Keys = nil
	b.fake.Unlock()
	b.fake.AddKey(t)
	if p, state := b.request(api.FormString); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.LicenseUntrusted)) {
		t.Errorf("keys without overlap: %s %v", state, p)
	}
	b.want("the lease that was there", api.StateValid, api.OK)
}

func TestDamagedCache(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	path := filepath.Join(b.dir, "sealed", "license-1000-minicad.sealed")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		text []byte
	}{
		{"one flipped bit", append(append(bytes.Clone(text[:40]), text[40]^1), text[41:]...)},
		{"cut short", text[:len(text)/2]}, {"empty", nil}, {"garbage", bytes.Repeat([]byte("x"), 5000)},
	} {
		if err := os.WriteFile(path, c.text, 0o600); err != nil {
			t.Fatal(err)
		}
		b.start()
		b.want(c.name, api.StateStoreDamaged, api.StoreDamaged)
		if _, state := b.request(api.FormString); state != api.OpDone {
			t.Errorf("%s: a new request ended %s", c.name, state)
		}
		b.want(c.name+", fetched again", api.StateValid, api.OK)
	}
	kept, err := filepath.Glob(path + ".damaged-*")
	if err != nil || len(kept) != 4 {
		t.Errorf("kept %v, %v", kept, err)
	}
}

// TestKilledWhileKeeping refuses each disk step of a request in turn: what was
// answered as success must be there after the start that follows, and what was
// there before must never be lost.
func TestKilledWhileKeeping(t *testing.T) {
	t.Parallel()
	for nth := 1; ; nth++ {
		b := newBench(t)
		b.request(api.FormString)
		b.product(func(p *cloudtest.Product) { p.Content = "MINICAD1|second" })
		steps := 0
		var mu sync.Mutex // guards steps
		b.disk.Fault = func(atomicfile.Step, string) error {
			mu.Lock()
			defer mu.Unlock()
			if steps++; steps >= nth {
				return errors.New("planted: the disk is gone")
			}
			return nil
		}
		b.start()
		_, state := b.request(api.FormString)
		mu.Lock()
		fired := steps >= nth
		mu.Unlock()
		b.disk.Fault = nil
		b.fake.Set(cloudtest.Down)
		b.start()
		p, offline := b.request(api.FormString)
		if offline != api.OpDone || state == api.OpDone && p["LicenseContent"] != "MINICAD1|second" {
			t.Errorf("step %d: answered %s, then offline %s %v", nth, state, offline, p)
		}
		if !fired {
			if nth < 4 {
				t.Fatalf("only %d steps", nth)
			}
			return
		}
	}
}

func TestRequestSurvivesAKilledAgent(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	op, err := b.events.Begin(b.owner(), api.MethodLicenseRequest, `{"k":1}`, asked{Form: api.FormFile, FileName: "a.lic", Request: "request-of-before"})
	if err != nil {
		t.Fatal(err)
	}
	id := op.ID()
	b.start()
	b.room.Start()
	if p, state := b.result(id); state != api.OpDone || filepath.Base(p["LicenseFilePath"]) != "a.lic" {
		t.Errorf("ended %s %v", state, p)
	}
	if st := b.events.Get(b.owner(), id); string(st.Event.Envelope.ComeBack) != `{"k":1}` {
		t.Errorf("comeBackParams %s", st.Event.Envelope.ComeBack)
	}
}

func TestCancelledRequest(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker.fail = errors.New("the file was not written")
	release := make(chan struct{})
	b.room.cfg.Fingerprint = func(ctx context.Context) (api.Fingerprint, error) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return api.Fingerprint{}, ctx.Err()
	}
	st, err := b.room.Request(ctx, app, api.LicenseRequest{Form: api.FormString})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.events.Cancel(b.owner(), st.Operation); err != nil {
		t.Fatal(err)
	}
	if p, state := b.result(st.Operation); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.Cancelled)) {
		t.Errorf("ended %s %v", state, p)
	}
	close(release)
}

func TestFileThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.worker.fail = &api.Error{Code: api.DiskFull}
	if p, state := b.request(api.FormFile); state != api.OpFailed || p["code"] != strconv.Itoa(int(api.DiskFull)) {
		t.Errorf("ended %s %v", state, p)
	}
	b.want("the right itself", api.StateValid, api.OK)
}

func TestLicenceThatIsTooLong(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, c := range []struct {
		n    int
		want string
	}{{api.MaxLicenseText + 1, api.OpFailed}, {api.MaxLicenseText, api.OpDone}} {
		b.fake.Lock()
		b.fake.Odd = c.n > api.MaxLicenseText
		b.fake.Unlock()
		b.product(func(p *cloudtest.Product) { p.Content = strings.Repeat("许", c.n) })
		if _, state := b.request(api.FormString); state != c.want {
			t.Errorf("%d characters: %s", c.n, state)
		}
	}
}

func TestRenewal(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.request(api.FormString)
	first := b.state().Until
	b.room.tick(ctx)
	if b.fake.Count("/v1/leases") != 0 {
		t.Error("renewed a fresh lease")
	}
	b.fake.Set(cloudtest.Down)
	b.world.pass(7*day - time.Hour)
	b.room.tick(ctx)
	b.want("due, cloud away", api.StateRefreshDue, api.OK)
	for range 3 {
		b.room.tick(ctx)
	}
	if e := b.room.entries[key{"1000", "minicad"}]; e.failures != 1 || b.room.probes != 1 {
		t.Errorf("asked %d and %d times in one moment: the back-off was not kept", e.failures, b.room.probes)
	}
	b.fake.Set(cloudtest.Up)
	b.world.pass(2 * time.Minute)
	b.room.tick(ctx)
	b.want("renewed", api.StateValid, api.OK)
	if !b.state().Until.After(first) {
		t.Error("the lease did not grow")
	}
	if p := b.room.pause(); p < shortest || p > longest {
		t.Errorf("pause %v", p)
	}
	b.fake.Set(cloudtest.Down)
	if p, state := b.request(api.FormString); state != api.OpDone || p["LicenseContent"] != "MINICAD1|text" {
		t.Errorf("content after a renewal: %s %v", state, p)
	}
}
