package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Names of V1's parameters. A POST carries the token in a header of the same name.
const (
	ParamAuthToken = "authToken"
	ParamTimeStamp = "timeStamp"
)

const (
	maxTokenParams = 64
	maxTokenBytes  = 32 << 10 // of a query
	maxTokenBody   = 8 << 20  // of a kit body: its lists of users and departments are single parameters
)

// TokenForm says which parameters a V1 token covers.
type TokenForm int

const (
	TokenQuery     TokenForm = iota // GET: all parameters
	TokenBody                       // POST: parameters of the body, blank ones left out, as the pages' code does
	TokenWholeBody                  // POST: all parameters of the body, as the pages' words have it
)

// Token is the V1 authToken (marketplace: authToken values) over decoded values: sorted by name,
// joined as a=b&c=d without authToken, HMAC with key + timeStamp, base64. It fails with ErrMissing
// without timeStamp and with ErrMalformed for names given twice or values that could be read as several.
func Token(key string, values url.Values, form TokenForm) (string, error) {
	sum, err := token(key, values, form)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(sum), nil
}

// boundary finds where a decoded value would read as the next parameter once it is joined: & and a name and =. A kit's value
// has up to 8 MiB and is not proved yet, for which a regular expression takes seconds.
func boundary(value string) bool {
	for {
		_, behind, found := strings.Cut(value, "&")
		if !found {
			return false
		}
		name := 0
		for name < len(behind) && (letter(behind[name]) || name > 0 && '0' <= behind[name] && behind[name] <= '9') {
			name++
		}
		if name > 0 && name < len(behind) && behind[name] == '=' {
			return true
		}
		value = behind[name:]
	}
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

func token(key string, values url.Values, form TokenForm) ([]byte, error) {
	if key == "" {
		return nil, fmt.Errorf("make authToken: %w", ErrKey)
	}
	if len(values) > maxTokenParams {
		return nil, fmt.Errorf("make authToken, over %d parameters: %w", maxTokenParams, ErrMalformed)
	}
	most := maxTokenBytes
	if form != TokenQuery {
		most = maxTokenBody
	}
	names := make([]string, 0, len(values))
	size := 0
	for name, all := range values {
		if name == ParamAuthToken {
			continue
		}
		if len(all) != 1 {
			return nil, fmt.Errorf("make authToken, a name is given more than once: %w", ErrMalformed)
		}
		if form == TokenBody && strings.TrimSpace(all[0]) == "" {
			continue
		}
		size += len(name) + len(all[0])
		if size > most || boundary(all[0]) || strings.ContainsAny(name, "=&") {
			return nil, fmt.Errorf("make authToken, a value is too long or holds another parameter: %w", ErrMalformed)
		}
		names = append(names, name)
	}
	timeStamp := values.Get(ParamTimeStamp)
	if timeStamp == "" {
		return nil, fmt.Errorf("make authToken, read timeStamp: %w", ErrMissing)
	}
	slices.Sort(names)
	var joined strings.Builder
	for i, name := range names {
		if i > 0 {
			joined.WriteByte('&')
		}
		joined.WriteString(name + "=" + values.Get(name))
	}
	return mac(key+timeStamp, joined.String()), nil
}

// VerifyToken checks a V1 call's authToken, taken from the query of a GET or the header of a POST, and
// returns the time of its timeStamp. V1 names no window and no nonce: a call that was seen can be sent
// again, and is harmless because each of V1's calls may be repeated. Whoever wants a window checks the time.
func VerifyToken(key, authToken string, values url.Values, form TokenForm) (time.Time, error) {
	if authToken == "" {
		return time.Time{}, fmt.Errorf("read authToken: %w", ErrMissing)
	}
	if len(authToken) != base64.StdEncoding.EncodedLen(sha256.Size) {
		return time.Time{}, fmt.Errorf("read authToken: %w", ErrMalformed)
	}
	got, err := base64.StdEncoding.Strict().DecodeString(authToken)
	if err != nil {
		return time.Time{}, fmt.Errorf("read authToken: %w", ErrMalformed)
	}
	want, err := token(key, values, form)
	if err != nil {
		return time.Time{}, err
	}
	at, err := parseTimeStamp(values.Get(ParamTimeStamp))
	if err != nil {
		return time.Time{}, err
	}
	if !hmac.Equal(got, want) {
		return time.Time{}, fmt.Errorf("check authToken: %w", ErrWrong)
	}
	return at, nil
}

// parseTimeStamp reads V1's yyyyMMddHHmmssSSS, UTC. Go's layouts want a point before milliseconds.
func parseTimeStamp(s string) (time.Time, error) {
	if len(s) != 17 {
		return time.Time{}, fmt.Errorf("read timeStamp: %w", ErrMalformed)
	}
	at, err := time.Parse("20060102150405.000", s[:14]+"."+s[14:])
	if err != nil {
		return time.Time{}, fmt.Errorf("read timeStamp: %w", ErrMalformed)
	}
	return at, nil
}
