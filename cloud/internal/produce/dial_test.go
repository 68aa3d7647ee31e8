package produce_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/cloud/internal/produce/producetest"
)

// TestOnlyTheInternetIsCalled: every address here is one by which a merchant could reach into the
// operator's own network, and the connection is refused before a packet leaves.
func TestOnlyTheInternetIsCalled(t *testing.T) {
	for _, c := range []struct {
		address string
		reach   produce.Reach
		want    string // "" is allowed
	}{
		{"127.0.0.1:443", produce.Reach{}, "not a public address"},
		{"127.8.9.1:443", produce.Reach{}, "not a public address"},
		{"[::1]:443", produce.Reach{}, "not a public address"},
		{"[::ffff:127.0.0.1]:443", produce.Reach{}, "not a public address"},
		{"[::ffff:10.1.2.3]:443", produce.Reach{}, "not a public address"},
		{"10.0.0.1:443", produce.Reach{}, "not a public address"},
		{"172.16.0.1:443", produce.Reach{}, "not a public address"},
		{"172.31.255.255:443", produce.Reach{}, "not a public address"},
		{"192.168.1.1:443", produce.Reach{}, "not a public address"},
		{"169.254.169.254:443", produce.Reach{}, "not a public address"},
		{"100.64.0.1:443", produce.Reach{}, "not a public address"},
		{"100.127.255.255:443", produce.Reach{}, "not a public address"},
		{"0.0.0.0:443", produce.Reach{}, "not a public address"},
		{"0.1.2.3:443", produce.Reach{}, "not a public address"},
		{"[::]:443", produce.Reach{}, "not a public address"},
		{"192.0.0.8:443", produce.Reach{}, "not a public address"},
		{"192.0.2.1:443", produce.Reach{}, "not a public address"},
		{"198.19.255.255:443", produce.Reach{}, "not a public address"},
		{"198.51.100.1:443", produce.Reach{}, "not a public address"},
		{"203.0.113.9:443", produce.Reach{}, "not a public address"},
		{"224.0.0.1:443", produce.Reach{}, "not a public address"},
		{"239.1.1.1:443", produce.Reach{}, "not a public address"},
		{"240.0.0.1:443", produce.Reach{}, "not a public address"},
		{"255.255.255.255:443", produce.Reach{}, "not a public address"},
		{"[fe80::1]:443", produce.Reach{}, "not a public address"},
		{"[fe80::1%eth0]:443", produce.Reach{}, "not a public address"},
		{"[fc00::1]:443", produce.Reach{}, "not a public address"},
		{"[fd12:3456::1]:443", produce.Reach{}, "not a public address"},
		{"[ff02::1]:443", produce.Reach{}, "not a public address"},
		{"[64:ff9b::7f00:1]:443", produce.Reach{}, "not a public address"},
		{"[2002:7f00:1::]:443", produce.Reach{}, "not a public address"},
		{"[2001:0:4136:e378::1]:443", produce.Reach{}, "not a public address"},
		{"[2001:db8::1]:443", produce.Reach{}, "not a public address"},
		{"[::7f00:1]:443", produce.Reach{}, "not a public address"},
		{"8.8.8.8:443", produce.Reach{}, ""},
		{"172.32.0.1:443", produce.Reach{}, ""},
		{"100.128.0.1:443", produce.Reach{}, ""},
		{"[2400:3200::1]:443", produce.Reach{}, ""},
		{"8.8.8.8:80", produce.Reach{}, "port 80 is not 443"},
		{"8.8.8.8:8443", produce.Reach{AnyPort: true}, ""},
		{"10.0.0.1:443", produce.Reach{Networks: nets("10.0.0.0/24")}, ""},
		{"[::ffff:10.0.0.1]:443", produce.Reach{Networks: nets("10.0.0.0/24")}, ""},
		{"10.0.1.1:443", produce.Reach{Networks: nets("10.0.0.0/24")}, "not a public address"},
		{"10.0.0.1:22", produce.Reach{Networks: nets("10.0.0.0/24")}, "port 22 is not 443"},
		{"localhost:443", produce.Reach{}, "no address"},
		{"", produce.Reach{}, "no address"},
	} {
		err := produce.Control(produce.NewCaller(c.reach), c.address)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v instead of %q", c.address, err, c.want)
		}
	}
}

