package market

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// askAfter is when an application that the merchant has taken is asked for once more, if somebody still
// wants it: the merchant may have lost it. The same event gives the same licence, so a merchant
// that only is slow loses nothing.
const askAfter = 10 * time.Minute

// Licenses is the room of licences that merchants make: it turns a request into one application,
// calls the merchant through the queue, takes the upload and wakes who waits. The front doors
// call it (agents, the buyer's page, the open API), and the runner of the queue with answers. It
// never talks to a merchant itself and signs nothing. All methods may be called from several goroutines.
type Licenses struct {
	store meta.Store
	clock clock.Clock
	plans produce.Plans
	wake  func()
	waits waits

	// Readings are where the pages are read otherwise. Set them before the first call.
	Readings readings.Readings

	released chan struct{} // closed by Release
	once     sync.Once
}

// NewLicenses makes the room. wake tells the runner of the queue that a call was added; it must not block.
func NewLicenses(store meta.Store, c clock.Clock, plans produce.Plans, wake func()) *Licenses {
	return &Licenses{store: store, clock: c, plans: plans, wake: wake, released: make(chan struct{})}
}

// Release ends all waiting for good: who waits gets the application as it is. The process is about to end.
func (l *Licenses) Release() { l.once.Do(func() { close(l.released) }) }

// Request is what an agent asks for.
type Request struct {
	Instance    meta.Instance // chosen for the account; a resource of the same id stands behind it
	Account     string
	Device      string
	Form        string // token.FormString, token.FormFile
	Fingerprint string // the whole device string, of any length
	DevInfo     string // part of what makes requests the same; the interface has no member for it, so it does not go to the merchant
	Hold        meta.Grant
	Why         meta.Entry    // of a new application
	First       time.Duration // an application younger than this is waited for until it has this age; 0 makes no difference
}

// Ask finds or makes the application of the request and waits until the merchant has decided, at most for wait.
// It returns the application delivered, asking or making. Refusals: those of meta's Apply, license_refused with
// reason fingerprint_missing, and when the merchant refused or failed the reasons quota, dates, expiry_missing,
// fingerprint_missing and isv with params event, result (its code) and text (its words).
//
// The same request is the same (instance, term of its resource, account, device, product, form,
// fingerprint, devInfo).
func (l *Licenses) Ask(ctx context.Context, r Request, wait time.Duration) (meta.Application, error) {
	a, err := l.apply(ctx, r.Instance.Product, r.Instance.ID, func(res meta.Resource) (meta.Apply, error) {
		field, form := fingerprintField(r.Fingerprint)
		return meta.Apply{
			Application: meta.Application{
				Key: applicationKey("agent", res.ID, strconv.Itoa(res.Term), r.Account, r.Device, res.Product, r.Form, r.Fingerprint, r.DevInfo),
				Org: r.Instance.Org, Account: r.Account, Device: r.Device, Form: r.Form, Fingerprint: field, FingerprintForm: form,
				From: begin(res.From), Until: begin(res.Until),
			},
			Grant: &r.Hold, Why: r.Why,
		}, nil
	})
	if err != nil {
		return meta.Application{}, err
	}
	// Most merchants answer at once. Where this one does not, whoever has just asked soon hears that the
	// licence is on its way; from then on each request waits its whole time.
	if fresh := r.First - l.clock.Now().Sub(a.Created); fresh > 0 {
		wait = min(wait, fresh)
	}
	return l.await(ctx, a, wait)
}

// maxRaces is how often a request is made again because the resource's term changed in between.
const maxRaces = 5

