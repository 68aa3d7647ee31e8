package sign

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
)

func TestFields(t *testing.T) {
	const iv = "0123456789abcdef"
	for _, tt := range []struct {
		name, iv, text string
		kind           FieldCipher
		want           error
	}{
		{"empty", iv, "", AES256, nil},
		{"15 bytes", iv, strings.Repeat("x", 15), AES256, nil},
		{"16 bytes", iv, strings.Repeat("x", 16), AES128, nil},
		{"Chinese", iv, "管理员", "", nil},
		{"79 bytes, the longest", iv, strings.Repeat("x", 79), AES256, nil},
		{"80 bytes", iv, strings.Repeat("x", 80), AES256, ErrTooLong},
		{"another type", iv, "x", "3", ErrMalformed},
		{"IV of 15", iv[1:], "x", AES256, ErrMalformed},
		{"IV with a sign", "0123456789abcde!", "x", AES256, ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			field, err := EncryptField(vectorKey, tt.kind, tt.iv, tt.text)
			if !errors.Is(err, tt.want) {
				t.Fatalf("got %v, want %v", err, tt.want)
			}
			if err != nil {
				return
			}
			if len(field) > MaxField {
				t.Errorf("%d characters", len(field))
			}
			if got, err := DecryptField(vectorKey, tt.kind, field); err != nil || got != tt.text {
				t.Errorf("got %q, %v", got, err)
			}
			if got, err := DecryptField(vectorKey+"x", tt.kind, field); err == nil && got == tt.text {
				t.Error("another key reads it")
			}
		})
	}
	if _, err := EncryptField("", AES256, iv, "x"); !errors.Is(err, ErrKey) {
		t.Errorf("no key: got %v", err)
	}
}

func TestFieldRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, field string
		want        error
	}{
		{"empty", "", ErrMalformed},
		{"IV alone", "0123456789abcdef", ErrMalformed},
		{"no base64", "0123456789abcdef!", ErrMalformed},
		{"half a block", "0123456789abcdefAAAA", ErrMalformed},
		{"bad padding", "0123456789abcdefAAAAAAAAAAAAAAAAAAAAAA==", ErrWrong},
		{"129 characters", "0123456789abcdef" + strings.Repeat("A", 113), ErrTooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := DecryptField(vectorKey, AES256, tt.field); !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestIVsAndNoncesDiffer(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		iv, nonce := NewIV(), NewNonce()
		if len(iv) != 16 || !lettersAndDigits(iv) || len(nonce) != 64 || seen[iv] || seen[nonce] {
			t.Fatalf("got %q, %q", iv, nonce)
		}
		seen[iv], seen[nonce] = true, true
	}
}

func FuzzField(f *testing.F) {
	f.Add("0123456789abcdeffQQFWPwgk6gk9KZYftACMg==", "1")
	f.Add("0123456789abcdefq56D+SV/5/91ZvKcN/0nDQ==", "2")
	f.Add("", "")
	f.Fuzz(func(t *testing.T, field, kind string) {
		text, err := DecryptField(vectorKey, FieldCipher(kind), field)
		if err != nil {
			return
		}
		again, err := EncryptField(vectorKey, FieldCipher(kind), field[:ivLength], text)
		if err != nil || again != strings.NewReplacer("\r", "", "\n", "").Replace(field) {
			t.Fatalf("%q reads as %q, which is written %q, %v", field, text, again, err)
		}
	})
}

// Making a key takes a second or two; the tests share one of each length.
var rsaKeys = sync.OnceValues(func() (good, short *rsa.PrivateKey) {
	good, err := rsa.GenerateKey(rand.Reader, 3072)
	if err != nil {
		panic(err)
	}
	short, err = rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return good, short
})

func TestSecrets(t *testing.T) {
	key, short := rsaKeys()
	for _, tt := range []struct {
		name        string
		write, read OAEP
		want        error
	}{
		{"what we write, any reading", OAEPAny, OAEPAny, nil},
		{"what we write is SHA-256", OAEPAny, OAEPSHA256, nil},
		{"Java's, any reading", OAEPJava, OAEPAny, nil},
		{"Java's", OAEPJava, OAEPJava, nil},
		{"SHA-1, any reading", OAEPSHA1, OAEPAny, nil},
		{"SHA-1", OAEPSHA1, OAEPSHA1, nil},
		{"SHA-1 read as SHA-256", OAEPSHA1, OAEPSHA256, ErrWrong},
		{"SHA-256 read as Java's", OAEPSHA256, OAEPJava, ErrWrong},
		{"Java's read as SHA-1", OAEPJava, OAEPSHA1, ErrWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			sealed, err := EncryptSecret(&key.PublicKey, "test", tt.write)
			if err != nil {
				t.Fatal(err)
			}
			got, err := DecryptSecret(key, sealed, tt.read)
			if !errors.Is(err, tt.want) || err == nil && got != "test" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	if _, err := EncryptSecret(&short.PublicKey, "test", OAEPAny); !errors.Is(err, ErrKey) {
		t.Errorf("2048 bits, write: got %v", err)
	}
	if _, err := DecryptSecret(short, "test", OAEPAny); !errors.Is(err, ErrKey) {
		t.Errorf("2048 bits, read: got %v", err)
	}
	if _, err := EncryptSecret(&key.PublicKey, strings.Repeat("x", 318), OAEPAny); err != nil {
		t.Errorf("318 bytes: got %v", err)
	}
	if _, err := EncryptSecret(&key.PublicKey, strings.Repeat("x", 319), OAEPAny); !errors.Is(err, ErrTooLong) {
		t.Errorf("319 bytes: got %v", err)
	}
	for _, sealed := range []string{"", "x", strings.Repeat("!", 512)} {
		if _, err := DecryptSecret(key, sealed, OAEPAny); !errors.Is(err, ErrMalformed) {
			t.Errorf("%.10q: got %v", sealed, err)
		}
	}
	if _, err := DecryptSecret(key, base64.StdEncoding.EncodeToString(make([]byte, 384)), OAEPAny); !errors.Is(err, ErrWrong) {
		t.Errorf("zeros: got %v", err)
	}
}

// Keys come as console pages show them: with header lines or without, in lines or in one.
func TestKeysAsTheyArePasted(t *testing.T) {
	key, short := rsaKeys()
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	shortDER, err := x509.MarshalPKCS8PrivateKey(short)
	if err != nil {
		t.Fatal(err)
	}
	shortPublic, err := x509.MarshalPKIXPublicKey(&short.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	lines := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	bare := func(der []byte) string {
		text := strings.Split(lines(der), "\n")
		return strings.Join(text[1:len(text)-2], "\r\n")
	}
	for _, tt := range []struct {
		name, text string
		want       error
	}{
		{"PEM", lines(private), nil},
		{"without header lines", bare(private), nil},
		{"in one line", base64.StdEncoding.EncodeToString(private), nil},
		{"2048 bits", bare(shortDER), ErrKey},
		{"PKCS#1", bare(x509.MarshalPKCS1PrivateKey(key)), ErrKey},
		{"the public one", bare(public), ErrKey},
		{"nothing", "", ErrKey},
		{"text", "not a key", ErrKey},
		{"17 KiB", strings.Repeat("A", 17<<10), ErrKey},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ParsePrivateKey(tt.text)
			if !errors.Is(err, tt.want) || err == nil && !got.Equal(key) {
				t.Errorf("got %v", err)
			}
		})
	}
	for name, text := range map[string]string{"PEM": lines(public), "without header lines": bare(public)} {
		if got, err := ParsePublicKey(text); err != nil || !got.Equal(&key.PublicKey) {
			t.Errorf("public key, %s: got %v", name, err)
		}
	}
	for name, text := range map[string]string{"2048 bits": bare(shortPublic), "private": bare(private), "nothing": ""} {
		if _, err := ParsePublicKey(text); !errors.Is(err, ErrKey) {
			t.Errorf("public key, %s: got %v", name, err)
		}
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("")
	f.Add("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Add("MIIB")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParsePrivateKey(text); err != nil && !errors.Is(err, ErrKey) {
			t.Fatal(err)
		}
		if _, err := ParsePublicKey(text); err != nil && !errors.Is(err, ErrKey) {
			t.Fatal(err)
		}
	})
}
