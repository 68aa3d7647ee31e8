package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Lives of tokens.
const (
	accessLife   = time.Hour
	deviceLife   = time.Hour
	transferLife = 15 * time.Minute
	refreshLife  = 30 * 24 * time.Hour
)

// maxToken bounds what is hashed; ours have 57 characters.
const maxToken = 128

func unauthenticated(message string, pairs ...string) error {
	return meta.Refuse(cloudapi.ErrUnauthenticated, message, pairs...)
}

// authenticate turns the tokens of a request into its principal. Open routes take
// none and ignore what is sent.
func (a *API) authenticate(c *Call, need Need) error {
	if need == Open {
		return nil
	}
	kind := meta.KindUser
	if need == OfTransfer || need == OfTransferWrite {
		kind = meta.KindTransfer
	}
	scheme, secret, _ := strings.Cut(c.R.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return unauthenticated("a bearer token is needed")
	}
	b, err := a.bearer(c, secret, kind)
	if err != nil {
		return err
	}
	c.User = userOf(b)
	if kind == meta.KindTransfer {
		c.Device = b.Token.Device
		c.Transfer = new(Scope)
		if err := json.Unmarshal(b.Token.Scope, c.Transfer); err != nil {
			return fmt.Errorf("read token's scope: %w", err)
		}
		return nil
	}
	device := c.R.Header.Get(cloudapi.HeaderDevice)
	if device == "" {
		if need == OfUserOnDevice {
			return unauthenticated("a device token is needed", "header", cloudapi.HeaderDevice)
		}
		return nil
	}
	// A device token that is shown must be good, also where none is needed.
	d, err := a.bearer(c, device, meta.KindDevice)
	if err != nil {
		return err
	}
	c.Device = d.Token.Device
	return nil
}

func (a *API) bearer(c *Call, secret, kind string) (meta.Bearer, error) {
	if !strings.HasPrefix(secret, kind) || len(secret) > maxToken {
		return meta.Bearer{}, unauthenticated("the token is not of the kind that is needed here")
	}
	b, err := a.c.Store.Bearer(c.Context(), meta.HashOf(secret), c.Now)
	if err != nil {
		return meta.Bearer{}, err
	}
	if b.Token.Kind != kind {
		return meta.Bearer{}, unauthenticated("the token is not of the kind that is needed here")
	}
	return b, nil
}

func userOf(b meta.Bearer) User {
	return User{Account: b.Account.Account, Name: b.Account.Name, Role: b.Account.Role, Org: b.Account.Org,
		OrgName: b.Account.OrgName, Family: b.Token.Family, Device: b.Token.Device}
}

// permit checks what the principal and its organisation alone can tell.
func (a *API) permit(c *Call, need Need) error {
	switch {
	case (need == OfAdmin || need == OfOperator || need == OfMerchant) && c.User.Role != meta.RoleAdmin:
		return meta.Refuse(cloudapi.ErrForbidden, "only an administrator may do this")
	case need == OfOperator:
		org, err := a.c.Store.Operator(c.Context())
		if err == nil && org != c.User.Org {
			err = meta.Refuse(cloudapi.ErrForbidden, "only an administrator of the organisation that runs this cloud may do this")
		}
		return err
	case need == OfMerchant:
		m, err := a.c.Store.MerchantOf(c.Context(), c.User.Org)
		if meta.CodeOf(err) == cloudapi.ErrNotFound {
			return meta.Refuse(cloudapi.ErrForbidden, "only a merchant's administrator may do this; the operator makes an organisation a merchant")
		}
		c.Merchant = m
		return err
	case need == OfTransferWrite && c.Transfer.Mode != "write":
		return meta.Refuse(cloudapi.ErrForbidden, "the token is for reading only")
	}
	return nil
}

// mint makes a token of a kind and its form at rest, without owner.
func mint(kind string, now time.Time, life time.Duration) (secret string, t meta.Token) {
	secret = meta.NewSecret(kind)
	return secret, rest(secret, kind, now, life)
}

// rest is a token at rest.
func rest(secret, kind string, now time.Time, life time.Duration) meta.Token {
	return meta.Token{Hash: meta.HashOf(secret), Kind: kind, Created: meta.Stamp(now), Expires: meta.Stamp(now.Add(life))}
}
