package app

import (
	"context"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// doctorTimeout bounds the doctor's one question to the cloud.
const doctorTimeout = 8 * time.Second

// Results of a check.
const (
	checkOK      = "ok"
	checkWarning = "warning"
	checkFailed  = "failed"
	checkSkipped = "skipped"
)

const (
	clockSlack = 2 * time.Minute // between this machine's clock and the cloud's
	diskLeast  = 64 << 20        // bytes free where the agent keeps its state
)

// Status answers agent.status from memory.
func (r *rooms) Status(ctx context.Context, a caller.Actor) (api.Status, error) {
	auth, err := r.signin.Status(ctx, a)
	if err != nil {
		return api.Status{}, err
	}
	return api.Status{
		Build: r.cfg.Build, Protocol: api.ProtocolVersion, System: r.cfg.System,
		Started: r.started.UTC(), Endpoint: r.cfg.Socket,
		Cloud: r.http.Base(), Reachable: r.cloud.Reachable(), Device: r.cloud.DeviceID(),
		Auth: auth, Queued: r.events.Queued(a.UID),
	}, nil
}

// Doctor answers agent.doctor: what was tried, what came out, what to do.
func (r *rooms) Doctor(ctx context.Context, a caller.Actor) (api.Doctor, error) {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	checks := []api.Check{{
		Name: "agent", Result: checkOK, Tried: "asked the agent at " + r.cfg.Socket,
		Found: fmt.Sprintf("build %s, up since %s", r.cfg.Build, r.started.UTC().Format(time.RFC3339)),
	}, r.checkState(), r.checkDisk()}
	checks = append(checks, r.checkCloud(ctx, a.Language)...)
	return api.Doctor{Checks: checks}, nil
}

// checkState writes and reads a record as every other one is written.
func (r *rooms) checkState() api.Check {
	c := api.Check{Name: "state", Result: checkOK, Tried: "wrote and read a sealed record in " + r.cfg.State, Found: "it came back"}
	const name = "doctor"
	var back time.Time
	err := r.store.SaveSealed(name, r.started)
	if err == nil {
		err = r.store.LoadSealed(name, &back)
	}
	if err == nil {
		err = r.store.Delete(name)
	}
	switch {
	case err != nil:
		c.Result, c.Found, c.Code = checkFailed, err.Error(), api.StoreDamaged
		c.Do = "Look at the disk and at the folder's owner and mode; the agent's log has more."
	case r.store.Reset() != nil:
		c.Result, c.Found = checkWarning, "the state was begun anew at this start: "+r.store.Reset().Error()
		c.Do = "Sign in again. The old state was set aside in the same folder."
	}
	return c
}

func (r *rooms) checkDisk() api.Check {
	c := api.Check{Name: "disk", Result: checkOK, Tried: "asked for the free space of " + r.cfg.State}
	free, err := freeBytes(r.cfg.State)
	switch {
	case err != nil:
		c.Result, c.Found = checkSkipped, err.Error()
	case free < diskLeast:
		c.Result, c.Code = checkFailed, api.DiskFull
		c.Found = fmt.Sprintf("%d MiB free", free>>20)
		c.Do = fmt.Sprintf("Make room: at least %d MiB are needed.", diskLeast>>20)
	default:
		c.Found = fmt.Sprintf("%d MiB free", free>>20)
	}
	return c
}

// checkCloud asks the cloud once and reads four things from how that went: proxy,
// TLS, cloud and clock.
func (r *rooms) checkCloud(ctx context.Context, language string) []api.Check {
	proxy := api.Check{Name: "proxy", Result: checkOK, Tried: "read the setting proxy", Found: r.http.Proxy()}
	tls := api.Check{Name: "tls", Result: checkSkipped, Tried: "verified the certificate of " + r.http.Base(), Found: "no connection to verify"}
	cloud := api.Check{Name: "cloud", Tried: "asked " + r.http.Base() + " who it is"}
	clock := api.Check{Name: "clock", Result: checkSkipped, Tried: "compared with the cloud's time", Found: "no answer to compare with"}
	if r.http.Base() == "" {
		cloud.Tried, cloud.Result, cloud.Code = "looked for the setting cloud", checkFailed, api.CloudNotSet
		cloud.Found, cloud.Do = api.Text(api.CloudNotSet, language)
		tls.Tried = "nothing: no cloud is set"
		return []api.Check{cloud, tls, proxy, clock}
	}
	server, err := r.cloud.Server(ctx)
	code := api.CodeOf(err)
	if err != nil {
		_, hint := api.Text(code, language)
		cloud.Result, cloud.Code, cloud.Found, cloud.Do = checkFailed, code, err.Error(), hint
		switch code {
		case api.CloudUntrusted:
			tls.Result, tls.Code, tls.Found, tls.Do = checkFailed, code, err.Error(), hint
		case api.CloudAnswer: // something answered over a verified connection
			tls.Result, tls.Found = checkOK, "signed by a trusted authority"
		case api.CloudUnreachable:
			if r.http.Proxy() != "direct" {
				proxy.Result, proxy.Do = checkWarning, "Connections go through this proxy: see that it is up and lets the agent through."
			}
		}
		return []api.Check{cloud, tls, proxy, clock}
	}
	cloud.Result, cloud.Found = checkOK, fmt.Sprintf("build %s, API %d", server.Build, server.API)
	tls.Result, tls.Found = checkOK, "signed by a trusted authority"
	return []api.Check{cloud, tls, proxy, r.checkClock(clock, server)}
}

func (r *rooms) checkClock(c api.Check, server cloudapi.Server) api.Check {
	off := r.cfg.Clock.Now().Sub(server.Time)
	c.Result, c.Found = checkOK, fmt.Sprintf("%s apart", off.Abs().Round(time.Second))
	if off.Abs() > clockSlack {
		c.Result, c.Code = checkWarning, api.ClockSuspect
		c.Do = "Set this machine's clock, or let it follow a time server."
	}
	return c
}
