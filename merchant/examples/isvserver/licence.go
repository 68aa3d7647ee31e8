package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// licence is what this ISV sells: a right of its own program, GearCAD, in a format of its own. Nobody
// between this server and the program reads it.
type licence struct {
	Number   int64 // of the licence, in the book
	Instance string
	Seats    int
	From     time.Time
	Until    time.Time // zero: without an end
	Machine  string    // hex SHA-256 of the device fingerprint; "" for any machine
}

const (
	licenceMark = "GEARCAD-1"
	forever     = "never"
)

var errLicence = errors.New("this is no licence of GearCAD")

// machineOf is how a licence names the machine: the fingerprint itself stays out of it.
func machineOf(fingerprint string) string {
	if fingerprint == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(fingerprint))
	return hex.EncodeToString(sum[:])
}

// text is the licence as the program reads it, one line:
//
//	GEARCAD-1;no=7;instance=…;seats=5;from=2026-01-31T00:00:00Z;until=…;machine=…;sig=BASE64
//
// The Ed25519 signature is over everything before ";sig=". The same licence always gives the
// same text: a repeated application must not get another one.
func (l licence) text(key ed25519.PrivateKey) string {
	until := forever
	if !l.Until.IsZero() {
		until = l.Until.UTC().Format(time.RFC3339)
	}
	body := fmt.Sprintf("%s;no=%d;instance=%s;seats=%d;from=%s;until=%s;machine=%s", licenceMark, l.Number, l.Instance, l.Seats,
		l.From.UTC().Format(time.RFC3339), until, l.Machine)
	return body + ";sig=" + base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(body)))
}

// readLicence is the inverse of text, as the program does it: the signature first.
func readLicence(text string, key ed25519.PublicKey) (licence, error) {
	body, sig, ok := strings.Cut(strings.TrimRight(text, "\r\n"), ";sig=")
	raw, err := base64.StdEncoding.Strict().DecodeString(sig)
	if !ok || err != nil || !ed25519.Verify(key, []byte(body), raw) {
		return licence{}, errLicence
	}
	fields := strings.Split(body, ";")
	names := []string{"no", "instance", "seats", "from", "until", "machine"}
	if len(fields) != 1+len(names) || fields[0] != licenceMark {
		return licence{}, errLicence
	}
	value := map[string]string{}
	for i, name := range names {
		v, ok := strings.CutPrefix(fields[i+1], name+"=")
		if !ok {
			return licence{}, errLicence
		}
		value[name] = v
	}
	l := licence{Instance: value["instance"], Machine: value["machine"]}
	l.Number, err = strconv.ParseInt(value["no"], 10, 64)
	seats, serr := strconv.Atoi(value["seats"])
	from, ferr := time.Parse(time.RFC3339, value["from"])
	if errors.Join(err, serr, ferr) != nil {
		return licence{}, errLicence
	}
	l.Seats, l.From = seats, from
	if value["until"] != forever {
		if l.Until, err = time.Parse(time.RFC3339, value["until"]); err != nil {
			return licence{}, errLicence
		}
	}
	return l, nil
}
