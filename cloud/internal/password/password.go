// Package password hashes and checks passwords with argon2id. Package httpapi and the
// operator's command line call it. It never stores anything, never tells whether an
// account exists (a check without an account costs the same), and never runs more
// hashes at a time than it was given processors for.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// Params are the costs of a hash. They stand in each hash, so they can be raised
// without touching those that exist.
type Params struct {
	Time    uint32 // passes
	Memory  uint32 // KiB
	Threads uint8
}

// Borders of a password, in characters, and of the costs that a stored hash may ask for.
const (
	MinLength = 8
	MaxLength = 128
	maxMemory = 1 << 20 // KiB
	maxTime   = 64
	saltSize  = 16
	keySize   = 32
)

// ErrMismatch is the answer to a wrong password.
var ErrMismatch = errors.New("password does not match")

// Hasher does the work, a few hashes at a time.
type Hasher struct {
	params Params
	slots  chan struct{} // one for each hash that may run: each takes Memory
	dummy  string        // what is checked when there is no account
}

// New makes a hasher; the zero Params take the defaults, parallel is at least 1.
func New(p Params, parallel int) *Hasher {
	if p == (Params{}) {
		p = Params{Time: 2, Memory: 19 << 10, Threads: 1} // OWASP's floor for argon2id
	}
	h := &Hasher{params: p, slots: make(chan struct{}, max(1, parallel))}
	h.dummy = h.hash(rand.Text())
	return h
}

// Hash makes the text that is stored. It waits for a free slot or for ctx.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return h.hash(password), nil
}

// Check compares in constant time: nil or ErrMismatch. An empty stored text stands for
// an account that does not exist: the same work is done and the answer is ErrMismatch.
func (h *Hasher) Check(ctx context.Context, stored, password string) error {
	if err := h.enter(ctx); err != nil {
		return err
	}
	defer h.leave()
	known := stored != ""
	if !known {
		stored = h.dummy
	}
	p, salt, want, err := parse(stored)
	if err != nil {
		return err
	}
	if len(password) > MaxLength*utf8.UTFMax {
		password = "" // cannot be one of ours; the work stays the same
	}
	got := argon2.IDKey([]byte(password), salt, p.Time, p.Memory, p.Threads, uint32(len(want)))
	if subtle.ConstantTimeCompare(got, want) != 1 || !known {
		return ErrMismatch
	}
	return nil
}

func (h *Hasher) enter(ctx context.Context) error {
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("hash password: %w", context.Cause(ctx))
	}
}

func (h *Hasher) leave() { <-h.slots }

func (h *Hasher) hash(password string) string {
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, h.params.Time, h.params.Memory, h.params.Threads, keySize)
	e := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.params.Memory, h.params.Time, h.params.Threads,
		e.EncodeToString(salt), e.EncodeToString(key))
}

// parse reads the text of the reference implementation. The costs are bounded, because they
// decide how much memory is taken.
func parse(stored string) (p Params, salt, key []byte, err error) {
	bad := errors.New("read password hash: not an argon2id text")
	f := strings.Split(stored, "$")
	if len(f) != 6 || f[0] != "" || f[1] != "argon2id" || f[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return p, nil, nil, bad
	}
	if _, err := fmt.Sscanf(f[3], "m=%d,t=%d,p=%d", &p.Memory, &p.Time, &p.Threads); err != nil {
		return p, nil, nil, bad
	}
	if p.Memory == 0 || p.Memory > maxMemory || p.Time == 0 || p.Time > maxTime || p.Threads == 0 {
		return p, nil, nil, bad
	}
	e := base64.RawStdEncoding.Strict()
	if salt, err = e.DecodeString(f[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return p, nil, nil, bad
	}
	if key, err = e.DecodeString(f[5]); err != nil || len(key) < 16 || len(key) > 64 {
		return p, nil, nil, bad
	}
	return p, salt, key, nil
}

// Acceptable says what is wrong with a new password, "" for nothing: 8 to 128
// characters, at least one letter and one digit, no blank and no control character.
func Acceptable(password string) string {
	if !utf8.ValidString(password) {
		return "the password is not UTF-8"
	}
	n := utf8.RuneCountInString(password)
	if n < MinLength || n > MaxLength {
		return "the password must have 8 to 128 characters"
	}
	letter, digit := false, false
	for _, r := range password {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return "the password must not have blanks"
		case unicode.IsLetter(r):
			letter = true
		case unicode.IsDigit(r):
			digit = true
		}
	}
	if !letter || !digit {
		return "the password must have a letter and a digit"
	}
	return ""
}
