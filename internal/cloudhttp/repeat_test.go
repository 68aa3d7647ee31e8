package cloudhttp

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// otherCA is a certificate authority that signed nothing here.
func otherCA(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "another CA"}, IsCA: true,
		BasicConstraintsValid: true, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestRepeats(t *testing.T) {
	hangUp := func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	status := func(code int, after string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			if after != "" {
				w.Header().Set("Retry-After", after)
			}
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"error":{"code":%q,"message":"m"}}`, map[bool]string{true: cloudapi.ErrRateLimited, false: cloudapi.ErrInternal}[code == 429])
		}
	}
	for _, c := range []struct {
		name   string
		fault  func(http.ResponseWriter)
		faults int
		method string
		repeat bool
		asked  int
		want   api.Code
		pause  time.Duration // exact, when not 0
	}{
		{"lost answer to GET", hangUp, 2, "GET", false, 3, api.OK, 0},
		{"lost answer to GET for ever", hangUp, 9, "GET", false, 3, api.CloudUnreachable, 0},
		{"lost answer to POST", hangUp, 1, "POST", false, 1, api.CloudUnreachable, 0},
		{"lost answer to POST with a key", hangUp, 1, "POST", true, 2, api.OK, 0},
		{"lost answer to PUT", hangUp, 1, "PUT", false, 2, api.OK, 0},
		{"503", status(503, ""), 1, "GET", false, 2, api.OK, 0},
		{"429 with a time", status(429, "7"), 1, "GET", false, 2, api.OK, 7 * time.Second},
		{"429 with a long time", status(429, "3600"), 1, "GET", false, 1, api.Busy, 0},
		{"500", status(500, ""), 1, "GET", false, 1, api.CloudAnswer, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			asked, bodies := 0, ""
			_, cl := serve(t, func(w http.ResponseWriter, r *http.Request) {
				b, _ := io.ReadAll(r.Body)
				bodies += string(b) + ";"
				if asked++; asked <= c.faults {
					c.fault(w)
				}
			})
			var pauses []time.Duration
			cl.wait = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
			req := Request{Method: c.method, Path: "/x", Repeat: c.repeat}
			if c.method != "GET" {
				req.Body, req.Size = strings.NewReader("body"), 4
			}
			_, err := cl.Do(context.Background(), req)
			if asked != c.asked || api.CodeOf(err) != c.want {
				t.Errorf("asked %d times, %v; want %d times, code %d", asked, err, c.asked, c.want)
			}
			if len(pauses) != c.asked-1 {
				t.Errorf("pauses %v between %d attempts", pauses, c.asked)
			}
			for i, d := range pauses {
				if c.pause != 0 && d != c.pause || d <= 0 || i > 0 && d <= pauses[0]/2 {
					t.Errorf("pauses %v", pauses)
				}
			}
			if want := strings.Repeat("body;", c.asked); c.method != "GET" && bodies != want {
				t.Errorf("bodies %q, want %q", bodies, want)
			}
		})
	}
}

func TestStreamThatCannotBeRepeated(t *testing.T) {
	asked := 0
	_, c := serve(t, func(http.ResponseWriter, *http.Request) { asked++; panic(http.ErrAbortHandler) })
	_, err := c.Do(context.Background(), Request{Method: "PUT", Path: "/x", Body: io.MultiReader(strings.NewReader("once"))})
	if asked != 1 || api.CodeOf(err) != api.CloudUnreachable {
		t.Errorf("asked %d times, %v", asked, err)
	}
}

// TestEveryCloudCodeIsMapped reads the constants from the contract itself.
func TestEveryCloudCodeIsMapped(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../cloudapi/error.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]api.Code{
		cloudapi.ErrInvalid: api.InvalidArgument, cloudapi.ErrTooLarge: api.TooLarge, cloudapi.ErrUnauthenticated: api.SessionExpired,
		cloudapi.ErrWrongCredentials: api.WrongCredentials, cloudapi.ErrForbidden: api.Forbidden, cloudapi.ErrNotFound: api.NotFound,
		cloudapi.ErrNameExists: api.NameExists, cloudapi.ErrNameInvalid: api.NameInvalid, cloudapi.ErrHeldByOther: api.HeldByOther,
		cloudapi.ErrCheckoutLost: api.CheckoutLost, cloudapi.ErrNotCheckedOut: api.NotCheckedOut, cloudapi.ErrConflict: api.Conflict,
		cloudapi.ErrChunksMissing: api.ContentDamaged, cloudapi.ErrContentDamaged: api.ContentDamaged,
		cloudapi.ErrProductUnknown: api.ProductUnknown, cloudapi.ErrLicenseNone: api.LicenseNone,
		cloudapi.ErrLicenseRefused: api.LicenseRefused, cloudapi.ErrRateLimited: api.Busy, cloudapi.ErrSetupDone: api.Forbidden,
		cloudapi.ErrStorageFull: api.CloudFull, cloudapi.ErrInternal: api.CloudAnswer,
	}
	seen := 0
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(v.Names[0].Name, "Err") {
			return true
		}
		lit, ok := v.Values[0].(*ast.BasicLit)
		if !ok {
			return true
		}
		cloud, err := strconv.Unquote(lit.Value)
		if err != nil {
			t.Fatal(err)
		}
		seen++
		code, known := want[cloud]
		if !known {
			t.Errorf("%s is mapped nowhere", v.Names[0].Name)
		} else if got := codeOf(cloud, 418); got != code {
			t.Errorf("%s: got %d, want %d", v.Names[0].Name, got, code)
		}
		return true
	})
	if seen != len(want) {
		t.Errorf("the contract has %d codes, the table %d", seen, len(want))
	}
}

func TestRefusalsKeepTheCloudsWords(t *testing.T) {
	_, c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(409)
		_ = json.NewEncoder(w).Encode(cloudapi.ErrorBody{Error: cloudapi.Error{Code: cloudapi.ErrHeldByOther, Message: "held",
			Params: map[string]string{"holder": "li", "machine": "desk-7"}}})
	})
	err := get(c, "/x", nil)
	var no *Refusal
	if !errors.As(err, &no) || no.Cloud.Params["machine"] != "desk-7" || CloudCode(err) != cloudapi.ErrHeldByOther {
		t.Fatalf("got %#v", err)
	}
	var e *api.Error
	if !errors.As(err, &e) || e.Code != api.HeldByOther || e.Detail != "held_by_other: held holder=li machine=desk-7" {
		t.Errorf("got %+v", e)
	}
	if Away(err) || !c.Reachable() {
		t.Errorf("a refusal counts as an absent cloud: away %v, reachable %v", Away(err), c.Reachable())
	}
}

// TestUnknownCodesAreFailures: a newer cloud may have codes of its own.
func TestUnknownCodesAreFailures(t *testing.T) {
	for status, want := range map[int]api.Code{400: api.InvalidArgument, 401: api.SessionExpired, 403: api.Forbidden,
		429: api.Busy, 500: api.CloudAnswer, 599: api.CloudAnswer} {
		if got := codeOf("something_new", status); got != want {
			t.Errorf("%d: got %d, want %d", status, got, want)
		}
	}
}

func TestErrorsShowNoToken(t *testing.T) {
	_, c := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	_, err := c.Do(context.Background(), Request{Method: "GET", Path: "/x", Query: map[string][]string{"t": {"SECRET"}}, Token: "SECRET", Device: "SECRET"})
	if err == nil || strings.Contains(fmt.Sprintf("%v %+v", err, err), "SECRET") {
		t.Errorf("got %v", err)
	}
}
