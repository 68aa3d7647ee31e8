package token

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// key is the first test key of RFC 8032 section 7.1: known to everyone, so it signs nothing real.
func key(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	seed := []byte{0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
		0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60}
	return ed25519.NewKeyFromSeed(seed)
}

const keyID = "test"

func keys(t testing.TB) jose.JSONWebKeySet {
	t.Helper()
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key(t).Public(), KeyID: keyID, Algorithm: "EdDSA", Use: "sig"}}}
}

func good() Lease {
	at := time.Date(2026, 3, 10, 9, 0, 0, 0, time.UTC)
	return Lease{ID: "lease_1", Device: "dev_1", KeyThumb: "thumb", Account: "ann", Product: "cad", Instance: "ins_1", Features: []string{"draw", "step.export"},
		From: at, Until: at.Add(168 * time.Hour), Grace: at.Add(336 * time.Hour), Issued: at, Refresh: at.Add(24 * time.Hour)}
}

func sign(t testing.TB, private any, typ string, opts *jose.SignerOptions, payload []byte) string {
	t.Helper()
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: private}, opts.WithType(jose.ContentType(typ)))
	if err != nil {
		t.Fatal(err)
	}
	sig, err := s.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	out, err := sig.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func signed(t testing.TB, payload []byte) string {
	t.Helper()
	return sign(t, jose.JSONWebKey{Key: key(t), KeyID: keyID}, Type, &jose.SignerOptions{}, payload)
}