// apply makes the application that build describes for the resource as it is, and sees that a call is on its way.
func (l *Licenses) apply(ctx context.Context, product, resource string, build func(meta.Resource) (meta.Apply, error)) (meta.Application, error) {
	listing, err := l.store.Listing(ctx, product)
	if err != nil {
		return meta.Application{}, err
	}
	for race := 0; ; race++ {
		res, err := l.store.Resource(ctx, resource)
		if err != nil {
			return meta.Application{}, err
		}
		a, err := build(res)
		if err != nil {
			return meta.Application{}, err
		}
		if l.Readings.LongFingerprints && a.FingerprintForm == cloudapi.FingerprintDigest {
			return meta.Application{}, meta.Refuse(cloudapi.ErrInvalid, "the fingerprint has more than 1024 characters", "member", "fingerprint")
		}
		if listing.Bound && a.Fingerprint == "" {
			return meta.Application{}, meta.Refuse(cloudapi.ErrLicenseRefused, "the licence is bound to a device, and no fingerprint came along",
				"reason", meta.ReasonFingerprint)
		}
		a.Now = l.clock.Now()
		a.Event, a.Resource, a.Term = meta.NewID("evt"), res.ID, res.Term
		if a.Call, err = l.call(a.Application, res, a.Now); err != nil {
			return meta.Application{}, err
		}
		got, err := l.store.Apply(ctx, a)
		var no *meta.Refusal
		if errors.As(err, &no) && no.Params["reason"] == meta.ReasonChanged && race < maxRaces {
			continue
		}
		if err != nil {
			return meta.Application{}, err
		}
		if got.Event == a.Event {
			l.wake()
			return got, nil
		}
		return l.again(ctx, got, res, a.Now)
	}
}

// again asks once more for an application that a repeat has found waiting too long, or given up.
func (l *Licenses) again(ctx context.Context, a meta.Application, res meta.Resource, now time.Time) (meta.Application, error) {
	var stale time.Duration
	switch {
	case a.State == meta.ApplicationMaking:
		stale = askAfter
	case a.GivenUp():
		stale = meta.RefusalStands
	default:
		return a, nil
	}
	before := now.Add(-stale)
	if !a.Asked.Before(before) || !a.Decided.IsZero() && !a.Decided.Before(before) {
		return a, nil
	}
	call, err := l.call(a, res, now)
	if err != nil {
		return a, err
	}
	if a, err = l.store.AskAgain(ctx, a.Event, before, now, call); err == nil {
		l.wake()
	}
	return a, err
}

// await returns the application when it is decided, or as it is when the time is over.
func (l *Licenses) await(ctx context.Context, a meta.Application, wait time.Duration) (meta.Application, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	next, leave := l.waits.enter(a.Event)
	defer leave()
	for {
		changed := next()
		now, err := l.store.Application(context.WithoutCancel(ctx), a.Event)
		if err != nil {
			return a, err
		}
		switch now.State {
		case meta.ApplicationDelivered:
			return now, nil
		case meta.ApplicationRefused:
			return now, refusal(now)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return now, nil
		case <-l.released:
			return now, nil
		}
	}
}

// Handler is what merchants' answers to getLicenseAsync mean, for the runner of the queue:
//
//	000000, 000004           the merchant is at work, or done: the upload is awaited
//	000900 to 000903         refused for good, with the reason and the merchant's words
//	anything else, silence   a failure, made again by the plan; when the plan is over the
//	                         application is refused with reason isv, and may be asked for again
func (l *Licenses) Handler() produce.Handler {
	return produce.Handler{
		Answered: func(ctx context.Context, c meta.Call, x produce.Exchange) (produce.Decision, error) {
			return l.answered(ctx, c.Subject, x)
		},
		GivenUp: func(ctx context.Context, c meta.Call, x produce.Exchange) error {
			return l.decide(ctx, c.Subject, meta.ReasonISV, string(x.Result.ResultCode), "")
		},
	}
}

func (l *Licenses) answered(ctx context.Context, event string, x produce.Exchange) (produce.Decision, error) {
	switch x.Outcome {
	case produce.Done, produce.Processing:
		if err := l.store.Taken(ctx, event, l.clock.Now()); err != nil {
			return produce.Repeat, err
		}
		l.waits.wake(event)
		return produce.Finish, nil
	case produce.Refused:
		if reason, final := refusedFor(x.Result.ResultCode); final {
			return produce.Finish, l.decide(ctx, event, reason, string(x.Result.ResultCode), x.Result.ResultMsg)
		}
	}
	return produce.Repeat, nil
}

func (l *Licenses) decide(ctx context.Context, event, reason, code, message string) error {
	if err := l.store.RefuseApplication(ctx, event, reason, code, message, l.clock.Now()); err != nil {
		return err
	}
	l.waits.wake(event)
	return nil
}
