package files

import (
	"cmp"
	"errors"
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/agent/internal/service/launch"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// signedIn is who is signed in for the OS user, refused when that is not account: what
// one account began is never done with another's rights. An empty account is of an
// operation that an agent began which did not note it; then anyone's do.
// api.NotSignedIn, SessionExpired, StoreDamaged; the detail names who must sign in.
func (r *Room) signedIn(uid caller.UID, account string) (string, error) {
	now, err := r.cfg.Account(uid)
	switch {
	case account == "":
		return now, err
	case err != nil:
		return "", refuse(api.CodeOf(err), account+" began it and must sign in again")
	case now != account:
		return "", refuse(api.SessionExpired, account+" began it and must sign in again; "+now+" is signed in")
	}
	return now, nil
}

// outcome of a look at a queued save.
type outcome int

const (
	ended outcome = iota // it has left the queue
	stuck                // it waits, and the later saves of its path behind it
	away                 // it waits for what all of the user's saves wait for
)

// lackPatience is how long a snapshot is waited for that the outbox lacks or cannot
// read: the user's home may be a disk that is not there yet.
const lackPatience = 7 * 24 * time.Hour

// over says whether err ends a queued save, of which the application was told that
// nothing is lost. The cloud's word about it does, and a cancel. All else may pass: a
// sign-in that ended, a home that is not mounted, a full disk, a worker that dies.
func (x *run) over(err error) bool {
	odd := errors.Is(err, errNotStaged)
	switch api.CodeOf(err) {
	case api.StoreDamaged, api.ContentDamaged, api.InvalidArgument:
		odd = true
	}
	since, now := x.job.Lacks, x.room.cfg.Clock.Now().UTC()
	switch {
	case !odd:
		x.job.Lacks = time.Time{}
	case since.IsZero() || now.Before(since):
		x.job.Lacks = now
	}
	if x.job.Lacks != since {
		x.note()
	}
	if odd {
		return now.Sub(x.job.Lacks) >= lackPatience
	}
	return err == nil || api.CodeOf(err) == api.Cancelled || forGood(err)
}

// forGood says that the cloud's word about a save will not change by waiting.
func forGood(err error) bool {
	switch api.CodeOf(err) {
	case api.CheckoutLost, api.NotCheckedOut, api.HeldByOther, api.Conflict, api.NameExists, api.NameInvalid,
		api.NotFound, api.Forbidden, api.TooLarge, api.NotCloudFile:
		return true
	}
	return false
}

// passes says that err has nothing to do with the file that is saved.
func passes(err error) bool {
	switch api.CodeOf(err) {
	case api.NotSignedIn, api.SessionExpired, api.PathInUse, api.DiskFull:
		return true
	}
	return cloudhttp.AwayOrBusy(err) || errors.Is(err, launch.ErrLost)
}

// wait leaves a save in the queue. When it waits for something else than was told
// last, its report is made again; causes that say nothing to a person are not told.
func (x *run) wait(err error) outcome {
	why := failure(x.op.Owner().Language, err)
	x.room.mu.Lock()
	x.waits = why.Code
	x.room.mu.Unlock()
	telling := why.Code != api.Internal && why.Code != api.PathInUse
	bothAway := cloudhttp.AwayOrBusy(why) && cloudhttp.AwayOrBusy(refuse(x.job.Why, ""))
	if telling && why.Code != x.job.Why && !bothAway {
		x.room.cfg.Log.Info("a queued save waits", "operation", x.op.ID(), "uid", x.uid, "error", err)
		x.tellQueued(why)
		x.note()
	}
	if cloudhttp.AwayOrBusy(err) || errors.Is(err, launch.ErrLost) || why.Code == api.DiskFull {
		return away
	}
	return stuck
}

// tellQueued reports that a save waits, and why.
func (x *run) tellQueued(why *api.Error) {
	params := events.Failure(x.op.Owner().Language, why)
	params["queued"], params["path"], params["object"] = "true", x.job.Path, x.job.Object
	if err := x.op.Queue(api.EventSaveResult, api.OperateSaveResult, params); err != nil {
		x.room.cfg.Log.Error("queued save not noted", "operation", x.op.ID(), "error", err)
	}
	x.job.Why = why.Code
}

// sure notes that the outbox has the snapshot.
func (x *run) sure() {
	if x.job.Unsure {
		x.job.Unsure = false
		x.note()
	}
}

// note is keep for what the next look would find again.
func (x *run) note() {
	if err := x.keep(); err != nil {
		x.room.cfg.Log.Error("queued save not noted", "operation", x.op.ID(), "error", err)
	}
}

// Waiting is a number of saves that wait for one account, for one cause.
type Waiting struct {
	Account string
	Code    api.Code
	Saves   int
}

// Waiting tells what a user's queued saves wait for, grouped. It asks nobody.
func (r *Room) Waiting(uid caller.UID) []Waiting {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.senders[uid]
	if s == nil {
		return nil
	}
	var all []Waiting
	for _, x := range s.queue {
		w := Waiting{Account: x.account, Code: x.waits}
		i := slices.IndexFunc(all, func(o Waiting) bool { return o.Account == w.Account && o.Code == w.Code })
		if i < 0 {
			i, all = len(all), append(all, w)
		}
		all[i].Saves++
	}
	slices.SortFunc(all, func(a, b Waiting) int {
		return cmp.Or(cmp.Compare(a.Account, b.Account), cmp.Compare(b.Code, a.Code))
	})
	return all
}