func nets(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func TestBase(t *testing.T) {
	for _, c := range []struct {
		raw     string
		anyPort bool
		want    string // "" is refused
	}{
		{"https://isv.example.com", false, "https://isv.example.com"},
		{"https://ISV.Example.com/", false, "https://isv.example.com"},
		{"https://isv.example.com:443/saasproduce", false, "https://isv.example.com"},
		{"https://isv.example.com/a/b", false, "https://isv.example.com"},
		{"https://isv.example.com:8443", false, ""},
		{"https://isv.example.com:8443", true, "https://isv.example.com:8443"},
		{"https://localhost:8443", true, "https://localhost:8443"},
		{"https://xn--fiqs8s/", false, "https://xn--fiqs8s"},
		{"http://isv.example.com", false, ""},
		{"isv.example.com", false, ""},
		{"https://", false, ""},
		{"https:isv.example.com", false, ""},
		{"https:///x", false, ""},
		{"https://127.0.0.1", false, ""},
		{"https://1.1.1.1/", true, ""},
		{"https://127.1", false, ""},
		{"https://2130706433", false, ""},
		{"https://0x7f000001", false, ""},
		{"https://0x7f.1", false, ""},
		{"https://[::1]", false, ""},
		{"https://[2400:3200::1]:443", true, ""},
		{"https://isv.example.com.", false, ""},
		{"https://.example.com", false, ""},
		{"https://isv..example.com", false, ""},
		{"https://-isv.example.com", false, ""},
		{"https://isv_.example.com", false, ""},
		{"https://пример.example.com", false, ""},
		{"https://user@isv.example.com", false, ""},
		{"https://user:pw@isv.example.com", false, ""},
		{"https://isv.example.com?x=1", false, ""},
		{"https://isv.example.com/?", false, ""},
		{"https://isv.example.com/#x", false, ""},
		{"https://isv.example.com/#", false, ""},
		{"https://isv.example.com/a/../b", false, ""},
		{"https://isv.example.com/a/%2e%2e/b", false, "https://isv.example.com"},
		{"https://isv.example.com//b", false, ""},
		{"https://isv.example.com:", false, ""},
		{"https://isv.example.com:99999", true, ""},
		{"https://isv.example.com\n", false, ""},
		{"https://" + strings.Repeat("a", 64) + ".com", false, ""},
		{"https://" + strings.Repeat("a.", 127) + "com", false, ""},
	} {
		got, err := produce.NewCaller(produce.Reach{AnyPort: c.anyPort}).Base(c.raw)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%q: %q, %v instead of %q", c.raw, got, err, c.want)
		}
	}
}

func FuzzBase(f *testing.F) {
	for _, s := range []string{"https://isv.example.com/saasproduce", "https://a:443", "https://[::1]", "https://a@b/c?d#e", "https://127.1/"} {
		f.Add(s)
	}
	c := produce.NewCaller(produce.Reach{AnyPort: true})
	f.Fuzz(func(t *testing.T, raw string) {
		base, err := c.Base(raw)
		if err != nil {
			return
		}
		if again, err := c.Base(base); err != nil || again != base {
			t.Errorf("%q stands below %q, which stands below %q, %v", raw, base, again, err)
		}
		r, err := http.NewRequest(http.MethodGet, raw, nil)
		if err != nil {
			t.Fatalf("%q is an address and no request: %v", raw, err)
		}
		if _, err := netip.ParseAddr(r.URL.Hostname()); err == nil {
			t.Errorf("%q has an IP address", raw)
		}
	})
}

