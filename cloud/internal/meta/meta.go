// Package meta is the cloud's metadata as commands: who has an account, which
// device is enrolled, who may use a licence, what lies in the drive. Every
// method is one whole command that happens completely or not at all; there is
// no Begin or Commit here, because a back end that batches commands (the
// embedded one: one writer, group commit) or sends them to a server must be free
// to choose its own transactions.
//
// Only package httpapi and the rooms behind it call it. It never sees a secret
// in the clear: tokens, codes and nonces arrive as SHA-256, passwords as argon2id
// texts. It never decides about roles, except where the decision and the change
// must be one transaction (the last administrator, the seats of an instance).
package meta

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"strings"
	"time"
)

// Store is the whole metadata interface. Each subject stands in a file of its
// own; package metatest holds the contract suite that every back end passes.
// All methods may be called from several goroutines. Refusals are *Refusal.
type Store interface {
	Accounts
	Devices
	Licenses
	Drive
	Content
	Trail
	Merchants
	Codes
	Applications
	Orders
	Departments
	Cases
	// Close waits for commands that were accepted and then ends the store.
	Close() error
}

// Hash is the SHA-256 of a secret, the only form in which the store sees one.
type Hash [sha256.Size]byte

// HashOf hashes a secret that has at least 128 random bits: a plain SHA-256 is
// enough for those, and only for those.
func HashOf(secret string) Hash { return sha256.Sum256([]byte(secret)) }

// Refusal is a command's no: Code is one of cloudapi's Err… constants, Message one
// English sentence for logs, Params what the caller may be told in detail.
type Refusal struct {
	Code    string
	Message string
	Params  map[string]string
}

// Error is the sentence with its code.
func (r *Refusal) Error() string { return r.Message + " (" + r.Code + ")" }

// Refuse makes a Refusal; pairs are name, value, name, value.
func Refuse(code, message string, pairs ...string) *Refusal {
	r := &Refusal{Code: code, Message: message}
	for i := 0; i+1 < len(pairs); i += 2 {
		if r.Params == nil {
			r.Params = map[string]string{}
		}
		r.Params[pairs[i]] = pairs[i+1]
	}
	return r
}

// CodeOf is the code of a refusal in err's chain, "" when there is none.
func CodeOf(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

// NewID makes a random identifier: prefix, underscore, 26 lower-case letters and digits
// (130 bits). It does not sort and tells nothing about when it was made.
func NewID(prefix string) string {
	return prefix + "_" + strings.ToLower(rand.Text())
}

// NewSecret makes a token or nonce of 256 random bits with a readable prefix.
func NewSecret(prefix string) string {
	var b [32]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return prefix + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:]))
}

// Stamp cuts a time to what the store keeps: UTC, milliseconds.
func Stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
