package httpapi_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/app"
	"github.com/iscdesk/iscdesk/cloud/internal/httpapi/apitest"
	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// takers are the routes of this file's family that read a JSON body, with a good one.
// Routes of the drive have a table of their own.
func takers(d *desk) []struct {
	method, path string
	header       http.Header
	good         string
} {
	id := "/v1/instances/" + d.inst.ID
	return []struct {
		method, path string
		header       http.Header
		good         string
	}{
		{"POST", "/v1/login", nil, `{"account":"boss","password":"x1"}`},
		{"POST", "/v1/token", nil, `{"refreshToken":"iscr_x","attempt":"attempt-1"}`},
		{"POST", "/v1/members", d.boss, `{"account":"eve","name":"Eve","password":"a2345678","role":"member"}`},
		{"POST", "/v1/devices", nil, `{"proof":"a.b.c"}`},
		{"POST", "/v1/devices/" + d.device.ID + "/token", nil, `{"proof":"a.b.c"}`},
		{"POST", "/v1/products", d.boss, `{"id":"new","name":"New"}`},
		{"POST", "/v1/instances", d.boss, `{"product":"cad","seats":1,"from":"2026-01-01T00:00:00Z","until":"2027-01-01T00:00:00Z"}`},
		{"PUT", id + "/status", d.boss, `{"status":"active"}`},
		{"POST", "/v1/licenses", d.user, `{"product":"cad","form":"string","fingerprint":"F","request":"request-1"}`},
		{"POST", "/v1/leases", d.user, `{"product":"cad"}`},
		{"POST", "/v1/licenses/reports", d.user, `{"report":"report-01","product":"cad","ok":true,"time":"2026-01-01T00:00:00Z"}`},
	}
}