func TestCalls(t *testing.T) {
	away := producetest.Start(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	release := make(chan struct{})
	defer close(release)
	s := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/echo":
			b, _ := io.ReadAll(r.Body)
			fmt.Fprintf(w, "%s %s", r.Method, b)
		case "/moved":
			http.Redirect(w, r, away.Base+"/", http.StatusTemporaryRedirect)
		case "/full":
			w.Write(make([]byte, produce.MaxAnswer))
		case "/large":
			w.Write(make([]byte, produce.MaxAnswer+1))
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<20)); err != nil {
					return
				}
			}
		case "/hangs":
			select {
			case <-release:
			case <-r.Context().Done():
			}
		case "/half":
			w.Header().Set("Content-Length", "10")
			fmt.Fprint(w, "12345")
		case "/packed":
			w.Header().Set("Content-Encoding", "gzip")
			fmt.Fprint(w, "as sent")
		}
	}))
	c := produce.NewCaller(s.Reach)
	post := func(ctx context.Context, url string) (produce.Answer, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		return c.Do(r)
	}
	for _, k := range []struct {
		path   string
		status int // 0 is an error
		body   string
	}{
		{"/echo", 200, "POST body"}, {"/moved", 307, ""}, {"/full", 200, string(make([]byte, produce.MaxAnswer))}, {"/packed", 200, "as sent"},
		{"/large", 0, ""}, {"/endless", 0, ""}, {"/half", 0, ""},
	} {
		a, err := post(t.Context(), s.Base+k.path)
		if (err == nil) != (k.status != 0) || a.Status != k.status || string(a.Body) != k.body {
			t.Errorf("%s: %d with %d bytes, %v", k.path, a.Status, len(a.Body), err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := post(ctx, s.Base+"/hangs"); err == nil {
		t.Error("an answer that never came")
	}
	for name, url := range map[string]string{"plain http": "http" + strings.TrimPrefix(s.Base, "https") + "/echo",
		"an address": strings.Replace(s.Base, "localhost", "127.0.0.1", 1) + "/echo"} {
		if _, err := post(t.Context(), url); err == nil {
			t.Errorf("%s was called", name)
		}
	}
	for name, reach := range map[string]produce.Reach{"this machine": {AnyPort: true, Roots: s.Reach.Roots},
		"another port": {Networks: s.Reach.Networks, Roots: s.Reach.Roots}, "an unknown authority": {Networks: s.Reach.Networks, AnyPort: true}} {
		r, err := http.NewRequest(http.MethodGet, s.Base+"/echo", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := produce.NewCaller(reach).Do(r); err == nil {
			t.Errorf("%s was called", name)
		}
	}
}

func TestShows(t *testing.T) {
	for _, c := range []struct {
		name string
		serv http.HandlerFunc
		want string // "" is shown
	}{
		{"alone", text("chal_1"), ""},
		{"with a line's end", text("chal_1\r\n"), ""},
		{"among others", text("chal_0\n  chal_1 \nchal_2\n"), ""},
		{"another one", text("chal_2\n"), "does not show"},
		{"inside a longer word", text("xchal_1\nchal_11\n"), "does not show"},
		{"nothing", text(""), "does not show"},
		{"not found", http.NotFound, "answers 404"},
		{"with another status", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(201); text("chal_1")(w, r) }, "answers 201"},
		{"elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) }, "answers 302"},
		{"without end", func(w http.ResponseWriter, r *http.Request) {
			text("chal_1\n"+strings.Repeat("x", produce.MaxAnswer))(w, r)
		}, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := producetest.Start(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodGet || r.URL.Path != produce.ChallengePath {
					t.Errorf("%s %s", r.Method, r.URL)
				}
				c.serv(w, r)
			}))
			err := produce.NewCaller(s.Reach).Shows(t.Context(), s.Base, "chal_1")
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v instead of %q", err, c.want)
			}
		})
	}
}

func text(s string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, s) }
}
