package metatest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func (d *drive) checkout(t *testing.T, who meta.Who, object string) meta.Checkout {
	t.Helper()
	c, err := d.Checkout(d.ctx, who, object, d.now.Add(meta.DefaultCheckout))
	ok(t, err)
	return c
}

func checkOut(t *testing.T, d *drive) {
	object := d.object(t, "a.stl")
	ok(t, d.SetRole(d.ctx, d.who(dOwner), d.space, dStranger, cloudapi.RoleEditor, meta.Entry{}))
	first := d.checkout(t, d.who(dEditor), object)
	if first.Fence != 1 || first.Account != dEditor || first.Name != "EDITOR" || first.Machine != "machine of dev_1" || !first.Until.Equal(d.now.Add(meta.DefaultCheckout)) {
		t.Errorf("first check-out: %+v", first)
	}
	for what, who := range map[string]meta.Who{"another account": d.who(dStranger), "another device": d.on(dEditor, "dev_2"), "no device": d.on(dEditor, "")} {
		_, err := d.Checkout(d.ctx, who, object, d.now.Add(time.Hour))
		code(t, what, err, cloudapi.ErrHeldByOther)
		var r *meta.Refusal
		if errors.As(err, &r) && (r.Params["holder"] != "EDITOR" || r.Params["machine"] != "machine of dev_1" || r.Params["since"] == "" || r.Params["until"] == "") {
			t.Errorf("%s is told %v", what, r.Params)
		}
	}
	// Renewing: same fence, never shorter.
	d.now = d.now.Add(time.Hour)
	short, err := d.Checkout(d.ctx, d.who(dEditor), object, d.now.Add(time.Minute))
	ok(t, err)
	if short.Fence != 1 || !short.Until.Equal(first.Until) || !short.Since.Equal(first.Since) {
		t.Errorf("renewed shorter: %+v", short)
	}
	long, err := d.Checkout(d.ctx, d.who(dEditor), object, d.now.Add(meta.MaxCheckout))
	ok(t, err)
	if long.Fence != 1 || !long.Until.Equal(d.now.Add(meta.MaxCheckout)) {
		t.Errorf("renewed longer: %+v", long)
	}
	p, err := d.Object(d.ctx, d.who(dViewer), object)
	ok(t, err)
	if p.Item.Checkout == nil || p.Item.Checkout.Account != dEditor {
		t.Errorf("a viewer sees %+v", p.Item.Checkout)
	}
	// Giving back: only the holder, only this lease; a repetition is fine.
	code(t, "given back by another", d.Checkin(d.ctx, d.who(dStranger), object, 1), cloudapi.ErrCheckoutLost)
	code(t, "given back on another device", d.Checkin(d.ctx, d.on(dEditor, "dev_2"), object, 1), cloudapi.ErrCheckoutLost)
	for _, fence := range []int64{-1, 0, 2} {
		code(t, "given back with another fence", d.Checkin(d.ctx, d.who(dEditor), object, fence), cloudapi.ErrCheckoutLost)
	}
	ok(t, d.Checkin(d.ctx, d.who(dEditor), object, 1))
	ok(t, d.Checkin(d.ctx, d.who(dEditor), object, 1))
	second := d.checkout(t, d.who(dStranger), object)
	if second.Fence != 2 {
		t.Errorf("second fence %d", second.Fence)
	}
	code(t, "given back after someone else came", d.Checkin(d.ctx, d.who(dEditor), object, 1), cloudapi.ErrCheckoutLost)
	// Whoever lost the right to edit can still let go.
	ok(t, d.SetRole(d.ctx, d.who(dOwner), d.space, dStranger, cloudapi.RoleViewer, meta.Entry{}))
	ok(t, d.Checkin(d.ctx, d.who(dStranger), object, 2))
}

