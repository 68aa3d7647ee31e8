package cloudtest

import (
	"cmp"
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func thumb(key jose.JSONWebKey) string {
	t, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		panic("cloudtest: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(t)
}

func kid(key ed25519.PrivateKey) string { return thumb(jose.JSONWebKey{Key: key.Public()}) }

// proof opens a proof of type typ and checks whom it is for and when it was made.
func (c *Cloud) proof(text, typ string, key *jose.JSONWebKey, claims any) bool {
	sig, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || sig.Signatures[0].Protected.ExtraHeaders[jose.HeaderType] != typ {
		return false
	}
	if key == nil {
		key = sig.Signatures[0].Protected.JSONWebKey
	}
	payload, err := sig.Verify(key)
	if err != nil || json.Unmarshal(payload, claims) != nil {
		return false
	}
	var common struct {
		Aud string `json:"aud"`
		Iat int64  `json:"iat"`
	}
	if json.Unmarshal(payload, &common) != nil || common.Aud != c.Server.URL {
		return false
	}
	return c.Now().Sub(time.Unix(common.Iat, 0)).Abs() < 10*time.Minute
}

func (c *Cloud) enrol(w http.ResponseWriter, r *http.Request) {
	var in cloudapi.Enrol
	var claims cloudapi.EnrolClaims
	if json.NewDecoder(r.Body).Decode(&in) != nil || !c.proof(in.Proof, "iscdesk-enrol+jwt", nil, &claims) {
		refuse(w, 401, cloudapi.ErrUnauthenticated)
		return
	}
	sig, err := jose.ParseSignedCompact(in.Proof, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil {
		refuse(w, 400, cloudapi.ErrInvalid)
		return
	}
	key := *sig.Signatures[0].Protected.JSONWebKey
	id, ok := c.thumbs[thumb(key)]
	if !ok {
		id = c.next("dev")
		c.thumbs[thumb(key)], c.devices[id] = id, key
	}
	answer(w, cloudapi.Device{ID: id, Name: claims.Name})
}

func (c *Cloud) deviceToken(w http.ResponseWriter, r *http.Request) {
	id := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/devices/"), "/token")
	key, ok := c.devices[id]
	if !ok {
		refuse(w, 404, cloudapi.ErrNotFound)
		return
	}
	var in cloudapi.DeviceAuth
	var claims cloudapi.DeviceClaims
	if json.NewDecoder(r.Body).Decode(&in) != nil || !c.proof(in.Proof, "iscdesk-device+jwt", &key, &claims) || claims.Device != id {
		refuse(w, 401, cloudapi.ErrUnauthenticated)
		return
	}
	t := c.next("iscd_")
	c.access[t] = access{device: id, expires: c.Now().Add(time.Hour)}
	answer(w, cloudapi.DeviceToken{Token: t, Expires: c.Now().Add(time.Hour)})
}

func me() cloudapi.Me {
	return cloudapi.Me{Account: Account, Name: "Li", Organisation: "Works", Role: "member"}
}

func (c *Cloud) tokens(family string) cloudapi.Tokens {
	t := cloudapi.Tokens{AccessToken: c.next("iscu_"), AccessExpires: c.Now().Add(c.Life), RefreshToken: c.next("iscr_"),
		RefreshExpires: c.Now().Add(30 * 24 * time.Hour), Me: me()}
	c.access[t.AccessToken] = access{family: family, expires: t.AccessExpires}
	c.refreshes[t.RefreshToken] = &refresh{family: family}
	return t
}

func (c *Cloud) login(w http.ResponseWriter, r *http.Request) {
	var in cloudapi.Login
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		refuse(w, 400, cloudapi.ErrInvalid)
		return
	}
	if _, ok := c.devices[in.Device]; !ok {
		refuse(w, 400, cloudapi.ErrInvalid)
		return
	}
	if in.Account != Account || in.Password != Password {
		refuse(w, 401, cloudapi.ErrWrongCredentials)
		return
	}
	answer(w, c.tokens(c.next("fam")))
}

func (c *Cloud) refresh(w http.ResponseWriter, r *http.Request) {
	var in cloudapi.Refresh
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		refuse(w, 400, cloudapi.ErrInvalid)
		return
	}
	old := c.refreshes[in.RefreshToken]
	switch {
	case old == nil:
		refuse(w, 401, cloudapi.ErrUnauthenticated)
	case old.attempt == "":
		old.attempt, old.answer = in.Attempt, c.tokens(old.family)
		answer(w, old.answer)
	case old.attempt == in.Attempt && c.refreshes[old.answer.RefreshToken].attempt == "":
		old.answer.AccessExpires = c.Now().Add(c.Life)
		c.access[old.answer.AccessToken] = access{family: old.family, expires: old.answer.AccessExpires}
		answer(w, old.answer)
	default:
		c.revoke(old.family)
		refuse(w, 401, cloudapi.ErrUnauthenticated)
	}
}

func (c *Cloud) revoke(family string) {
	for t, a := range c.access {
		if a.family == family {
			delete(c.access, t)
		}
	}
	for t, f := range c.refreshes {
		if f.family == family {
			delete(c.refreshes, t)
		}
	}
}

func (c *Cloud) keys(w http.ResponseWriter) {
	var set jose.JSONWebKeySet
	for _, k := range c.Keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: kid(k), Algorithm: "EdDSA", Use: "sig"})
	}
	answer(w, set)
}

