package sign

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"fmt"
)

// FieldCipher is the encryptType of V1's sensitive fields.
type FieldCipher string

const (
	AES256 FieldCipher = "1" // AES256_CBC_PKCS5Padding, also meant by ""
	AES128 FieldCipher = "2" // AES128_CBC_PKCS5Padding
)

const (
	// MaxField bounds an encrypted field, IV and ciphertext together. A longer one leaves an order unfinished
	// at the marketplace, so it is refused here.
	MaxField = 128
	ivLength = 16
)

// ErrTooLong: a text does not fit into MaxField characters once it is encrypted.
var ErrTooLong = errors.New("too long for an encrypted field")

// NewIV is 16 random letters and digits, the form that a field's IV has on the wire.
func NewIV() string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	iv := make([]byte, 0, ivLength)
	var b [1]byte
	for len(iv) < ivLength {
		_, _ = rand.Read(b[:])
		if int(b[0]) < 4*len(letters) { // the rest would make some letters likelier
			iv = append(iv, letters[int(b[0])%len(letters)])
		}
	}
	return string(iv)
}

// EncryptField writes a sensitive field of V1 (marketplace: query instance, V1): iv and the base64 of
// AES-CBC over text, its key derived from the access key as Java's SHA1PRNG does. iv is NewIV's. Its error is
// ErrTooLong, ErrKey or ErrMalformed.
func EncryptField(key string, kind FieldCipher, iv, text string) (string, error) {
	block, err := fieldBlock(key, kind)
	if err != nil {
		return "", err
	}
	if len(iv) != ivLength || !lettersAndDigits(iv) {
		return "", fmt.Errorf("encrypt field, its IV: %w", ErrMalformed)
	}
	padding := aes.BlockSize - len(text)%aes.BlockSize
	if ivLength+base64.StdEncoding.EncodedLen(len(text)+padding) > MaxField {
		return "", fmt.Errorf("encrypt field: %w", ErrTooLong)
	}
	data := append([]byte(text), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, []byte(iv)).CryptBlocks(data, data)
	return iv + base64.StdEncoding.EncodeToString(data), nil
}

// DecryptField reads what EncryptField or the marketplace wrote. CBC tells no forgery from a wrong key:
// ErrWrong is a hint and success no proof; the call that carries the field is signed.
func DecryptField(key string, kind FieldCipher, field string) (string, error) {
	block, err := fieldBlock(key, kind)
	if err != nil {
		return "", err
	}
	if len(field) > MaxField {
		return "", fmt.Errorf("decrypt field: %w", ErrTooLong)
	}
	if len(field) <= ivLength || !lettersAndDigits(field[:ivLength]) {
		return "", fmt.Errorf("decrypt field, its IV: %w", ErrMalformed)
	}
	data, err := base64.StdEncoding.Strict().DecodeString(field[ivLength:])
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return "", fmt.Errorf("decrypt field, its base64: %w", ErrMalformed)
	}
	cipher.NewCBCDecrypter(block, []byte(field[:ivLength])).CryptBlocks(data, data)
	padding := int(data[len(data)-1])
	if padding < 1 || padding > aes.BlockSize || !bytes.Equal(data[len(data)-padding:], bytes.Repeat([]byte{byte(padding)}, padding)) {
		return "", fmt.Errorf("decrypt field: %w", ErrWrong)
	}
	return string(data[:len(data)-padding]), nil
}

func fieldBlock(key string, kind FieldCipher) (cipher.Block, error) {
	if key == "" {
		return nil, fmt.Errorf("derive field key: %w", ErrKey)
	}
	size := 32
	switch kind {
	case AES256, "":
	case AES128:
		size = 16
	default:
		return nil, fmt.Errorf("read encryptType: %w", ErrMalformed)
	}
	return aes.NewCipher(sha1prng([]byte(key), size))
}

// sha1prng is the first n bytes of Java's SecureRandom "SHA1PRNG" that was seeded before its first use,
// which is what the marketplace's samples derive AES keys with.
func sha1prng(seed []byte, n int) []byte {
	state := sha1.Sum(seed)
	var out []byte
	for len(out) < n {
		block := sha1.Sum(state[:])
		out = append(out, block[:]...)
		carry, changed := 1, false
		for i := range state { // Java's bytes are signed, and so is the carry
			v := int(int8(state[i])) + int(int8(block[i])) + carry
			changed = changed || state[i] != byte(v)
			state[i] = byte(v)
			carry = v >> 8
		}
		if !changed {
			state[0]++
		}
	}
	return out[:n]
}

func lettersAndDigits(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}
