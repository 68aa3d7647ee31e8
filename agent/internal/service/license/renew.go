package license

import (
	"context"
	"hash/fnv"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Pace of the loop. No timer of an idle agent is shorter than shortest.
const (
	shortest = time.Minute
	longest  = time.Hour
	backOff  = time.Minute // after the first failed renewal; doubles up to longest
)

// run is the loop of renewals, state events and reports.
func (r *Room) run() {
	for {
		r.tick(r.ctx)
		t := time.NewTimer(r.pause())
		select {
		case <-r.ctx.Done():
			t.Stop()
			return
		case <-t.C:
		case <-r.wake:
			t.Stop()
		}
	}
}

// tick does once what is due.
func (r *Room) tick(ctx context.Context) {
	r.announce() // what time alone has changed does not wait for the cloud
	r.probe(ctx)
	for _, k := range r.due() {
		r.renew(ctx, k)
	}
	r.deliver(ctx)
	r.forgetUploads()
	r.keepTime(false)
	r.announce()
}

// longestProbe is the longest time between two looks for a cloud that is away.
const longestProbe = 10 * time.Minute

// probe looks for the cloud when nothing has been heard of it: after a start, for
// the true time, and while it is away, so that what waits goes on when it is back.
func (r *Room) probe(ctx context.Context) {
	if r.cfg.Cloud.Base() == "" || r.cfg.Cloud.Reachable() {
		return
	}
	r.mu.Lock()
	early := r.cfg.Clock.Now().Before(r.probeAt)
	r.mu.Unlock()
	if early {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, cloudTimeout)
	defer cancel()
	_, err := r.cfg.Cloud.Server(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.probes++
		r.probeAt = r.cfg.Clock.Now().Add(min(longestProbe, shortest<<min(r.probes-1, 10)))
		return
	}
	r.probes, r.probeAt = 0, time.Time{}
	for _, e := range r.entries {
		e.failures, e.next = 0, time.Time{}
	}
}

// pause is how long the loop may sleep: to the next change of any state.
func (r *Room) pause() time.Duration {
	now, _ := r.watch.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	wait := longest
	sooner := func(at time.Time) {
		if d := at.Sub(now); !at.IsZero() && d > 0 && d < wait {
			wait = d
		}
	}
	if r.probes > 0 {
		sooner(now.Add(r.probeAt.Sub(r.cfg.Clock.Now())))
	}
	for k, e := range r.entries {
		l := e.lease
		if l.Until.IsZero() || e.rec.Refused != 0 {
			continue
		}
		sooner(l.From)
		sooner(renewAt(k, e))
		sooner(l.Until)
		sooner(l.Grace)
		if e.failures > 0 {
			sooner(now.Add(e.next.Sub(r.cfg.Clock.Now())))
		}
	}
	for _, d := range r.imports {
		sooner(d.From)
		sooner(d.Until)
	}
	return max(wait, shortest)
}

// renewAt is when a lease is renewed: a little after it is due, by an amount of
// its own, so that a thousand desks that were installed together do not ask together.
func renewAt(k key, e *entry) time.Time {
	l := e.lease
	at := refreshAt(l.Issued, l.Until, l.Refresh)
	h := fnv.New32a()
	_, _ = h.Write([]byte(l.ID + k.product)) // never fails
	return at.Add(l.Until.Sub(at) / 5 * time.Duration(h.Sum32()%1000) / 1000)
}

// due lists the leases to renew now. An ended lease is asked for as well: the
// cloud may be back. One that is not believed is not.
func (r *Room) due() []key {
	now, _ := r.watch.now()
	wall := r.cfg.Clock.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	var due []key
	for k, e := range r.entries {
		if e.rec.Lease != "" && e.rec.Refused == 0 && e.untrusted == "" && !now.Before(renewAt(k, e)) && !wall.Before(e.next) {
			due = append(due, k)
		}
	}
	return due
}

// renew asks for a fresh lease. Only the cloud's own no changes a right.
func (r *Room) renew(ctx context.Context, k key) {
	err := r.renewOnce(ctx, k)
	r.mu.Lock()
	e := r.entries[k]
	if err == nil || e == nil {
		r.mu.Unlock()
		return
	}
	e.failures++
	e.next = r.cfg.Clock.Now().Add(min(longest, backOff<<min(e.failures-1, 10)))
	r.mu.Unlock()
	r.cfg.Log.Info("licence was not renewed", "uid", k.uid, "product", k.product, "error", err)
}

func (r *Room) renewOnce(ctx context.Context, k key) error {
	account, err := r.cfg.Account(k.uid)
	if err != nil {
		return err
	}
	rec := r.current(k, account)
	if rec.Lease == "" {
		return nil // of another account; its own request brings the new one
	}
	ctx, cancel := context.WithTimeout(ctx, cloudTimeout)
	defer cancel()
	user, err := r.cfg.User(ctx, k.uid)
	if err != nil {
		return err
	}
	fresh, err := user.Renew(ctx, k.product)
	if refused(err) {
		r.refuse(k, account, err)
	}
	if err != nil {
		return err
	}
	lease, err := r.accept(ctx, fresh.Lease, k.product, account)
	if err != nil {
		return err
	}
	r.watch.signed(lease.Issued)
	now := r.current(k, account)
	if now.Lease != rec.Lease {
		return nil // a request brought a newer one meanwhile
	}
	now.Lease = fresh.Lease
	return r.save(now)
}

// away is cloudhttp.AwayOrBusy, or a sign-in that has to come first, or an answer
// that was not waited for: what waits, waits on.
func away(err error) bool {
	switch api.CodeOf(err) {
	case api.NotSignedIn, api.SessionExpired, api.Cancelled, api.Timeout:
		return true
	}
	return cloudhttp.AwayOrBusy(err)
}