// asUser serves what needs a sign-in.
func (c *Cloud) asUser(w http.ResponseWriter, r *http.Request) {
	a, ok := c.access[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	if !ok || a.family == "" || !c.Now().Before(a.expires) {
		refuse(w, 401, cloudapi.ErrUnauthenticated)
		return
	}
	device := c.access[r.Header.Get(cloudapi.HeaderDevice)]
	if _, known := c.devices[device.device]; r.Header.Get(cloudapi.HeaderDevice) != "" && (!known || !c.Now().Before(device.expires)) {
		refuse(w, 401, cloudapi.ErrUnauthenticated)
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "POST /v1/logout":
		c.revoke(a.family)
		w.WriteHeader(204)
	case "GET /v1/me":
		answer(w, me())
	case "GET /v1/spaces":
		answer(w, cloudapi.Spaces{Spaces: []cloudapi.Space{{ID: "sp1", Name: "Parts", Role: cloudapi.RoleEditor}}})
	case "POST /v1/licenses", "POST /v1/leases":
		var in cloudapi.LicenseRequest
		if json.NewDecoder(r.Body).Decode(&in) != nil || device.device == "" {
			refuse(w, 400, cloudapi.ErrInvalid)
			return
		}
		if r.URL.Path == "/v1/licenses" {
			c.Requests = append(c.Requests, in)
		}
		p := c.Products[in.Product]
		switch {
		case p == nil:
			refuse(w, 404, cloudapi.ErrProductUnknown)
		case p.Refuse != "":
			refuseWith(w, 403, p.Refuse, p.Params)
		case r.URL.Path == "/v1/leases":
			answer(w, cloudapi.Lease{Lease: c.lease(device.device, in.Product, p)})
		case p.Pending != 0:
			p.Pending = max(p.Pending-1, -1)
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Retry-After", strconv.Itoa(p.RetryAfter))
			w.WriteHeader(http.StatusAccepted)
			answer(w, cloudapi.LicensePending{Event: p.Event, State: cmp.Or(p.State, "making"), RetryAfter: p.RetryAfter})
		default:
			answer(w, cloudapi.License{Instance: "ins1", Form: in.Form, FileName: in.FileName, Content: p.Content, ContentEncoding: p.Encoding,
				FingerprintForm: p.FingerprintForm, Event: p.Event, Lease: c.lease(device.device, in.Product, p)})
		}
	case "POST /v1/licenses/reports":
		var in cloudapi.VerifyReport
		if json.NewDecoder(r.Body).Decode(&in) != nil {
			refuse(w, 400, cloudapi.ErrInvalid)
			return
		}
		for _, have := range c.Reports {
			if have.Report == in.Report {
				w.WriteHeader(204)
				return
			}
		}
		c.Reports = append(c.Reports, in)
		w.WriteHeader(204)
	default:
		refuse(w, 404, cloudapi.ErrNotFound)
	}
}
