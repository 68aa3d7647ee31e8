package transfertest

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/cloudhttp"
)

// Real is iscdesk-cloud as a child process, with one account on one device and
// one space. All that is said to it is held against cloud/openapi.yaml, except in
// a benchmark.
type Real struct {
	Base   string // of the front before it
	CA     []byte
	Space  string
	Device string

	t      testing.TB
	binary string
	data   string
	cmd    *exec.Cmd
	http   *cloudhttp.Client
	user   string
	device string
}

const (
	// Account and password of the one user.
	Account  = "lin@example.com"
	password = "drawing-board-7"
)

// StartReal builds the cloud, starts it on a free port and sets it up. It ends
// with the test.
func StartReal(t testing.TB) *Real {
	t.Helper()
	if _, err := exec.LookPath("go"); err != nil && runtime.GOOS == "windows" {
		t.Skip("not run: builds the cloud, which takes Go on this Windows; the scenarios of e2e run it there")
	}
	c := &Real{t: t, binary: filepath.Join(t.TempDir(), "iscdesk-cloud"), data: t.TempDir()}
	build := exec.Command("go", "build", "-o", c.binary, "github.com/iscdesk/iscdesk/cloud")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build the cloud: %v\n%s", err, out)
	}
	t.Cleanup(c.kill)
	own, code := c.start()
	front, err := cloudapitest.For(t).Front(c.data, own)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(front.Close)
	c.Base = front.URL
	ca, err := os.ReadFile(filepath.Join(c.data, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	c.CA = ca
	if c.http, err = cloudhttp.New(cloudhttp.Config{Base: c.Base, CAPEM: ca, Proxy: "direct", Build: "test"}); err != nil {
		t.Fatal(err)
	}
	c.must(cloudhttp.Request{Method: http.MethodPost, Path: "/v1/setup", JSON: cloudapi.Setup{
		Code: code, Account: Account, Name: "Lin", Password: password, Organisation: "Test"}})
	c.enrol()
	var tokens cloudapi.Tokens
	c.must(cloudhttp.Request{Method: http.MethodPost, Path: "/v1/login", Result: &tokens,
		JSON: cloudapi.Login{Account: Account, Password: password, Device: c.Device}})
	c.user = tokens.AccessToken
	var space cloudapi.Space
	c.must(cloudhttp.Request{Method: http.MethodPost, Path: "/v1/spaces", Token: c.user, Result: &space, JSON: cloudapi.NewSpace{Name: "Parts"}})
	c.Space = space.ID
	return c
}

// start starts the process and returns its own address and the one-time code that it prints.
func (c *Real) start() (base, code string) {
	c.t.Helper()
	cmd := exec.Command(c.binary, "serve", "--data", c.data, "--listen", "127.0.0.1:0")
	dieWithParent(cmd)
	log, err := os.OpenFile(filepath.Join(c.data, "test.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.cmd = cmd
	for in := bufio.NewScanner(out); in.Scan(); {
		key, value, _ := strings.Cut(in.Text(), ": ")
		switch {
		case key == "address":
			base = value
		case strings.HasPrefix(key, "one-time code"):
			return base, value
		}
	}
	c.t.Fatal("the cloud ended before it served")
	return "", ""
}

// kill ends the process at once.
func (c *Real) kill() {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait() // killed
	c.cmd = nil
}

// HTTP is a client of the cloud; tests wrap it to plant faults.
func (c *Real) HTTP() *cloudhttp.Client { return c.http }

// Do sends a request as the user on the device.
func (c *Real) Do(r cloudhttp.Request) error {
	r.Token, r.Device = c.user, c.device
	_, err := c.http.Do(context.Background(), r)
	return err
}

func (c *Real) must(r cloudhttp.Request) {
	c.t.Helper()
	if _, err := c.http.Do(context.Background(), r); err != nil {
		c.t.Fatalf("%s %s: %v", r.Method, r.Path, err)
	}
}

// Transfer gets a token for an operation; mode is read or write.
func (c *Real) Transfer(mode, key, object string) string {
	c.t.Helper()
	return c.TransferIn(c.Space, mode, key, object)
}

// NewSpace makes another space and returns its id.
func (c *Real) NewSpace(name string) string {
	c.t.Helper()
	var space cloudapi.Space
	if err := c.Do(cloudhttp.Request{Method: http.MethodPost, Path: "/v1/spaces", Result: &space, JSON: cloudapi.NewSpace{Name: name}}); err != nil {
		c.t.Fatalf("make a space: %v", err)
	}
	return space.ID
}

// TransferIn is Transfer in another space.
func (c *Real) TransferIn(space, mode, key, object string) string {
	c.t.Helper()
	var token cloudapi.TransferToken
	err := c.Do(cloudhttp.Request{Method: http.MethodPost, Path: "/v1/spaces/" + space + "/transfer", Result: &token,
		JSON: cloudapi.NewTransfer{Mode: mode, Operation: key, Object: object}})
	if err != nil {
		c.t.Fatalf("get a transfer token: %v", err)
	}
	return token.Token
}

// Newest is an object's newest version.
func (c *Real) Newest(object string) cloudapi.Version {
	c.t.Helper()
	var v cloudapi.Versions
	if err := c.Do(cloudhttp.Request{Method: http.MethodGet, Path: "/v1/objects/" + object + "/versions", Result: &v}); err != nil {
		c.t.Fatalf("list versions: %v", err)
	}
	return v.Versions[0]
}

// enrol makes the test's device known.
func (c *Real) enrol() {
	c.t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	now := clock.System{}.Now().Unix()
	var d cloudapi.Device
	c.must(cloudhttp.Request{Method: http.MethodPost, Path: "/v1/devices", Result: &d, JSON: cloudapi.Enrol{
		Proof: c.sign(key, "iscdesk-enrol+jwt", true, cloudapi.EnrolClaims{Aud: c.Base, Iat: now, Nonce: rand.Text(),
			Name: "bench-7", Platform: "linux/amd64", Identity: strings.Repeat("7e", 32)})}})
	var token cloudapi.DeviceToken
	c.must(cloudhttp.Request{Method: http.MethodPost, Path: "/v1/devices/" + d.ID + "/token", Result: &token, JSON: cloudapi.DeviceAuth{
		Proof: c.sign(key, "iscdesk-device+jwt", false, cloudapi.DeviceClaims{Aud: c.Base, Iat: now, Nonce: rand.Text(), Device: d.ID})}})
	c.Device, c.device = d.ID, token.Token
}

func (c *Real) sign(key ed25519.PrivateKey, typ string, embed bool, claims any) string {
	c.t.Helper()
	opts := (&jose.SignerOptions{EmbedJWK: embed}).WithType(jose.ContentType(typ))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key}}, opts)
	if err != nil {
		c.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		c.t.Fatal(err)
	}
	signed, err := s.Sign(payload)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := signed.CompactSerialize()
	if err != nil {
		c.t.Fatal(err)
	}
	return text
}
