package httpapi

import (
	"crypto/ed25519"
	"encoding/json"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// FuzzProof hands the enrolment's parser what a stranger may send: no panic, and nothing is taken but
// claims under a good signature of the key that the proof itself carries.
func FuzzProof(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	claims, err := json.Marshal(cloudapi.EnrolClaims{Aud: "https://127.0.0.1", Nonce: "0123456789abcdef", Name: "desk", Platform: "linux/amd64"})
	if err != nil {
		f.Fatal(err)
	}
	for _, embed := range []bool{true, false} {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, (&jose.SignerOptions{EmbedJWK: embed}).WithType(typeEnrol))
		if err != nil {
			f.Fatal(err)
		}
		sig, err := s.Sign(claims)
		if err != nil {
			f.Fatal(err)
		}
		proof, err := sig.CompactSerialize()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(proof)
	}
	f.Add("..")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, proof string) {
		sig, err := parseProof(proof, typeEnrol)
		if err != nil {
			return
		}
		jwk := sig.Signatures[0].Protected.JSONWebKey
		if jwk == nil {
			return
		}
		public, ok := jwk.Key.(ed25519.PublicKey)
		if !ok || len(public) != ed25519.PublicKeySize {
			return
		}
		var got cloudapi.EnrolClaims
		if openProof(sig, jose.JSONWebKey{Key: public}, &got) == nil {
			_ = checkEnrol(got)
		}
	})
}

// FuzzAccountName: whatever is taken is short, lower case and safe in a path, a log and SQL.
func FuzzAccountName(f *testing.F) {
	for _, s := range []string{"ann", "ANN@example.com", "a/b", "", "\x00", "K"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := accountName("account", s)
		if err != nil {
			return
		}
		for _, b := range []byte(got) {
			if b <= ' ' || b >= 0x7f || b == '/' || b >= 'A' && b <= 'Z' {
				t.Errorf("%q became %q", s, got)
			}
		}
		if len(got) == 0 || len(got) > maxAccount {
			t.Errorf("%q has %d bytes", got, len(got))
		}
	})
}
