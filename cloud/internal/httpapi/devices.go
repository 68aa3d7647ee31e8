package httpapi

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/cloud/internal/issue"
	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Header types of the two proofs: one is never taken for the other.
const (
	typeEnrol  = "iscdesk-enrol+jwt"
	typeDevice = "iscdesk-device+jwt"
)

const (
	maxProof = 8 << 10          // bytes of a proof
	skew     = 10 * time.Minute // how far a device's clock may be off
)

// deviceRoutes: enrolment with the install key, and the tokens it is good for.
func (a *API) deviceRoutes() []Route {
	return []Route{
		{Pattern: "POST /v1/devices", Need: Open, Strict: true, Handle: a.postDevice},
		{Pattern: "POST /v1/devices/{id}/token", Need: Open, Handle: a.postDeviceToken},
	}
}

func (a *API) postDevice(c *Call) error {
	var in cloudapi.Enrol
	if err := c.Decode(&in); err != nil {
		return err
	}
	sig, err := parseProof(in.Proof, typeEnrol)
	if err != nil {
		return err
	}
	key := sig.Signatures[0].Protected.JSONWebKey
	if key == nil {
		return badProof("proof", "the proof does not carry its key")
	}
	// Only the key itself is kept and named: whatever else stood in the header is not ours.
	public, ok := key.Key.(ed25519.PublicKey)
	if !ok || len(public) != ed25519.PublicKeySize {
		return badProof("proof", "the proof's key is not an Ed25519 public key")
	}
	clean := jose.JSONWebKey{Key: public}
	var claims cloudapi.EnrolClaims
	if err := openProof(sig, clean, &claims); err != nil {
		return err
	}
	if err := a.fresh(c, claims.Aud, claims.Iat); err != nil {
		return err
	}
	if err := checkEnrol(claims); err != nil {
		return err
	}
	thumb, err := issue.Thumbprint(clean)
	if err != nil {
		return err
	}
	text, err := clean.MarshalJSON()
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	d := meta.Device{ID: meta.NewID("dev"), Thumb: thumb, Key: text, Name: claims.Name, Platform: claims.Platform,
		Identity: claims.Identity, Created: meta.Stamp(c.Now), Seen: meta.Stamp(c.Now)}
	stored, err := a.c.Store.Enrol(c.Context(), d, nonce(thumb, claims.Nonce, claims.Iat), c.Why("device.enrolled", "name", d.Name, "platform", d.Platform))
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.Device{ID: stored.ID, Name: stored.Name})
}

func checkEnrol(claims cloudapi.EnrolClaims) error {
	if err := text("nonce", claims.Nonce, 16, maxID); err != nil {
		return err
	}
	if err := text("name", claims.Name, 1, maxDisplay*2); err != nil {
		return err
	}
	if err := text("platform", claims.Platform, 1, 64); err != nil {
		return err
	}
	if claims.Identity != "" && (len(claims.Identity) != 64 || strings.Trim(claims.Identity, "0123456789abcdef") != "") {
		return Invalid("identity", "the identity is a SHA-256 in lower-case hex")
	}
	return nil
}

func (a *API) postDeviceToken(c *Call) error {
	var in cloudapi.DeviceAuth
	if err := c.Decode(&in); err != nil {
		return err
	}
	id := c.Path("id")
	if err := text("id", id, 1, maxID); err != nil {
		return err
	}
	sig, err := parseProof(in.Proof, typeDevice)
	if err != nil {
		return err
	}
	d, err := a.c.Store.Device(c.Context(), id)
	if err != nil {
		return err
	}
	var key jose.JSONWebKey
	if err := key.UnmarshalJSON(d.Key); err != nil {
		return fmt.Errorf("read device's key: %w", err)
	}
	var claims cloudapi.DeviceClaims
	if err := openProof(sig, key, &claims); err != nil {
		return err
	}
	if err := a.fresh(c, claims.Aud, claims.Iat); err != nil {
		return err
	}
	if claims.Device != d.ID {
		return badProof("proof", "the proof is another device's")
	}
	if err := text("nonce", claims.Nonce, 16, maxID); err != nil {
		return err
	}
	secret, t := mint(meta.KindDevice, c.Now, deviceLife)
	t.Device, t.Family = d.ID, meta.NewID("fam")
	if err := a.c.Store.DeviceToken(c.Context(), t, nonce(d.Thumb, claims.Nonce, claims.Iat)); err != nil {
		return err
	}
	return c.JSON(http.StatusOK, cloudapi.DeviceToken{Token: secret, Expires: t.Expires})
}

func badProof(reason, message string, pairs ...string) error {
	return unauthenticated(message, append([]string{"reason", reason}, pairs...)...)
}

func parseProof(proof, typ string) (*jose.JSONWebSignature, error) {
	if proof == "" || len(proof) > maxProof {
		return nil, Invalid("proof", "the proof is missing or too long")
	}
	sig, err := jose.ParseSignedCompact(proof, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		return nil, badProof("proof", "the proof is not a compact EdDSA signature")
	}
	if t, _ := sig.Signatures[0].Protected.ExtraHeaders[jose.HeaderType].(string); t != typ {
		return nil, badProof("proof", "the proof is of another type")
	}
	return sig, nil
}

func openProof(sig *jose.JSONWebSignature, key jose.JSONWebKey, claims any) error {
	payload, err := sig.Verify(key)
	if err != nil {
		return badProof("proof", "the proof's signature is wrong")
	}
	if err := json.Unmarshal(payload, claims); err != nil {
		return badProof("proof", "the proof's claims are not the JSON object that belongs there")
	}
	return nil
}

// fresh checks whom a proof is for and when it was made. The host must be one of our
// names: otherwise a false cloud could pass on what it was sent. The port does
// not count, because a proxy or a forwarded port may stand before us.
func (a *API) fresh(c *Call, aud string, iat int64) error {
	u, err := url.Parse(aud)
	if err != nil || u.Scheme != "https" || !slices.ContainsFunc(a.c.Names, func(n string) bool { return strings.EqualFold(n, u.Hostname()) }) {
		return badProof("audience", "the proof is for another cloud; start this one with --name for each of its host names")
	}
	if off := c.Now.Sub(time.Unix(iat, 0)); off > skew || off < -skew {
		return badProof("clock", "the device's clock is more than ten minutes off", "time", meta.Stamp(c.Now).Format(time.RFC3339))
	}
	return nil
}

// nonce is remembered until its proof would be too old anyway.
func nonce(thumb, value string, iat int64) meta.Nonce {
	return meta.Nonce{Hash: meta.HashOf(thumb + "\x00" + value), Expires: meta.Stamp(time.Unix(iat, 0).Add(2 * skew))}
}
