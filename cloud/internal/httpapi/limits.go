package httpapi

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
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

// gates are the three limits of one API.
type gates struct{ strict, open, account *gate }

func newGates(l Limits) gates {
	return gates{
		strict:  newGate(l.StrictRate, l.StrictBurst),
		open:    newGate(l.AddressRate, l.AddressBurst),
		account: newGate(l.AccountRate, l.AccountBurst),
	}
}

// address limits open routes by where the request comes from. A proxy's
// X-Forwarded-For is not believed: anyone can write one.
func (g gates) address(c *Call, r Route) error {
	if r.Need != Open {
		return nil
	}
	which := g.open
	if r.Strict {
		which = g.strict
	}
	if wait := which.take(Subnet(c.R.RemoteAddr), c.Now); wait > 0 {
		return limited(c, wait)
	}
	return nil
}

// principal limits by account, or by device where there is no user.
func (g gates) principal(c *Call) error {
	key := c.User.Account
	if key == "" {
		key = c.Device
	}
	if key == "" {
		return nil
	}
	if wait := g.account.take(key, c.Now); wait > 0 {
		return limited(c, wait)
	}
	return nil
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

// gate is one limit over many keys.
type gate struct {
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

func newGate(perSecond, burst int) *gate {
	return &gate{rate: rate.Limit(perSecond), burst: burst, keys: map[string]*held{}}
}

// take uses one request up: 0, or how long to wait.
func (g *gate) take(key string, now time.Time) time.Duration {
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
func (g *gate) forget(now time.Time) {
	for k, h := range g.keys {
		if now.Sub(h.last) > idle {
			delete(g.keys, k)
		}
	}
	if len(g.keys) >= maxKeys {
		clear(g.keys)
	}
}
