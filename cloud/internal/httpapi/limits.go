package httpapi

import (
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
)

// addressLimit limits open routes by where the request comes from. A proxy's
// X-Forwarded-For is not believed: anyone can write one.
func (a *API) addressLimit(c *Call, r Route) error {
	if r.Need != Open {
		return nil
	}
	which := a.c.Gates.Open
	if r.Strict {
		which = a.c.Gates.Strict
	}
	return early(which.Take(limit.Subnet(c.R.RemoteAddr), c.Now))
}

// principalLimit limits by account, or by device where there is no user.
func (a *API) principalLimit(c *Call) error {
	key := c.User.Account
	if key == "" {
		key = c.Device
	}
	if key == "" {
		return nil
	}
	return early(a.c.Gates.Account.Take(key, c.Now))
}

func early(wait time.Duration) error {
	if wait > 0 {
		return limit.Refuse(wait)
	}
	return nil
}
