package httpapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

const (
	typEnrol  = "iscdesk-enrol+jwt"
	typDevice = "iscdesk-device+jwt"
)

func TestSameKeyIsSameDevice(t *testing.T) {
	c := apitest.Start(t)
	d := c.Enrol(t, "desk")
	claims := c.EnrolClaims("renamed")
	var again cloudapi.Device
	c.Must(t, "POST", "/v1/devices", nil, cloudapi.Enrol{Proof: d.Proof(t, typEnrol, claims)}, &again, http.StatusOK)
	if again.ID != d.ID || again.Name != "renamed" {
		t.Errorf("second enrolment of one key: %+v, want id %s", again, d.ID)
	}
	if other := c.Enrol(t, "desk"); other.ID == d.ID {
		t.Error("another key got the same device")
	}
}

func TestEnrolRefusals(t *testing.T) {
	c := apitest.Start(t, func(conf *app.Config) { conf.Names = []string{"cloud.example"} })
	d := apitest.NewDevice(t)
	change := func(f func(*cloudapi.EnrolClaims)) string {
		claims := c.EnrolClaims("desk")
		f(&claims)
		return d.Proof(t, typEnrol, claims)
	}
	good := change(func(*cloudapi.EnrolClaims) {})
	part := strings.Split(good, ".")
	for _, tt := range []struct {
		name, proof, want, reason string
	}{
		{"good", good, "", ""},
		{"replayed", good, cloudapi.ErrUnauthenticated, "replay"},
		{"good for a further name, in capitals, through a port", change(func(e *cloudapi.EnrolClaims) { e.Aud = "https://CLOUD.example:8443/" }), "", ""},
		{"for another cloud", change(func(e *cloudapi.EnrolClaims) { e.Aud = "https://evil.example" }), cloudapi.ErrUnauthenticated, "audience"},
		{"for http", change(func(e *cloudapi.EnrolClaims) { e.Aud = "http://127.0.0.1" }), cloudapi.ErrUnauthenticated, "audience"},
		{"for nobody", change(func(e *cloudapi.EnrolClaims) { e.Aud = "" }), cloudapi.ErrUnauthenticated, "audience"},
		{"10 minutes old", change(func(e *cloudapi.EnrolClaims) { e.Iat -= 600 }), "", ""},
		{"older", change(func(e *cloudapi.EnrolClaims) { e.Iat -= 601 }), cloudapi.ErrUnauthenticated, "clock"},
		{"10 minutes ahead", change(func(e *cloudapi.EnrolClaims) { e.Iat += 600 }), "", ""},
		{"further ahead", change(func(e *cloudapi.EnrolClaims) { e.Iat += 601 }), cloudapi.ErrUnauthenticated, "clock"},
		{"without a time", change(func(e *cloudapi.EnrolClaims) { e.Iat = 0 }), cloudapi.ErrUnauthenticated, "clock"},
		{"at the end of time", change(func(e *cloudapi.EnrolClaims) { e.Iat = 1<<63 - 1 }), cloudapi.ErrUnauthenticated, "clock"},
		{"nonce too short", change(func(e *cloudapi.EnrolClaims) { e.Nonce = "short" }), cloudapi.ErrInvalid, ""},
		{"nonce too long", change(func(e *cloudapi.EnrolClaims) { e.Nonce = strings.Repeat("n", 129) }), cloudapi.ErrInvalid, ""},
		{"no host name", change(func(e *cloudapi.EnrolClaims) { e.Name = "" }), cloudapi.ErrInvalid, ""},
		{"host name with a line end", change(func(e *cloudapi.EnrolClaims) { e.Name = "a\nb" }), cloudapi.ErrInvalid, ""},
		{"identity in capitals", change(func(e *cloudapi.EnrolClaims) { e.Identity = strings.ToUpper(e.Identity) }), cloudapi.ErrInvalid, ""},
		{"of the other type", d.Proof(t, typDevice, c.EnrolClaims("desk")), cloudapi.ErrUnauthenticated, "proof"},
		{"empty", "", cloudapi.ErrInvalid, ""},
		{"no JWS", "hello", cloudapi.ErrUnauthenticated, "proof"},
		{"too long", strings.Repeat("a", 8193), cloudapi.ErrInvalid, ""},
		{"claims exchanged", part[0] + "." + base64.RawURLEncoding.EncodeToString([]byte("{}")) + "." + part[2], cloudapi.ErrUnauthenticated, "proof"},
		{"signature cut", part[0] + "." + part[1] + ".", cloudapi.ErrUnauthenticated, "proof"},
		{"algorithm none", base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"iscdesk-enrol+jwt"}`)) + "." + part[1] + ".", cloudapi.ErrUnauthenticated, "proof"},
		{"key of another kind", ecdsaProof(t, c.EnrolClaims("desk")), cloudapi.ErrUnauthenticated, "proof"},
		{"without its key", withoutKey(t, d, c.EnrolClaims("desk")), cloudapi.ErrUnauthenticated, "proof"},
		{"claims no object", d.Proof(t, typEnrol, []int{1}), cloudapi.ErrUnauthenticated, "proof"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := c.Refused(t, "POST", "/v1/devices", nil, cloudapi.Enrol{Proof: tt.proof}, tt.want)
			if e.Params["reason"] != tt.reason {
				t.Errorf("reason %q, want %q", e.Params["reason"], tt.reason)
			}
			if tt.reason == "clock" && e.Params["time"] != c.Clock.Now().Format(time.RFC3339) {
				t.Errorf("the refusal tells the time as %q", e.Params["time"])
			}
		})
	}
}

func ecdsaProof(t *testing.T, claims any) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return apitest.Sign(t, jose.SigningKey{Algorithm: jose.ES256, Key: key}, (&jose.SignerOptions{EmbedJWK: true}).WithType(typEnrol), claims)
}

func withoutKey(t *testing.T, d *apitest.Device, claims any) string {
	t.Helper()
	return apitest.Sign(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: d.Key}, (&jose.SignerOptions{}).WithType(typEnrol), claims)
}

func TestDeviceTokenRefusals(t *testing.T) {
	c := apitest.Start(t)
	d, other := c.Enrol(t, "desk"), c.Enrol(t, "other")
	claims := func() cloudapi.DeviceClaims {
		return cloudapi.DeviceClaims{Aud: c.URL, Iat: c.Clock.Now().Unix(), Nonce: rand.Text(), Device: d.ID}
	}
	good := d.Proof(t, typDevice, claims())
	foreign := claims()
	foreign.Device = other.ID
	late := claims()
	late.Iat -= 601
	enrol := c.EnrolClaims("desk")
	for _, tt := range []struct{ name, device, proof, want, reason string }{
		{"good", d.ID, good, "", ""},
		{"replayed", d.ID, good, cloudapi.ErrUnauthenticated, "replay"},
		{"unknown device", "dev_none", d.Proof(t, typDevice, claims()), cloudapi.ErrNotFound, ""},
		{"signed by another device", d.ID, other.Proof(t, typDevice, claims()), cloudapi.ErrUnauthenticated, "proof"},
		{"claims of another device", d.ID, d.Proof(t, typDevice, foreign), cloudapi.ErrUnauthenticated, "proof"},
		{"too old", d.ID, d.Proof(t, typDevice, late), cloudapi.ErrUnauthenticated, "clock"},
		{"an enrolment", d.ID, d.Proof(t, typEnrol, enrol), cloudapi.ErrUnauthenticated, "proof"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := c.Refused(t, "POST", "/v1/devices/"+tt.device+"/token", nil, cloudapi.DeviceAuth{Proof: tt.proof}, tt.want)
			if e.Params["reason"] != tt.reason {
				t.Errorf("reason %q, want %q", e.Params["reason"], tt.reason)
			}
		})
	}
}