func checkOutEnds(t *testing.T, d *drive) {
	object := d.object(t, "a.stl")
	lease := d.checkout(t, d.who(dEditor), object)
	next := d.stored(t, d.space, "next", cloudapi.KindFile)
	d.now = lease.Until.Add(-time.Millisecond)
	_, err := d.Commit(d.ctx, d.who(dEditor), d.scope("in-time", object), meta.Commit{Manifest: next, Object: object, Base: 1, Fence: lease.Fence})
	ok(t, err)
	d.now = lease.Until
	_, err = d.Commit(d.ctx, d.who(dEditor), d.scope("too-late", object), meta.Commit{Manifest: next, Object: object, Base: 2, Fence: lease.Fence})
	code(t, "commit at the end", err, cloudapi.ErrCheckoutLost)
	p, err := d.Object(d.ctx, d.who(dViewer), object)
	ok(t, err)
	if p.Item.Checkout != nil || p.Item.Version != 2 {
		t.Errorf("after the end: %+v", p.Item)
	}
	again := d.checkout(t, d.who(dEditor), object)
	if again.Fence != lease.Fence+1 {
		t.Errorf("the ended lease was renewed: fence %d", again.Fence)
	}
	_, err = d.Commit(d.ctx, d.who(dEditor), d.scope("stale", object), meta.Commit{Manifest: next, Object: object, Base: 2, Fence: lease.Fence})
	code(t, "stale fence of the same account and device", err, cloudapi.ErrCheckoutLost)
}

func force(t *testing.T, d *drive) {
	object := d.object(t, "a.stl")
	lease := d.checkout(t, d.who(dEditor), object)
	why := meta.Entry{Org: "org_a", Time: d.now, Account: dOwner, Action: "checkout.forced"}
	code(t, "by an editor", d.Release(d.ctx, d.who(dEditor), object, why), cloudapi.ErrForbidden)
	ok(t, d.Release(d.ctx, d.who(dOwner), object, why))
	ok(t, d.Release(d.ctx, d.who(dOwner), object, why)) // nothing is there: nothing is recorded
	_, err := d.Commit(d.ctx, d.who(dEditor), d.scope("forced", object),
		meta.Commit{Manifest: d.stored(t, d.space, "w", cloudapi.KindFile), Object: object, Base: 1, Fence: lease.Fence})
	code(t, "commit after the release", err, cloudapi.ErrCheckoutLost)
	trail, err := d.Audit(d.ctx, "org_a", 0, 100)
	ok(t, err)
	count := 0
	for _, e := range trail {
		if e.Action == why.Action {
			count++
			if e.Params["holder"] != dEditor || e.Params["object"] != object || e.Params["fence"] != "1" || e.Params["machine"] != "machine of dev_1" {
				t.Errorf("recorded as %v", e.Params)
			}
		}
	}
	if count != 1 {
		t.Errorf("%d entries", count)
	}
	if next := d.checkout(t, d.who(dOwner), object); next.Fence != lease.Fence+1 {
		t.Errorf("fence %d after a release", next.Fence)
	}
}

func checkOutRace(t *testing.T, d *drive) {
	object := d.object(t, "a.stl")
	ok(t, d.SetRole(d.ctx, d.who(dOwner), d.space, dStranger, cloudapi.RoleEditor, meta.Entry{}))
	for round := int64(1); round <= 20; round++ {
		var won atomic.Int64
		var mu sync.Mutex
		var winner meta.Who
		var wg sync.WaitGroup
		for _, who := range []meta.Who{d.who(dEditor), d.on(dEditor, "dev_2"), d.who(dStranger), d.who(dOwner)} {
			wg.Go(func() {
				c, err := d.Checkout(d.ctx, who, object, d.now.Add(time.Hour))
				switch {
				case err == nil:
					won.Add(1)
					if c.Fence != round {
						t.Errorf("round %d: fence %d", round, c.Fence)
					}
					mu.Lock()
					winner = who
					mu.Unlock()
				case meta.CodeOf(err) != cloudapi.ErrHeldByOther:
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Fatalf("round %d: %d winners", round, won.Load())
		}
		ok(t, d.Checkin(d.ctx, winner, object, round))
	}
}
