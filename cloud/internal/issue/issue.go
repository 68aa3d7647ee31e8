// Package issue is the only place with signing keys: the key of leases, the key of the
// built-in issuer (which plays a software vendor), and the secret that makes a refresh
// repeatable. The front door calls it. It never decides whether something may be
// issued, never gives a private key away, and never logs one.
package issue

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/cloud/internal/keyfile"
	"github.com/iscdesk/iscdesk/internal/token"
)

// Names of the key files inside the cloud's data folder, each 0600.
const (
	leaseFile   = "lease.key"
	issuerFile  = "issuer.key"
	refreshFile = "refresh.key"
)

// Issuer holds the keys. All methods may be called from several goroutines.
type Issuer struct {
	leases  jose.Signer
	imports jose.Signer // by the same key, for another type of statement
	public  jose.JSONWebKeySet
	issuer  ed25519.PrivateKey
	refresh []byte
}

// Open reads the keys from dir and makes those that do not exist yet. A key file
// that is damaged is an error: a new key in its place would void every lease in silence.
func Open(dir string) (*Issuer, error) {
	lease, err := keyfile.Seed(filepath.Join(dir, leaseFile))
	if err != nil {
		return nil, err
	}
	issuer, err := keyfile.Seed(filepath.Join(dir, issuerFile))
	if err != nil {
		return nil, err
	}
	refresh, err := keyfile.Seed(filepath.Join(dir, refreshFile))
	if err != nil {
		return nil, err
	}
	private := ed25519.NewKeyFromSeed(lease)
	key := jose.JSONWebKey{Key: private.Public(), Algorithm: string(jose.EdDSA), Use: "sig"}
	if key.KeyID, err = Thumbprint(key); err != nil {
		return nil, err
	}
	signing := jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: private, KeyID: key.KeyID}}
	leases, err := jose.NewSigner(signing, (&jose.SignerOptions{}).WithType(token.Type))
	if err != nil {
		return nil, fmt.Errorf("use lease key: %w", err)
	}
	imports, err := jose.NewSigner(signing, (&jose.SignerOptions{}).WithType(token.ImportType))
	if err != nil {
		return nil, fmt.Errorf("use lease key: %w", err)
	}
	return &Issuer{leases: leases, imports: imports, public: jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key}},
		issuer: ed25519.NewKeyFromSeed(issuer), refresh: refresh}, nil
}

// Keys is the public half of the lease key, as GET /v1/keys answers it.
func (i *Issuer) Keys() jose.JSONWebKeySet { return i.public }

// Thumbprint names a key by its RFC 7638 thumbprint (SHA-256, base64url).
func Thumbprint(key jose.JSONWebKey) (string, error) {
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("name key: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}

// Lease signs a lease; it refuses what package token would not verify.
func (i *Issuer) Lease(l token.Lease) (string, error) {
	claims, err := l.Claims()
	if err != nil {
		return "", err
	}
	return compact(i.leases, claims, "lease")
}

// Import signs a licence document; it refuses what package token would not verify.
func (i *Issuer) Import(d token.Import) (string, error) {
	claims, err := d.Claims()
	if err != nil {
		return "", err
	}
	return compact(i.imports, claims, "licence document")
}

func compact(by jose.Signer, claims []byte, what string) (string, error) {
	sig, err := by.Sign(claims)
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", what, err)
	}
	jws, err := sig.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("sign %s: %w", what, err)
	}
	return jws, nil
}

// Successor derives the token that follows a refresh token in one exchange: the same
// (refresh token, attempt) always gives the same successors, so a repeated request after a lost
// answer needs no token in the clear at rest. kind is the prefix of the token to make.
func (i *Issuer) Successor(kind, refreshToken, attempt string) string {
	m := hmac.New(sha256.New, i.refresh)
	for _, s := range []string{kind, refreshToken, attempt} {
		fmt.Fprintf(m, "%d:%s,", len(s), s)
	}
	return kind + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(m.Sum(nil)))
}
