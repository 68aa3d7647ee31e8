// Package vendorsdk holds merchant/sign against the vendor's public SDK for Go: requests that one
// signs the other must accept, byte for byte. It is tests only, in a module of its own.
package vendorsdk

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/signer"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/def"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/request"
	"github.com/iscdesk/iscdesk/merchant/sign"
)

const (
	access = "QTWAOYTTINDUT2QVKYUC"
	secret = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"
	rounds = 4000
)

var at = time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)

func TestRandomRequests(t *testing.T) {
	kinds := map[string]int{}
	for seed := range uint64(rounds) {
		g := generator{rand.New(rand.NewPCG(seed, 4))}
		r, body, kind := g.signedByTheSDK(t)
		kinds[kind]++
		theirs := r.Header.Get("Authorization")
		t.Run(fmt.Sprintf("%d %s", seed, kind), func(t *testing.T) {
			incoming := overTheWire(t, r, body)
			if err := verify(incoming); err != nil {
				t.Fatalf("ours refuses theirs: %v\n%s %s\n%v\n%s", err, r.Method, r.URL, r.Header, theirs)
			}
			_, names, _, err := sign.ParseAuthorization([]string{theirs})
			if err != nil {
				t.Fatal(err)
			}
			ours := r.Clone(t.Context())
			ours.Header.Del("Authorization")
			payload := ours.Header.Get(sign.HeaderPayload)
			if payload == "" {
				payload = sign.PayloadHash(body)
			}
			if err := sign.SignRequest(ours, sign.KeyPair{Access: access, Secret: secret}, payload, at, names...); err != nil {
				t.Fatal(err)
			}
			if got := ours.Header.Get("Authorization"); got != theirs {
				t.Fatalf("%s %s\n%v\nours   %s\ntheirs %s", r.Method, r.URL, r.Header, got, theirs)
			}
			changed := g.change(t, r, body)
			if err := verify(changed); err == nil {
				t.Fatalf("a changed request passes: %s %s %v", changed.Method, changed.URL, changed.Header)
			}
		})
	}
	for _, kind := range []string{"none", "json", "text", "multipart"} {
		if kinds[kind] < rounds/8 {
			t.Errorf("only %d requests with a body of kind %s", kinds[kind], kind)
		}
	}
}

type generator struct{ *rand.Rand }

// text has what is reserved in addresses, blanks, and letters beyond ASCII; never empty.
func (g generator) text(most int) string {
	letters := []rune("abcXYZ0189-_.~ !\"#$%&'()*+,/:;<=>?@[\\]^`{|}äß中文字符🙂")
	s := make([]rune, 1+g.IntN(most))
	for i := range s {
		s[i] = letters[g.IntN(len(letters))]
	}
	return string(s)
}

func (g generator) path() string {
	parts := []string{"", "api", "v1"}
	for range g.IntN(4) {
		// Parts that are empty or climb are refused by us, and left as they are by the SDK.
		part := strings.ReplaceAll(g.text(12), "/", "-")
		if strings.Trim(part, ".") == "" {
			part = "dots"
		}
		parts = append(parts, part)
	}
	if g.IntN(3) == 0 {
		parts = append(parts, "")
	}
	return strings.Join(parts, "/")
}

// signedByTheSDK builds a request with the SDK and signs it there, as its client does.
func (g generator) signedByTheSDK(t *testing.T) (r *http.Request, body []byte, kind string) {
	t.Helper()
	b := request.NewHttpRequestBuilder().
		WithEndpoint("https://mkt.example.test").
		WithPath(g.path()).
		WithMethod([]string{"GET", "POST", "PUT", "DELETE", "PATCH"}[g.IntN(5)]).
		AddHeaderParam(signer.HeaderXDate, at.Format(signer.BasicDateFormat))
	for i := range g.IntN(5) {
		name := fmt.Sprintf("%d%s", i, g.text(8)) // the number keeps names apart
		switch g.IntN(4) {
		case 0:
			b.AddQueryParam(name, reflect.ValueOf(""))
		case 1:
			values := []string{g.text(6), "", g.text(6), "b", "a"}
			values = append(values, values[0])
			b.AddQueryParam(name, reflect.ValueOf(values))
		case 2:
			b.AddQueryParam(name, reflect.ValueOf(map[string]string{g.text(4): g.text(4)}))
		default:
			b.AddQueryParam(name, reflect.ValueOf(g.text(20)))
		}
	}
	for i := range g.IntN(4) {
		name := fmt.Sprintf("X-Part%d", i)
		if g.IntN(5) == 0 {
			name = fmt.Sprintf("X_part%d", i) // never signed
		}
		b.AddHeaderParam(name, strings.Repeat(" ", g.IntN(3))+g.text(20)+strings.Repeat(" ", g.IntN(3)))
	}
	if g.IntN(4) == 0 {
		b.AddHeaderParam("Host", "mkt.example.test")
	}
	kind = []string{"none", "json", "text", "multipart"}[g.IntN(4)]
	switch kind {
	case "json":
		b.AddHeaderParam("Content-Type", []string{"application/json", "application/json;charset=utf8"}[g.IntN(2)])
		b.WithBody("body", map[string]any{"license": g.text(30), "list": []string{g.text(5), "<&>"}})
	case "text":
		b.AddHeaderParam("Content-Type", "text/plain")
		b.WithBody("body", g.text(60))
	case "multipart":
		b.AddHeaderParam("Content-Type", "multipart/form-data")
		b.AddFormParam("isvUpdateFileReq", def.NewMultiPart(g.text(40)))
	}
	built := b.Build()
	headers, err := signer.Sign(built, access, secret)
	if err != nil {
		t.Fatal(err)
	}
	r, err = built.ConvertRequest()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range headers {
		r.Header.Set(name, value)
	}
	if body, err = io.ReadAll(r.Body); err != nil {
		t.Fatal(err)
	}
	return r, body, kind
}

// change breaks one thing that the signature covers.
func (g generator) change(t *testing.T, r *http.Request, body []byte) *http.Request {
	t.Helper()
	other := r.Clone(t.Context())
	switch g.IntN(5) {
	case 0:
		other.Method = "HEAD"
	case 1:
		other.URL.Path = strings.TrimSuffix(other.URL.Path, "/") + "x"
	case 2:
		other.URL.RawQuery += "&more=1"
	case 3:
		other.Header.Set(signer.HeaderXDate, at.Add(time.Second).Format(signer.BasicDateFormat))
	default:
		if r.Header.Get(sign.HeaderPayload) == sign.Unsigned {
			other.Header.Set(sign.HeaderPayload, sign.PayloadHash(body))
		} else {
			body = append(slices.Clone(body), ' ')
		}
	}
	return overTheWire(t, other, body)
}

// overTheWire is what a server reads of a request: its bytes, parsed anew.
func overTheWire(t *testing.T, r *http.Request, body []byte) *http.Request {
	t.Helper()
	out := r.Clone(t.Context())
	out.Body = io.NopCloser(bytes.NewReader(body))
	out.ContentLength = int64(len(body))
	var wire bytes.Buffer
	if err := out.Write(&wire); err != nil {
		t.Fatal(err)
	}
	in, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// verify is what a server does: the head first, then the body as it is read.
func verify(r *http.Request) error {
	in, err := sign.VerifyRequest(r, func(a string) (string, error) {
		if a != access {
			return "", errors.New("another access key")
		}
		return secret, nil
	}, at)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, r.Body); err != nil {
		return err
	}
	return in.CheckBody(hex.EncodeToString(sum.Sum(nil)))
}
