package license

import (
	"context"
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/internal/token"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const keysRecord = "lease-keys"

// pinned is the sealed record of the cloud's lease keys.
type pinned struct {
	Cloud string             `json:"cloud"`
	Keys  jose.JSONWebKeySet `json:"keys"`
}

// loadKeys reads the pinned keys. Those of another cloud are none.
func (r *Room) loadKeys() {
	var p pinned
	err := r.cfg.Store.LoadSealed(keysRecord, &p)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		r.cfg.Log.Error("pinned keys cannot be read", "error", err)
	}
	if err == nil && p.Cloud == r.cfg.Cloud.Base() {
		r.keys = p.Keys
	}
}

// fetchKeys asks the cloud for its keys and pins them. The first answer is
// believed because TLS was verified; later ones only when they share a key with
// the pinned ones, which is how a cloud rotates.
func (r *Room) fetchKeys(ctx context.Context) error {
	keys, err := r.cfg.Cloud.Keys(ctx)
	if err != nil {
		return err
	}
	r.saving.Lock()
	defer r.saving.Unlock()
	r.mu.Lock()
	have := r.keys
	r.mu.Unlock()
	if len(have.Keys) > 0 && !overlap(have, keys) {
		return &api.Error{Code: api.LicenseUntrusted, Detail: "the cloud shows none of the lease keys that this agent pinned"}
	}
	if err := r.cfg.Store.SaveSealed(keysRecord, pinned{Cloud: r.cfg.Cloud.Base(), Keys: keys}); err != nil {
		return fmt.Errorf("pin keys: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.keys = keys
	return nil
}

func overlap(a, b jose.JSONWebKeySet) bool {
	seen := map[string]bool{}
	for _, k := range a.Keys {
		if t, err := k.Thumbprint(crypto.SHA256); err == nil {
			seen[string(t)] = true
		}
	}
	for _, k := range b.Keys {
		if t, err := k.Thumbprint(crypto.SHA256); err == nil && seen[string(t)] {
			return true
		}
	}
	return false
}

// verify checks a lease against the known keys and against whom it must be for.
func (r *Room) verify(jws, product, account string) (token.Lease, error) {
	r.mu.Lock()
	keys := r.keys
	r.mu.Unlock()
	lease, err := token.Verify(jws, keys)
	if err != nil {
		return token.Lease{}, &api.Error{Code: api.LicenseUntrusted, Detail: err.Error()}
	}
	own := jose.JSONWebKey{Key: r.cfg.Store.InstallKey().Public()}
	thumb, err := own.Thumbprint(crypto.SHA256)
	if err != nil {
		return token.Lease{}, fmt.Errorf("name install key: %w", err)
	}
	switch {
	case lease.KeyThumb != base64.RawURLEncoding.EncodeToString(thumb):
		err = errors.New("the lease is for another install key")
	case lease.Device != r.cfg.Cloud.DeviceID():
		err = errors.New("the lease is for another device")
	case lease.Product != product:
		err = errors.New("the lease is for another product")
	case lease.Account != account:
		err = errors.New("the lease is for another account")
	}
	if err != nil {
		return token.Lease{}, &api.Error{Code: api.LicenseUntrusted, Detail: err.Error()}
	}
	return lease, nil
}

// accept verifies a lease that the cloud has just sent; keys that are not known
// yet are fetched once.
func (r *Room) accept(ctx context.Context, jws, product, account string) (token.Lease, error) {
	lease, err := r.verify(jws, product, account)
	if api.CodeOf(err) != api.LicenseUntrusted {
		return lease, err
	}
	if ferr := r.fetchKeys(ctx); ferr != nil {
		return token.Lease{}, ferr
	}
	return r.verify(jws, product, account)
}
