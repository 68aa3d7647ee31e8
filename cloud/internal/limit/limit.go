// Package limit bounds how often one address or one account may ask the cloud. The doors
// (httpapi and pages) share one set of gates, so that whoever is limited at one does not go on
// at the other; package app makes it. It decides about numbers only and never looks at a request.
package limit

import (
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Limits bound how often one address or one account may ask. Burst is what may
// come at once, Rate the refill in requests a second.
type Limits struct {
	StrictRate, StrictBurst   int // routes that guess secrets or make rows, by address; default 5, 60
	AddressRate, AddressBurst int // other open routes, by address; default 50, 200
	AccountRate, AccountBurst int // everything with a token, by account or device; default 400, 1200
}

func (l *Limits) fill() {
	for _, v := range []struct {
		p *int
		d int
	}{{&l.StrictRate, 5}, {&l.StrictBurst, 60}, {&l.AddressRate, 50}, {&l.AddressBurst, 200}, {&l.AccountRate, 400}, {&l.AccountBurst, 1200}} {
		if *v.p <= 0 {
			*v.p = v.d
		}
	}
}

// Gates are the three limits of one cloud.
type Gates struct {
	Strict, Open *Gate // keys are from Subnet
	Account      *Gate // keys are accounts and devices
}

// New makes the gates; zero members of l take their defaults.
func New(l Limits) *Gates {
	l.fill()
	return &Gates{
		Strict:  newGate(l.StrictRate, l.StrictBurst),
		Open:    newGate(l.AddressRate, l.AddressBurst),
		Account: newGate(l.AccountRate, l.AccountBurst),
	}
}

// Subnet is the address without the port; of IPv6 the /64, which is what one customer gets.
func Subnet(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	a := ap.Addr().Unmap()
	if a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return remote
	}
	return p.String()
}

// maxKeys bounds a gate's memory; idle gives up a key that has been full again for long.
const (
	maxKeys = 20000
	idle    = 10 * time.Minute
)

// together is how far the times of requests that come at once lie apart at most.
const together = time.Minute

// Gate is one limit over many keys. It may be used by several goroutines.
type Gate struct {
	rate  rate.Limit
	burst int

	// mu guards keys.
	mu   sync.Mutex
	keys map[string]*held
}

type held struct {
	limiter *rate.Limiter
	last    time.Time
}

func newGate(perSecond, burst int) *Gate {
	return &Gate{rate: rate.Limit(perSecond), burst: burst, keys: map[string]*held{}}
}

// Take uses one request up: 0, or how long to wait.
func (g *Gate) Take(key string, now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := g.keys[key]
	if h == nil {
		if len(g.keys) >= maxKeys {
			g.forget(now)
		}
		h = &held{limiter: rate.NewLimiter(g.rate, g.burst)}
		g.keys[key] = h
	}
	// Requests that come together arrive here in another order than their times have. Going back and forth
	// between these would count the time between them again and again; only a clock that was set goes back.
	if late := h.last.Sub(now); late > 0 && late < together {
		now = h.last
	}
	h.last = now
	r := h.limiter.ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now) // a refused request uses nothing up
	}
	return wait
}

// forget drops idle keys, and everything when that is not enough: an attacker with
// that many addresses is not held by a limit on addresses.
func (g *Gate) forget(now time.Time) {
	for k, h := range g.keys {
		if now.Sub(h.last) > idle {
			delete(g.keys, k)
		}
	}
	if len(g.keys) >= maxKeys {
		clear(g.keys)
	}
}

// Refuse is the refusal of what comes too early: rate_limited with param seconds, whole and at least 1.
func Refuse(wait time.Duration) error {
	seconds := strconv.FormatInt(int64(wait/time.Second)+1, 10)
	return meta.Refuse(cloudapi.ErrRateLimited, "too many requests; try again later", "seconds", seconds)
}
