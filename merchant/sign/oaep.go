package sign

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"   // crypto.SHA1 of OAEPSHA1 and OAEPJava
	_ "crypto/sha256" // crypto.SHA256
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
)

// OAEP is a reading of "RSA, OAEP", which is all that the marketplace says of clientSecret. The zero value
// reads all three and writes SHA-256: the pages ask for 3072 bits, the strength that goes with it, and an
// OAEP text of one reading never decrypts by another, so trying them in turn gives the right text or none.
type OAEP int

const (
	OAEPAny    OAEP = iota
	OAEPSHA256      // SHA-256, MGF1 with SHA-256: what most libraries but Java's call OAEP with SHA-256
	OAEPJava        // SHA-256, MGF1 with SHA-1: Java's OAEPWithSHA-256AndMGF1Padding by its name alone
	OAEPSHA1        // SHA-1 for both: RFC 8017's defaults, and Java's OAEPPadding
)

const (
	// MinRSA is the least length of an application's key in bits (marketplace: application credentials).
	MinRSA = 3072
	// maxRSA keeps a foreign key from costing seconds of arithmetic.
	maxRSA     = 8192
	maxKeyText = 16 << 10
)

func (o OAEP) options() []rsa.OAEPOptions {
	all := []rsa.OAEPOptions{
		{Hash: crypto.SHA256, MGFHash: crypto.SHA256},
		{Hash: crypto.SHA256, MGFHash: crypto.SHA1},
		{Hash: crypto.SHA1, MGFHash: crypto.SHA1},
	}
	if o >= OAEPSHA256 && o <= OAEPSHA1 {
		return all[o-1 : o]
	}
	return all
}

// ParsePublicKey reads an application's public key as it is pasted: SubjectPublicKeyInfo in base64, with or
// without PEM's header lines. ErrKey for anything but RSA of 3072 to 8192 bits.
func ParsePublicKey(text string) (*rsa.PublicKey, error) {
	der, err := keyBytes(text)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", ErrKey)
	}
	key, ok := parsed.(*rsa.PublicKey)
	if !ok || !goodLength(key) {
		return nil, fmt.Errorf("read public key, want RSA of %d to %d bits: %w", MinRSA, maxRSA, ErrKey)
	}
	return key, nil
}

// ParsePrivateKey reads the key that belongs to it: PKCS#8 in base64, with or without PEM's header lines,
// no passphrase. ErrKey for anything but RSA of 3072 to 8192 bits.
func ParsePrivateKey(text string) (*rsa.PrivateKey, error) {
	der, err := keyBytes(text)
	if err != nil {
		return nil, err
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read private key, want PKCS#8: %w", ErrKey)
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok || !goodLength(&key.PublicKey) {
		return nil, fmt.Errorf("read private key, want RSA of %d to %d bits: %w", MinRSA, maxRSA, ErrKey)
	}
	return key, nil
}

func goodLength(key *rsa.PublicKey) bool {
	return key.N.BitLen() >= MinRSA && key.N.BitLen() <= maxRSA
}

func keyBytes(text string) ([]byte, error) {
	if len(text) > maxKeyText {
		return nil, fmt.Errorf("read key, over %d bytes: %w", maxKeyText, ErrKey)
	}
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes, nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("read key, no PEM and no base64: %w", ErrKey)
	}
	return der, nil
}

// EncryptSecret writes applicationSync's clientSecret for the owner of key, in base64. OAEPAny writes
// OAEPSHA256. ErrKey for a key that is too short, ErrTooLong for a secret that does not fit.
func EncryptSecret(key *rsa.PublicKey, secret string, reading OAEP) (string, error) {
	if key == nil || !goodLength(key) {
		return "", fmt.Errorf("encrypt clientSecret, want RSA of %d to %d bits: %w", MinRSA, maxRSA, ErrKey)
	}
	o := reading.options()[0]
	if len(secret) > key.Size()-2*o.Hash.Size()-2 {
		return "", fmt.Errorf("encrypt clientSecret: %w", ErrTooLong)
	}
	sealed, err := rsa.EncryptOAEPWithOptions(rand.Reader, key, []byte(secret), &o)
	if err != nil {
		return "", fmt.Errorf("encrypt clientSecret: %w", err)
	}
	return base64.StdEncoding.EncodeToString(sealed), nil
}

// DecryptSecret reads applicationSync's clientSecret. ErrMalformed when it has not the length of the key,
// ErrWrong when it was not made for this key by this reading, ErrKey for a key that is too short.
func DecryptSecret(key *rsa.PrivateKey, sealed string, reading OAEP) (string, error) {
	if key == nil || !goodLength(&key.PublicKey) {
		return "", fmt.Errorf("decrypt clientSecret, want RSA of %d to %d bits: %w", MinRSA, maxRSA, ErrKey)
	}
	if len(sealed) != base64.StdEncoding.EncodedLen(key.Size()) {
		return "", fmt.Errorf("decrypt clientSecret, its length: %w", ErrMalformed)
	}
	data, err := base64.StdEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return "", fmt.Errorf("decrypt clientSecret, its base64: %w", ErrMalformed)
	}
	for _, o := range reading.options() {
		if plain, err := key.Decrypt(nil, data, &o); err == nil {
			return string(plain), nil
		}
	}
	return "", fmt.Errorf("decrypt clientSecret: %w", ErrWrong)
}
