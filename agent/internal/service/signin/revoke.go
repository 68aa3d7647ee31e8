package signin

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"time"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// revokeRecord holds the sign-outs that the cloud has not been told, sealed.
const revokeRecord = "signouts"

// maxRevokes bounds the record; the oldest end by themselves in the cloud.
const maxRevokes = 100

type revocation struct {
	Cloud   string          `json:"cloud"`
	Tokens  cloudapi.Tokens `json:"tokens"`
	Attempt string          `json:"attempt"` // of the refresh that may be needed
}

// queueRevoke notes that tokens must end in the cloud, and tries at once.
func (r *Room) queueRevoke(t cloudapi.Tokens) {
	if t.RefreshToken == "" {
		return
	}
	err := r.changeRevokes(func(list []revocation) []revocation {
		list = append(list, revocation{Cloud: r.cfg.Cloud.Base(), Tokens: t, Attempt: rand.Text()})
		return list[max(0, len(list)-maxRevokes):]
	})
	if err != nil {
		r.cfg.Log.Error("note sign-out", "error", err)
	}
	select {
	case r.wake <- struct{}{}:
	default: // a sign that is already there is enough
	}
}

// Pauses between tries while the cloud is away.
const (
	firstPause = time.Minute
	lastPause  = time.Hour
)

// revokeAll works off the queue whenever there is something in it, until Close.
func (r *Room) revokeAll() {
	for failures := 0; ; {
		var again <-chan time.Time
		if r.revokeQueued() {
			failures = 0
		} else {
			again = time.After(min(lastPause, firstPause<<min(failures, 10)))
			failures++
		}
		select {
		case <-r.ctx.Done():
			return
		case <-again:
		case <-r.wake:
		}
	}
}

func (r *Room) revokes() []revocation {
	var list []revocation
	err := r.cfg.Store.LoadSealed(revokeRecord, &list)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.cfg.Log.Error("read sign-outs", "error", err)
	}
	return list
}

func (r *Room) changeRevokes(change func([]revocation) []revocation) error {
	r.revoking.Lock()
	defer r.revoking.Unlock()
	list := change(r.revokes())
	if len(list) == 0 {
		return r.cfg.Store.Delete(revokeRecord)
	}
	err := r.cfg.Store.SaveSealed(revokeRecord, list)
	if errors.Is(err, atomicfile.ErrTooLarge) {
		return r.cfg.Store.SaveSealed(revokeRecord, list[len(list)-1:])
	}
	return err
}

// revokeQueued tells the cloud of each sign-out that waits; the first one that
// cannot be told keeps the rest waiting too. It reports whether nothing is left.
func (r *Room) revokeQueued() bool {
	ctx, cancel := context.WithTimeout(r.ctx, time.Minute)
	defer cancel()
	r.revoking.Lock()
	list := r.revokes()
	r.revoking.Unlock()
	for _, v := range list {
		if v.Cloud == r.cfg.Cloud.Base() {
			if err := r.revoke(ctx, v); err != nil {
				return false
			}
		}
		err := r.changeRevokes(func(now []revocation) []revocation {
			var rest []revocation
			for _, o := range now {
				if o.Attempt != v.Attempt {
					rest = append(rest, o)
				}
			}
			return rest
		})
		if err != nil {
			r.cfg.Log.Error("forget sign-out", "error", err)
			return false
		}
	}
	return true
}

// revoke ends one token family. An access token that has ended is exchanged once
// more; a family that the cloud does not take any more is revoked already.
func (r *Room) revoke(ctx context.Context, v revocation) error {
	err := r.cfg.Cloud.Logout(ctx, v.Tokens.AccessToken)
	if cloudhttp.CloudCode(err) == cloudapi.ErrUnauthenticated {
		var t cloudapi.Tokens
		if t, err = r.cfg.Cloud.Refresh(ctx, v.Tokens.RefreshToken, v.Attempt); err == nil {
			err = r.cfg.Cloud.Logout(ctx, t.AccessToken)
		}
	}
	if err == nil || !waits(err) {
		return nil
	}
	return err
}

// waits says that a call may succeed later: the cloud is away, busy, or we are
// being stopped. A refusal is final.
func waits(err error) bool {
	var refused *cloudhttp.Refusal
	if !errors.As(err, &refused) {
		return true
	}
	return cloudhttp.Away(err) || refused.Cloud.Code == cloudapi.ErrRateLimited
}
