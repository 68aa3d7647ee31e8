package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// canonical is the text whose hash an AK/SK signature covers (marketplace: API request signing guide),
// line for line. names are the signed headers, in lower case and sorted.
func canonical(r *http.Request, names []string, payload string) (string, error) {
	path, err := canonicalPath(r.URL.EscapedPath())
	if err != nil {
		return "", err
	}
	query, err := canonicalQuery(r.URL.RawQuery)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(r.Method + "\n" + path + "\n" + query + "\n")
	for _, name := range names {
		values := r.Header.Values(name)
		switch name {
		case "host":
			values = []string{host(r)}
		case "authorization":
			return "", fmt.Errorf("read signed headers, a signature cannot cover itself: %w", ErrMalformed)
		}
		if len(values) == 0 {
			return "", fmt.Errorf("read signed header %s: %w", name, ErrMissing)
		}
		lines := slices.Clone(values)
		slices.Sort(lines)
		for _, v := range lines {
			b.WriteString(name + ":" + strings.TrimSpace(v) + "\n")
		}
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + payload)
	return b.String(), nil
}

// host is what goes out as Host, or has come in as it.
func host(r *http.Request) string {
	if r.Host != "" {
		return r.Host
	}
	return r.URL.Host
}

// canonicalPath encodes each segment anew and ends with a slash. Relative and empty segments are refused: some
// signers remove them and others do not, and no path of ours has any.
func canonicalPath(escaped string) (string, error) {
	trimmed := strings.TrimSuffix(strings.TrimPrefix(escaped, "/"), "/")
	if trimmed == "" {
		return "/", nil
	}
	var b strings.Builder
	b.WriteByte('/')
	for segment := range strings.SplitSeq(trimmed, "/") {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "" || plain == "." || plain == ".." {
			return "", fmt.Errorf("read path: %w", ErrMalformed)
		}
		b.WriteString(escape(plain) + "/")
	}
	return b.String(), nil
}

// canonicalQuery sorts by name, and the values of one name among themselves.
func canonicalQuery(raw string) (string, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return "", fmt.Errorf("read query: %w", ErrMalformed)
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	var pairs []string
	for _, name := range names {
		all := slices.Clone(values[name])
		slices.Sort(all)
		for _, v := range all {
			pairs = append(pairs, escape(name)+"="+escape(v))
		}
	}
	return strings.Join(pairs, "&"), nil
}

// escape leaves RFC 3986's unreserved characters and writes all else as %XY; net/url's functions each leave more.
func escape(s string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

// PayloadHash is the payload line for a body: its SHA-256 in lower-case hex.
func PayloadHash(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}
