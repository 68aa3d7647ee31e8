// Package market is the platform's side of a sale as rules: what an order becomes, the life of a
// resource from its provisioning to its release, the delivery that a buyer accepts, and which
// calls the merchant gets at each step. The doors (httpapi, pages, openapi) and the queue of calls use it.
//
// It stands over package meta: each event reads a resource, makes one Step, and the store takes it only if
// the resource is still the one that was read. So every event may be repeated, two at
// once end as one after the other, and a process that is killed loses nothing. It never speaks HTTP,
// and never decides who may do what: the doors have.
package market

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/readings"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Store is what the rules need of the metadata.
type Store interface {
	meta.Orders
	Listing(ctx context.Context, product string) (meta.Listing, error)
	Spec(ctx context.Context, productID string) (meta.Spec, error)
	Instances(ctx context.Context, org string) ([]meta.Instance, error)
	CodeOfResource(ctx context.Context, resource string) (meta.Code, error)
}

// Config is what a room is made of. All but Readings and Follow are required.
type Config struct {
	Store Store
	Queue *produce.Queue
	Clock clock.Clock
	Log   *slog.Logger
	// Readings are where the pages are read otherwise.
	Readings readings.Readings
	// Follow is told of each resource of KindCode after a step of its life, also of the same
	// one again: who keeps the codes lets the resource's code follow it. nil tells nobody.
	Follow func(ctx context.Context, r meta.Resource) error
}

// Room holds the rules. Its methods may be called from several goroutines.
type Room struct {
	Config
	stop context.CancelFunc
	wg   sync.WaitGroup
}

// New makes a room and registers with the queue, which must not have started, what the answers to
// its calls mean.
func New(c Config) *Room {
	r := &Room{Config: c}
	q := c.Queue
	q.Handle(wire.ActivityNewInstance, produce.Handler{Answered: r.created})
	q.Handle(wire.ActivityQueryInstance, produce.Handler{Answered: r.queried})
	q.Handle(wire.ActivityChangeInstanceCheck, produce.Handler{Answered: r.checked, GivenUp: r.changeFailed})
	q.Handle(wire.ActivityUpgradeInstance, produce.Handler{Answered: r.refreshed, GivenUp: r.changeFailed})
	for _, activity := range []string{wire.ActivityRefreshInstance, wire.ActivityRefreshLicenseCode} {
		q.Handle(activity, produce.Handler{Answered: r.refreshed, GivenUp: r.refreshFailed})
	}
	q.Handle(wire.ActivityUpdateLicenseCodeStatus, produce.Handler{Answered: func(ctx context.Context, c meta.Call, x produce.Exchange) (produce.Decision, error) {
		res, err := r.Store.Resource(ctx, c.Subject)
		if err != nil {
			return produce.Finish, err
		}
		return produce.Usual(x), r.follow(ctx, res)
	}})
	for _, activity := range []string{wire.ActivityReleaseInstance, wire.ActivityReleaseLicenseCode} {
		q.Handle(activity, produce.Handler{Answered: r.released})
	}
	return r
}

// sweepEvery is how often the clock's transitions are looked for; they are days apart.
const sweepEvery = 10 * time.Second

// Start begins the sweep. Close ends it.
func (r *Room) Start(ctx context.Context) {
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	r.wg.Go(func() { // ends with stop; Close waits
		for {
			if err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
				r.Log.Error("resources could not be swept", "error", err)
			}
			if clock.Wait(ctx, sweepEvery) != nil {
				return
			}
		}
	})
}

// Close ends the sweep and waits for it. It does nothing before Start.
func (r *Room) Close() {
	if r.stop != nil {
		r.stop()
		r.wg.Wait()
	}
}

// attempts bounds how often a step is made anew because another one was faster.
const attempts = 20

// step reads a resource, lets rule change it, and stores the step; when the resource has changed
// meanwhile, all over again. A rule that returns nil has nothing to do. rule may be run several
// times, and must change nothing but the step.
func (r *Room) step(ctx context.Context, id string, rule func(res meta.Resource) (*meta.Step, error)) (meta.Resource, error) {
	for range attempts {
		res, err := r.Store.Resource(ctx, id)
		if err != nil {
			return res, err
		}
		st, err := rule(res)
		if err != nil {
			return res, err
		}
		if st == nil {
			return res, r.follow(ctx, res) // what came after the step may have been lost in a crash
		}
		err = r.Store.TakeStep(ctx, *st)
		if changed(err) {
			continue
		}
		if err != nil {
			return res, err
		}
		return st.Resource, r.after(ctx, st.Resource)
	}
	return meta.Resource{}, fmt.Errorf("change resource %s: it changes all the time", id)
}

// after is what follows a step that is stored. Losing it in a crash loses nothing: the queue looks by
// itself, and who follows codes is told again with the answers to the calls of the step.
func (r *Room) after(ctx context.Context, res meta.Resource) error {
	r.Queue.Wake()
	return r.follow(ctx, res)
}

func (r *Room) follow(ctx context.Context, res meta.Resource) error {
	if res.Kind == meta.KindCode && r.Follow != nil {
		if err := r.Follow(ctx, res); err != nil {
			return fmt.Errorf("follow resource %s: %w", res.ID, err)
		}
	}
	return nil
}

// changed tells the one refusal that asks for another try.
func changed(err error) bool {
	var no *meta.Refusal
	return errors.As(err, &no) && no.Code == cloudapi.ErrConflict && no.Params["reason"] == "changed"
}

// conflict is a rule's no: the resource is in no state for this.
func conflict(sentence, reason string, res meta.Resource) error {
	return meta.Refuse(cloudapi.ErrConflict, sentence, "reason", reason, "state", res.State)
}

func (r *Room) now() time.Time { return meta.Stamp(r.Clock.Now()) }