// TestBodies hands every route that takes a body everything that is not one.
func TestBodies(t *testing.T) {
	d := newDesk(t)
	d.assign(t)
	large := `{"pad":"` + strings.Repeat("x", cloudapi.MaxJSON) + `"}`
	for _, r := range takers(d) {
		t.Run(r.method+" "+strings.Replace(r.path, d.inst.ID, "{id}", 1), func(t *testing.T) {
			for _, tt := range []struct{ name, body, want string }{
				{"nothing", "", cloudapi.ErrInvalid},
				{"a blank", " ", cloudapi.ErrInvalid},
				{"no JSON", "hello", cloudapi.ErrInvalid},
				{"HTML", "<html></html>", cloudapi.ErrInvalid},
				{"cut short", r.good[:len(r.good)-1], cloudapi.ErrInvalid},
				{"two values", r.good + r.good, cloudapi.ErrInvalid},
				{"a list", "[" + r.good + "]", cloudapi.ErrInvalid},
				{"a text", `"x"`, cloudapi.ErrInvalid},
				{"not UTF-8", "{\"x\":\"\xff\"," + r.good[1:], cloudapi.ErrInvalid},
				{"deeply nested", `{"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}", cloudapi.ErrInvalid},
				{"one byte too large", large[:cloudapi.MaxJSON] + "x", cloudapi.ErrTooLarge},
				{"far too large", large + large, cloudapi.ErrTooLarge},
			} {
				t.Run(tt.name, func(t *testing.T) {
					if a := d.Do(t, r.method, r.path, r.header, json.RawMessage(tt.body)); a.Code() != tt.want {
						t.Errorf("status %d %s, want %s", a.Status, a.Body, tt.want)
					}
				})
			}
			t.Run("every member of a wrong type", func(t *testing.T) {
				var good map[string]any
				if err := json.Unmarshal([]byte(r.good), &good); err != nil {
					t.Fatal(err)
				}
				for member := range good {
					for _, wrong := range []any{map[string]any{"x": 1}, []any{1}, 1e300, -1} {
						bad := map[string]any{}
						for k, v := range good {
							bad[k] = v
						}
						bad[member] = wrong
						if a := d.Do(t, r.method, r.path, r.header, bad); a.Code() != cloudapi.ErrInvalid {
							t.Errorf("%s as %v: %d %s", member, wrong, a.Status, a.Body)
						}
					}
				}
			})
			t.Run("every member missing", func(t *testing.T) {
				var good map[string]any
				if err := json.Unmarshal([]byte(r.good), &good); err != nil {
					t.Fatal(err)
				}
				for member := range good {
					bad := map[string]any{}
					for k, v := range good {
						if k != member {
							bad[k] = v
						}
					}
					// Which member may be missing is the OpenAPI file's word: the harness holds the answer against it.
					d.Do(t, r.method, r.path, r.header, bad)
				}
			})
			t.Run("another content type", func(t *testing.T) {
				h := http.Header{"Content-Type": {"text/plain"}}
				for k, v := range r.header {
					h[k] = v
				}
				if a := d.Do(t, r.method, r.path, h, json.RawMessage(r.good)); a.Code() != cloudapi.ErrInvalid {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			})
			t.Run("without a length", func(t *testing.T) {
				req, err := http.NewRequestWithContext(t.Context(), r.method, d.URL+r.path, io.MultiReader(strings.NewReader(large), strings.NewReader(large)))
				if err != nil {
					t.Fatal(err)
				}
				for k, v := range r.header {
					req.Header[k] = v
				}
				req.Header.Set("Content-Type", "application/json")
				res, err := d.Plain.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				res.Body.Close()
				if res.StatusCode != http.StatusRequestEntityTooLarge {
					t.Errorf("status %d", res.StatusCode)
				}
			})
			t.Run("unknown members are ignored", func(t *testing.T) {
				a := d.Do(t, r.method, r.path, r.header, json.RawMessage(r.good))
				b := d.Do(t, r.method, r.path, r.header, json.RawMessage(`{"unknown":{"x":[1]},`+r.good[1:]))
				if b.Code() != a.Code() && b.Code() != cloudapi.ErrNameExists && b.Code() != cloudapi.ErrRateLimited {
					t.Errorf("with an unknown member %d %s, without %d %s", b.Status, b.Body, a.Status, a.Body)
				}
			})
		})
	}
}

// TestValuesAtTheirBounds tries product, instance and licence requests at and over each documented bound.
func TestValuesAtTheirBounds(t *testing.T) {
	d := newDesk(t)
	d.assign(t)
	now := d.Clock.Now()
	features := func(n, size int) (out []string) {
		for i := range n {
			s := strconv.Itoa(i)
			out = append(out, s+strings.Repeat("f", size-len(s)))
		}
		return out
	}
	for _, tt := range []struct{ name, id, want string }{
		{"an id of 64", strings.Repeat("p", 64), ""},
		{"an id of 65", strings.Repeat("p", 65), cloudapi.ErrInvalid},
		{"no id", "", cloudapi.ErrInvalid},
		{"an id in upper case", "CAD", cloudapi.ErrInvalid},
		{"an id with a slash", "a/b", cloudapi.ErrInvalid},
	} {
		in := cloudapi.Product{ID: tt.id, Name: "Another"}
		t.Run("product with "+tt.name, func(t *testing.T) { d.Refused(t, "POST", "/v1/products", d.boss, in, tt.want) })
	}
	for _, tt := range []struct {
		name string
		in   cloudapi.NewInstance
		want string
	}{
		{"no features", cloudapi.NewInstance{Product: "cad", Seats: 1, From: now, Until: now.Add(time.Second)}, ""},
		{"features that fill the licence text", cloudapi.NewInstance{Product: "cad", Seats: 1, From: now, Until: now.Add(time.Hour), Features: features(12, 60)}, ""},
		{"features that overfill it", cloudapi.NewInstance{Product: "cad", Seats: 1, From: now, Until: now.Add(time.Hour), Features: features(20, 60)}, cloudapi.ErrInvalid},
		{"129 features", cloudapi.NewInstance{Product: "cad", Seats: 1, From: now, Until: now.Add(time.Hour), Features: features(129, 3)}, cloudapi.ErrInvalid},
		{"a feature with a comma", cloudapi.NewInstance{Product: "cad", Seats: 1, From: now, Until: now.Add(time.Hour), Features: []string{"a,b"}}, cloudapi.ErrInvalid},
		{"a feature of 65", cloudapi.NewInstance{Product: "cad", Seats: 1, From: now, Until: now.Add(time.Hour), Features: features(1, 65)}, cloudapi.ErrInvalid},
		{"no seat", cloudapi.NewInstance{Product: "cad", From: now, Until: now.Add(time.Hour)}, cloudapi.ErrInvalid},
		{"too many seats", cloudapi.NewInstance{Product: "cad", Seats: 1000001, From: now, Until: now.Add(time.Hour)}, cloudapi.ErrInvalid},
		{"end is beginning", cloudapi.NewInstance{Product: "cad", Seats: 1, From: now, Until: now}, cloudapi.ErrInvalid},
		{"unknown product", cloudapi.NewInstance{Product: "none", Seats: 1, From: now, Until: now.Add(time.Hour)}, cloudapi.ErrProductUnknown},
	} {
		t.Run("instance with "+tt.name, func(t *testing.T) { d.Refused(t, "POST", "/v1/instances", d.boss, tt.in, tt.want) })
	}
	for _, tt := range []struct {
		name   string
		change func(*cloudapi.LicenseRequest)
		want   string
	}{
		{"fingerprint of 5120", func(in *cloudapi.LicenseRequest) { in.Fingerprint = strings.Repeat("F", 5120) }, ""},
		{"fingerprint of 5121", func(in *cloudapi.LicenseRequest) { in.Fingerprint = strings.Repeat("F", 5121) }, cloudapi.ErrInvalid},
		{"fingerprint with a line end", func(in *cloudapi.LicenseRequest) { in.Fingerprint = "A\nB" }, cloudapi.ErrInvalid},
		{"devInfo of 5120", func(in *cloudapi.LicenseRequest) { in.DevInfo = strings.Repeat("d", 5120) }, ""},
		{"devInfo of 5121", func(in *cloudapi.LicenseRequest) { in.DevInfo = strings.Repeat("d", 5121) }, cloudapi.ErrInvalid},
		{"file form", func(in *cloudapi.LicenseRequest) { in.Form, in.FileName = "file", "许可.lic" }, ""},
		{"file name of 256", func(in *cloudapi.LicenseRequest) { in.Form, in.FileName = "file", strings.Repeat("n", 256) }, cloudapi.ErrInvalid},
		{"unknown form", func(in *cloudapi.LicenseRequest) { in.Form = "usb" }, cloudapi.ErrInvalid},
		{"short request key", func(in *cloudapi.LicenseRequest) { in.Request = "1234567" }, cloudapi.ErrInvalid},
	} {
		t.Run("license with "+tt.name, func(t *testing.T) {
			in := request()
			tt.change(&in)
			d.Refused(t, "POST", "/v1/licenses", d.user, in, tt.want)
		})
	}
}

// slowBody gives one byte and then waits until it is closed.
type slowBody struct {
	sent   bool
	closed chan struct{}
	once   sync.Once
}

func (s *slowBody) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

func (s *slowBody) Read(b []byte) (int, error) {
	if !s.sent {
		s.sent = true
		b[0] = '{'
		return 1, nil
	}
	<-s.closed
	return 0, io.EOF
}

// TestSlowClient: a body that does not come is refused, and meanwhile others are served.
func TestSlowClient(t *testing.T) {
	c := apitest.Start(t, func(conf *app.Config) { conf.BodyTime = 200 * time.Millisecond })
	t.Run("HTTP/1.1", func(t *testing.T) {
		conf := c.Plain.Transport.(*http.Transport).TLSClientConfig.Clone()
		conf.NextProtos = []string{"http/1.1"}
		conn, err := tls.Dial("tcp", strings.TrimPrefix(c.URL, "https://"), conf)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "POST /v1/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
		c.Must(t, "GET", "/v1/server", nil, nil, nil, http.StatusOK)
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		refusedAsSlow(t, res)
	})
	t.Run("HTTP/2", func(t *testing.T) {
		body := &slowBody{closed: make(chan struct{})}
		req, err := http.NewRequestWithContext(t.Context(), "POST", c.URL+"/v1/login", body)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := c.Plain.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		c.Must(t, "GET", "/v1/server", nil, nil, nil, http.StatusOK)
		refusedAsSlow(t, res)
		if res.ProtoMajor != 2 {
			t.Errorf("spoke %s", res.Proto)
		}
	})
}

func refusedAsSlow(t *testing.T, res *http.Response) {
	t.Helper()
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusBadRequest || !bytes.Contains(b, []byte("did not arrive")) {
		t.Errorf("status %d, %s, %v", res.StatusCode, b, err)
	}
}

// TestLimitsFill: zero members take defaults, so no configuration can switch the limits off.
func TestLimitsFill(t *testing.T) {
	c := apitest.StartEmpty(t, func(conf *app.Config) { conf.Limits = limit.Limits{} })
	got := 0
	for range 300 {
		if c.Do(t, "GET", "/v1/server", nil, nil).Status == http.StatusTooManyRequests {
			got++
		}
	}
	if got != 100 {
		t.Errorf("%d of 300 requests at once were refused, want 100", got)
	}
}
