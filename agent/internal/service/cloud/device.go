package cloud

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// Types of the proofs: a proof made for one purpose is none for another.
const (
	typeEnrol  = "iscdesk-enrol+jwt"
	typeDevice = "iscdesk-device+jwt"
)

// deviceRecord is the sealed record's name, enrolled its content.
const deviceRecord = "device"

type enrolled struct {
	Cloud  string          `json:"cloud"` // where the device is enrolled
	Device cloudapi.Device `json:"device"`
}

// tokenMargin is how long before its end a token is no longer used: the call
// that it is for takes time as well.
const tokenMargin = time.Minute

// DeviceID is the enrolled device's id, or empty before the first enrolment. It
// never asks the network.
func (c *Cloud) DeviceID() string { return c.known().Device.ID }

// known is the enrolment with the configured cloud, from memory or disk.
func (c *Cloud) known() enrolled {
	c.mu.Lock()
	device, loaded := c.device, c.loaded
	c.mu.Unlock()
	if loaded {
		return device
	}
	var e enrolled
	err := c.cfg.Store.LoadSealed(deviceRecord, &e)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, atomicfile.ErrDamaged) {
		return enrolled{} // unreadable now: asked again next time
	}
	if err != nil || e.Cloud != c.Base() {
		e = enrolled{} // the same key enrols to the same device again
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.loaded {
		c.device, c.loaded = e, true
	}
	return c.device
}

// Device enrols the device if that has not been done; the same install key
// always gets the same device.
func (c *Cloud) Device(ctx context.Context) (cloudapi.Device, error) {
	if e := c.known(); e.Device.ID != "" {
		return e.Device, nil
	}
	if err := c.enrol.enter(ctx); err != nil {
		return cloudapi.Device{}, fmt.Errorf("enrol device: %w", err)
	}
	defer c.enrol.leave()
	return c.enrolOnce(ctx)
}

// enrolOnce needs the gate.
func (c *Cloud) enrolOnce(ctx context.Context) (cloudapi.Device, error) {
	if e := c.known(); e.Device.ID != "" {
		return e.Device, nil
	}
	var d cloudapi.Device
	_, err := c.prove(ctx, "/v1/devices", typeEnrol, true, &d, func(base, nonce string, at time.Time) any {
		return cloudapi.EnrolClaims{Aud: base, Iat: at.Unix(), Nonce: nonce,
			Name: c.cfg.Name, Platform: c.cfg.Platform, Identity: c.cfg.Identity}
	}, func(proof string) any { return cloudapi.Enrol{Proof: proof} })
	if err != nil {
		return cloudapi.Device{}, err
	}
	e := enrolled{Cloud: c.Base(), Device: d}
	if err := c.cfg.Store.SaveSealed(deviceRecord, e); err != nil {
		return cloudapi.Device{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.device, c.loaded = e, true
	return d, nil
}

// DeviceToken is a live device token. A device that the cloud no longer knows is
// enrolled anew.
func (c *Cloud) DeviceToken(ctx context.Context) (string, error) { return c.deviceToken(ctx, "") }

// deviceToken is DeviceToken; refused is a token that the cloud did not take.
func (c *Cloud) deviceToken(ctx context.Context, refused string) (string, error) {
	if t := c.liveToken(refused); t != "" {
		return t, nil
	}
	if err := c.enrol.enter(ctx); err != nil {
		return "", fmt.Errorf("get device token: %w", err)
	}
	defer c.enrol.leave()
	if t := c.liveToken(refused); t != "" { // someone else fetched it meanwhile
		return t, nil
	}
	t, err := c.fetchToken(ctx)
	if cloudhttp.CloudCode(err) == cloudapi.ErrNotFound {
		c.mu.Lock()
		c.device, c.loaded = enrolled{}, true
		c.mu.Unlock()
		t, err = c.fetchToken(ctx)
	}
	return t, err
}

func (c *Cloud) liveToken(refused string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == refused || !c.cfg.Clock.Now().Before(c.expires) {
		return ""
	}
	return c.token
}

// fetchToken needs the gate.
func (c *Cloud) fetchToken(ctx context.Context) (string, error) {
	d, err := c.enrolOnce(ctx)
	if err != nil {
		return "", err
	}
	var t cloudapi.DeviceToken
	reply, err := c.prove(ctx, "/v1/devices/"+url.PathEscape(d.ID)+"/token", typeDevice, false, &t,
		func(base, nonce string, at time.Time) any {
			return cloudapi.DeviceClaims{Aud: base, Iat: at.Unix(), Nonce: nonce, Device: d.ID}
		}, func(proof string) any { return cloudapi.DeviceAuth{Proof: proof} })
	if err != nil {
		return "", err
	}
	life := t.Expires.Sub(reply.Time) // both the cloud's: our clock may be wrong
	c.mu.Lock()
	defer c.mu.Unlock()
	c.token, c.expires = t.Token, c.cfg.Clock.Now().Add(life-tokenMargin)
	return t.Token, nil
}

// wrongClock is how far our clock may be off before a refused proof is made
// again with the cloud's time; the cloud itself allows ten minutes.
const wrongClock = 5 * time.Minute

// prove sends a proof by the install key, and once more with the time that the
// cloud told when the first was refused and our clock is wrong.
func (c *Cloud) prove(ctx context.Context, path, typ string, embed bool, result any,
	claims func(base, nonce string, at time.Time) any, body func(proof string) any) (cloudhttp.Reply, error) {
	for again := false; ; again = true {
		at := c.Now()
		proof, err := c.sign(typ, embed, claims(c.Base(), rand.Text(), at))
		if err != nil {
			return cloudhttp.Reply{}, err
		}
		reply, err := c.do(ctx, cloudhttp.Request{Method: http.MethodPost, Path: path, JSON: body(proof), Result: result})
		if err == nil || again || reply.Time.IsZero() || reply.Time.Sub(at).Abs() < wrongClock {
			return reply, unproven(err)
		}
	}
}

// unproven keeps a refused proof apart from a user's ended sign-in, with which it
// shares the cloud's code: nobody can mend it by signing in again.
func unproven(err error) error {
	if cloudhttp.CloudCode(err) != cloudapi.ErrUnauthenticated {
		return err
	}
	return &api.Error{Code: api.CloudAnswer, Detail: "the cloud did not take this device's proof: " + err.Error()}
}

// sign makes a compact JWS by the install key; embed adds the public key.
func (c *Cloud) sign(typ string, embed bool, claims any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encode proof: %w", err)
	}
	opt := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: c.cfg.Key}, opt)
	if err != nil {
		return "", fmt.Errorf("sign proof: %w", err)
	}
	sig, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign proof: %w", err)
	}
	return sig.CompactSerialize()
}