// TestVector pins the form: leases that are out in the field must be readable for ever.
func TestVector(t *testing.T) {
	payload, err := good().Claims()
	if err != nil {
		t.Fatal(err)
	}
	jws := signed(t, payload)
	const file = "testdata/lease.jws"
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if strings.TrimSpace(string(want)) != jws {
		t.Errorf("the form has changed:\n got %s\nwant %s", jws, want)
	}
	got, err := Verify(strings.TrimSpace(string(want)), keys(t))
	if err != nil || !reflect.DeepEqual(got, good()) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// TestOneFlippedByte changes every byte of a good lease, one at a time: no result may be taken.
func TestOneFlippedByte(t *testing.T) {
	payload, err := good().Claims()
	if err != nil {
		t.Fatal(err)
	}
	jws := signed(t, payload)
	for i := range len(jws) {
		for _, flip := range []byte{0x01, 0x20, 0x80} {
			bad := []byte(jws)
			bad[i] ^= flip
			if l, err := Verify(string(bad), keys(t)); err == nil {
				t.Errorf("byte %d of %d with %#x flipped is taken: %+v", i, len(jws), flip, l)
			} else if !errors.Is(err, ErrUntrusted) {
				t.Errorf("byte %d: %v is not ErrUntrusted", i, err)
			}
		}
	}
	// A last character has bits that belong to no byte: every other character in its place.
	for _, end := range []int{strings.IndexByte(jws, '.'), strings.LastIndexByte(jws, '.'), len(jws)} {
		for b := range 256 {
			if bad := jws[:end-1] + string([]byte{byte(b)}) + jws[end:]; bad != jws {
				if _, err := Verify(bad, keys(t)); err == nil {
					t.Errorf("%q in place of byte %d is taken", byte(b), end-1)
				}
			}
		}
		if _, err := Verify(jws[:end-1]+"\n"+jws[end-1:], keys(t)); err == nil {
			t.Errorf("a line end before byte %d is taken", end-1)
		}
	}
	for i := range len(jws) {
		if _, err := Verify(jws[:i], keys(t)); err == nil {
			t.Errorf("cut at byte %d of %d is taken", i, len(jws))
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	payload, err := good().Claims()
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	named := jose.JSONWebKey{Key: key(t), KeyID: keyID}
	part := strings.Split(signed(t, payload), ".")
	b64 := base64.RawURLEncoding.EncodeToString
	for _, tt := range []struct{ name, jws string }{
		{"empty", ""},
		{"two parts", part[0] + "." + part[1]},
		{"four parts", strings.Join(part, ".") + ".x"},
		{"JSON form", `{"payload":"` + part[1] + `","protected":"` + part[0] + `","signature":"` + part[2] + `"}`},
		{"another type", sign(t, named, "iscdesk-device+jwt", &jose.SignerOptions{}, payload)},
		{"another key under the same name", sign(t, jose.JSONWebKey{Key: other, KeyID: keyID}, Type, &jose.SignerOptions{}, payload)},
		{"unknown key", sign(t, jose.JSONWebKey{Key: key(t), KeyID: "other"}, Type, &jose.SignerOptions{}, payload)},
		{"no key named", sign(t, key(t), Type, &jose.SignerOptions{}, payload)},
		{"own key embedded", sign(t, jose.JSONWebKey{Key: other, KeyID: keyID}, Type, &jose.SignerOptions{EmbedJWK: true}, payload)},
		{"algorithm none", b64([]byte(`{"alg":"none","kid":"test","typ":"`+Type+`"}`)) + "." + part[1] + "."},
		{"algorithm HS256 with the public key", b64([]byte(`{"alg":"HS256","kid":"test","typ":"`+Type+`"}`)) + "." + part[1] + "." + part[2]},
		{"claims no object", signed(t, []byte(`[]`))},
		{"claims empty", signed(t, []byte(`{}`))},
		{"claims not JSON", signed(t, []byte(`x`))},
		{"too long", signed(t, []byte(`{"pad":"`+strings.Repeat("x", MaxSize)+`"}`))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if l, err := Verify(tt.jws, keys(t)); !errors.Is(err, ErrUntrusted) {
				t.Errorf("got %+v, %v", l, err)
			}
		})
	}
	if _, err := Verify(strings.Join(part, "."), jose.JSONWebKeySet{}); !errors.Is(err, ErrUntrusted) {
		t.Errorf("without any key: %v", err)
	}
}

// TestBounds: what is signed by a good key but over a bound is refused by both sides.
func TestBounds(t *testing.T) {
	many := make([]string, MaxFeatures+1)
	for i := range many {
		many[i] = "f"
	}
	for _, tt := range []struct {
		name   string
		change func(*Lease)
		ok     bool
	}{
		{"as it is", func(*Lease) {}, true},
		{"no features", func(l *Lease) { l.Features = nil }, true},
		{"most features", func(l *Lease) { l.Features = many[:MaxFeatures] }, true},
		{"one feature more", func(l *Lease) { l.Features = many }, false},
		{"feature empty", func(l *Lease) { l.Features = []string{""} }, false},
		{"feature at its bound", func(l *Lease) { l.Features = []string{strings.Repeat("f", MaxFeature)} }, true},
		{"feature over it", func(l *Lease) { l.Features = []string{strings.Repeat("f", MaxFeature+1)} }, false},
		{"account at its bound", func(l *Lease) { l.Account = strings.Repeat("a", MaxText) }, true},
		{"account over it", func(l *Lease) { l.Account = strings.Repeat("a", MaxText+1) }, false},
		{"no device", func(l *Lease) { l.Device = "" }, false},
		{"no thumbprint", func(l *Lease) { l.KeyThumb = "" }, false},
		{"no product", func(l *Lease) { l.Product = "" }, false},
		{"no id", func(l *Lease) { l.ID = "" }, false},
		{"until is from", func(l *Lease) { l.Until, l.Refresh, l.Grace = l.From, l.From, l.From }, true},
		{"until before from", func(l *Lease) { l.Until = l.From.Add(-time.Second); l.Refresh = l.Until }, false},
		{"grace is until", func(l *Lease) { l.Grace = l.Until }, true},
		{"grace before until", func(l *Lease) { l.Grace = l.Until.Add(-time.Second) }, false},
		{"refresh after until", func(l *Lease) { l.Refresh = l.Until.Add(time.Second) }, false},
		{"zero time", func(l *Lease) { l.Issued = time.Time{} }, false},
		{"year 10000", func(l *Lease) { l.Grace = time.Unix(latest+1, 0) }, false},
		{"year 9999", func(l *Lease) { l.Grace = time.Unix(latest, 0) }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := good()
			tt.change(&l)
			if _, err := l.Claims(); (err == nil) != tt.ok {
				t.Errorf("signing side: %v", err)
			}
			raw, err := json.Marshal(claims{ID: l.ID, Device: l.Device, KeyThumb: l.KeyThumb, Account: l.Account, Product: l.Product, Instance: l.Instance,
				Features: l.Features, From: l.From.Unix(), Until: l.Until.Unix(), Grace: l.Grace.Unix(), Issued: l.Issued.Unix(), Refresh: l.Refresh.Unix()})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Verify(signed(t, raw), keys(t)); (err == nil) != tt.ok {
				t.Errorf("verifying side: %v", err)
			}
		})
	}
	t.Run("unknown members are ignored", func(t *testing.T) {
		raw, err := good().Claims()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(signed(t, append([]byte(`{"later":{"x":1},`), raw[1:]...)), keys(t)); err != nil {
			t.Error(err)
		}
	})
}

// FuzzVerify looks for a panic, and for anything that is taken and is not the signed vector.
func FuzzVerify(f *testing.F) {
	seeds := 0
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".jws") {
			b, err := os.ReadFile("testdata/" + e.Name())
			if err != nil {
				f.Fatal(err)
			}
			f.Add(strings.TrimSpace(string(b)))
			seeds++
		}
	}
	if seeds == 0 {
		f.Fatal("there are no seeds in testdata")
	}
	f.Add("..")
	f.Add("eyJhbGciOiJFZERTQSJ9.e30.")
	set := keys(f)
	f.Fuzz(func(t *testing.T, jws string) {
		l, err := Verify(jws, set)
		if err == nil && !reflect.DeepEqual(l, good()) {
			t.Errorf("a lease that was never signed: %+v", l)
		}
		if err != nil && !errors.Is(err, ErrUntrusted) {
			t.Errorf("not ErrUntrusted: %v", err)
		}
	})
}

// FuzzClaims looks for a panic in what a good signature may cover.
func FuzzClaims(f *testing.F) {
	raw, err := good().Claims()
	if err != nil || len(raw) == 0 {
		f.Fatalf("there is no seed: %v", err)
	}
	f.Add(raw)
	f.Add([]byte(`{"nbf":-9223372036854775808,"exp":9223372036854775807}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		l, err := parse(raw)
		if err != nil {
			return
		}
		if _, err := l.Claims(); err != nil {
			t.Errorf("taken but cannot be written again: %v", err)
		}
	})
}
