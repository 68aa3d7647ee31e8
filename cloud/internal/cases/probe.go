package cases

import (
	"context"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/clock"
)

// The two probes of a day, morning and afternoon where the marketplace is (UTC+8), as hours of UTC.
const (
	morning   = 1 // 09:00
	afternoon = 7 // 15:00
)

// lookEvery is how often the time of the next probe is looked for.
const lookEvery = time.Minute

// Slot is the latest planned time of a probe that is not after now.
func Slot(now time.Time) time.Time {
	now = now.UTC()
	day := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	switch h := now.Hour(); {
	case h >= afternoon:
		return day.Add(afternoon * time.Hour)
	case h >= morning:
		return day.Add(morning * time.Hour)
	}
	return day.AddDate(0, 0, -1).Add(afternoon * time.Hour)
}

// Start begins the probes. Close ends them.
func (r *Room) Start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.wg.Go(func() { // ends with stop; Close waits
		for {
			if err := r.Probe(ctx); err != nil && ctx.Err() == nil {
				r.Log.Error("listings could not be probed", "error", err)
			}
			if clock.Wait(ctx, lookEvery) != nil {
				return
			}
		}
	})
}

// Close ends the probes and waits for them. It does nothing before Start.
func (r *Room) Close() {
	if r.stop != nil {
		r.stop()
		r.wg.Wait()
	}
}

// Probe replays what is due: the cases of each listing on sale, once for each planned time. One that a
// process's end cut off is begun anew by the next process.
func (r *Room) Probe(ctx context.Context) error {
	slot := Slot(r.Clock.Now())
	due, err := r.Store.CasesOnSale(ctx, slot)
	if err != nil {
		return err
	}
	for len(due) > 0 {
		n := 1
		for n < len(due) && due[n].Product == due[0].Product {
			n++
		}
		if err := r.probe(ctx, due[:n], slot); err != nil {
			return err
		}
		due = due[n:]
	}
	return nil
}

// probe replays the cases of one listing.
func (r *Room) probe(ctx context.Context, list []meta.Case, slot time.Time) error {
	reports, err := r.replayList(ctx, list)
	if err != nil {
		return err
	}
	now, c := meta.Stamp(r.Clock.Now()), list[0]
	p := meta.Probe{Product: c.Product, Merchant: c.Merchant, Slot: slot, Now: now, Passed: true, Days: r.NoSale}
	m, err := r.Store.Merchant(ctx, c.Merchant)
	if err != nil {
		return err
	}
	p.Why = meta.Entry{Org: m.Org, Time: now, Action: "listing.probe_delisted", Params: map[string]string{"product": c.Product}}
	for _, rep := range reports {
		if !rep.Passed {
			p.Passed = false
			p.Notice = &meta.Notice{ID: meta.NewID("ntc"), Merchant: c.Merchant, Category: meta.NoticeOperation, Event: meta.NoticeProbe, About: rep.Case.ID, Time: now,
				Params: map[string]string{"product": c.Product, "case": rep.Case.ID, "scene": rep.Scene, "verdict": rep.Verdict.Code, "error": rep.Verdict.English()}}
			break
		}
	}
	done, err := r.Store.EndProbe(ctx, p)
	if err == nil && done.Delisted {
		r.Log.Warn("a listing went off sale: its probes failed", "product", c.Product, "days", r.NoSale)
	}
	return err
}
