package pages

import (
	"net/http"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// A session is a token of its own kind in the store; the browser has the only copy of its secret.
const (
	cookieName  = "__Host-iscdesk-console"
	sessionIdle = 12 * time.Hour
	renewAfter  = 5 * time.Minute // a session is prolonged at most so often: a write for each page would be too many
	maxSecret   = 128
)

// authenticate finds the session of the request; without one the visit stays a stranger's.
func (v *Visit) authenticate() error {
	cookies := v.R.CookiesNamed(cookieName)
	if len(cookies) != 1 { // two of one name: somebody planted one
		return nil
	}
	secret := cookies[0].Value
	if !strings.HasPrefix(secret, meta.KindSession) || len(secret) > maxSecret {
		return nil
	}
	b, err := v.c.c.Store.Bearer(v.R.Context(), meta.HashOf(secret), v.Now)
	if meta.CodeOf(err) == cloudapi.ErrUnauthenticated || err == nil && b.Token.Kind != meta.KindSession {
		return nil
	}
	if err != nil {
		return err
	}
	// A page that asks by itself is nobody's sign of life.
	if until := v.Now.Add(sessionIdle); until.Sub(b.Token.Expires) > renewAfter && v.R.Header.Get("HX-Request") == "" {
		if err := v.c.c.Store.ProlongToken(v.R.Context(), b.Token.Hash, meta.Stamp(until), v.Now); err != nil {
			return err
		}
	}
	v.User = User{Account: b.Account.Account, Name: b.Account.Name, Role: b.Account.Role, Org: b.Account.Org, OrgName: b.Account.OrgName}
	v.secret, v.family = secret, b.Token.Family
	return v.standing()
}

// standing finds what the account's organisation is.
func (v *Visit) standing() error {
	if v.User.Role != meta.RoleAdmin {
		return nil
	}
	org, err := v.c.c.Store.Operator(v.R.Context())
	if err != nil {
		return err
	}
	v.User.Operator = org == v.User.Org
	v.Merchant, err = v.c.c.Store.MerchantOf(v.R.Context(), v.User.Org)
	if meta.CodeOf(err) == cloudapi.ErrNotFound {
		err = nil
	}
	return err
}

// newSession makes a session's secret and its form at rest, without owner.
func newSession(now time.Time) (string, meta.Token) {
	secret := meta.NewSecret(meta.KindSession)
	return secret, meta.Token{Hash: meta.HashOf(secret), Kind: meta.KindSession, Created: meta.Stamp(now), Expires: meta.Stamp(now.Add(sessionIdle))}
}

// setCookie gives the browser a cookie for this host only; "" takes it back.
func (v *Visit) setCookie(name, value string, age time.Duration) {
	c := &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: int(age / time.Second)}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(v.W, c)
}

// allowed says whether the visit has what a page needs.
func (v *Visit) allowed(need Need) bool {
	switch need {
	case Anyone:
		return true
	case OfMember:
		return v.SignedIn()
	case OfAdmin:
		return v.User.Role == meta.RoleAdmin
	case OfMerchant:
		return v.User.Role == meta.RoleAdmin && v.Merchant.ID != ""
	case OfOperator:
		return v.User.Operator
	}
	return false
}
