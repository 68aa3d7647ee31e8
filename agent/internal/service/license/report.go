package license

import (
	"context"
	"crypto/rand"
	"strings"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Verify queues the application's own verdict for the cloud's audit trail; it is
// on disk when Verify returns.
func (r *Room) Verify(_ context.Context, a caller.Actor, v api.LicenseVerify) error {
	if err := checkProduct(a.Product); err != nil {
		return err
	}
	switch {
	case !v.OK && strings.TrimSpace(v.Error) == "":
		return &api.Error{Code: api.InvalidArgument, Detail: "a failed verification needs its error text"}
	case len(v.Error) > api.MaxText:
		return &api.Error{Code: api.TooLarge, Detail: "error is longer than 4096 bytes"}
	case !utf8.ValidString(v.Error):
		return &api.Error{Code: api.InvalidArgument, Detail: "error is UTF-8"}
	}
	if account, err := r.cfg.Account(a.UID); account == "" && err != nil {
		return err
	}
	at, _ := r.watch.now()
	err := r.out.add(queued{UID: a.UID, Report: cloudapi.VerifyReport{Report: rand.Text(), Product: a.Product,
		OK: v.OK, Error: v.Error, Time: at.UTC()}})
	if err == nil {
		r.look()
	}
	return err
}

// deliver sends what waits, per user in order. A user whose cloud is away or who
// is signed out keeps waiting; what the cloud refuses is noted and dropped.
func (r *Room) deliver(ctx context.Context) {
	r.out.sending.Lock()
	defer r.out.sending.Unlock()
	now, _ := r.watch.now()
	stuck := map[caller.UID]bool{}
	for _, l := range r.out.list() {
		if stuck[l.UID] || ctx.Err() != nil {
			continue
		}
		err := r.report(ctx, l)
		old := now.Sub(l.Report.Time) > reportLife
		if err != nil && away(err) && !old {
			stuck[l.UID] = true
			continue
		}
		if err != nil {
			r.cfg.Log.Warn("verdict dropped", "uid", l.UID, "product", l.Report.Product, "error", err)
		}
		if err := r.out.done(l.Report.Report); err != nil {
			r.cfg.Log.Error("note delivered verdict", "error", err)
			return
		}
	}
	if err := r.out.compact(); err != nil {
		r.cfg.Log.Error("shorten verdicts", "error", err)
	}
}

func (r *Room) report(ctx context.Context, l queued) error {
	ctx, cancel := context.WithTimeout(ctx, cloudTimeout)
	defer cancel()
	user, err := r.cfg.User(ctx, l.UID)
	if err != nil {
		return err
	}
	return user.Report(ctx, l.Report)
}
