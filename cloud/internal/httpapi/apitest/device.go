package apitest

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Device is a machine with an install key, as a test plays it.
type Device struct {
	Key   ed25519.PrivateKey
	ID    string // after Enrol
	Token string // after Enrol
}

// NewDevice makes a key; nothing is enrolled yet.
func NewDevice(t testing.TB) *Device {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &Device{Key: key}
}

// Enrol enrols a new device and gets its token.
func (c *Cloud) Enrol(t testing.TB, name string) *Device {
	t.Helper()
	d := NewDevice(t)
	var out cloudapi.Device
	c.Must(t, "POST", "/v1/devices", nil, cloudapi.Enrol{Proof: d.Proof(t, "iscdesk-enrol+jwt", c.EnrolClaims(name))}, &out, http.StatusOK)
	d.ID = out.ID
	c.Retoken(t, d)
	return d
}

// Retoken gets a fresh device token.
func (c *Cloud) Retoken(t testing.TB, d *Device) {
	t.Helper()
	var out cloudapi.DeviceToken
	proof := d.Proof(t, "iscdesk-device+jwt", cloudapi.DeviceClaims{Aud: c.URL, Iat: c.Clock.Now().Unix(), Nonce: rand.Text(), Device: d.ID})
	c.Must(t, "POST", "/v1/devices/"+d.ID+"/token", nil, cloudapi.DeviceAuth{Proof: proof}, &out, http.StatusOK)
	d.Token = out.Token
}

// EnrolClaims are good claims for enrolling now.
func (c *Cloud) EnrolClaims(name string) cloudapi.EnrolClaims {
	return cloudapi.EnrolClaims{Aud: c.URL, Iat: c.Clock.Now().Unix(), Nonce: rand.Text(), Name: name, Platform: "linux/amd64",
		Identity: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
}

// Proof signs claims with the device's key; an enrolment carries the public key.
func (d *Device) Proof(t testing.TB, typ string, claims any) string {
	t.Helper()
	opts := (&jose.SignerOptions{}).WithType(jose.ContentType(typ))
	if typ == "iscdesk-enrol+jwt" {
		opts.EmbedJWK = true
	}
	return Sign(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: d.Key}}, opts, claims)
}

// Sign is a proof of any kind, good or bad.
func Sign(t testing.TB, key jose.SigningKey, opts *jose.SignerOptions, claims any) string {
	t.Helper()
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(key, opts)
	if err != nil {
		t.Fatal(err)
	}
	sig, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	out, err := sig.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}
