package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/need"
)

// TestBinary runs the real program: its life, its files, and what is left after it was killed.
func TestBinary(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("signals")
	}
	goTool := need.Command(t, "go")
	exe := filepath.Join(t.TempDir(), "iscdesk-cloud")
	args := []string{"build", "-o", exe}
	if out, err := exec.Command(goTool, append(args, ".")...).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	t.Run("command line", func(t *testing.T) { usage(t, exe) })
	t.Run("life", func(t *testing.T) { life(t, exe) })
	t.Run("operator", func(t *testing.T) { operator(t, exe) })
	t.Run("killed", func(t *testing.T) { killed(t, exe) })
}

// usage: what starts nothing ends with the exit codes that scripts know.
func usage(t *testing.T, exe string) {
	for _, tt := range []struct {
		arg, want string
		code      int
	}{
		{"--help", "Serve the cloud", 0}, {"--version", "devel", 0}, {"--insecure", "unknown flag", 2}, {"nonsense", "unexpected argument", 2},
	} {
		cmd := exec.Command(exe, tt.arg)
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != tt.code || !strings.Contains(string(out), tt.want) {
			t.Errorf("%s: got %d, %s; want %d, %q", tt.arg, code, out, tt.code, tt.want)
		}
	}
}

// process is a running cloud.
type process struct {
	cmd    *exec.Cmd
	out    *bufio.Reader
	log    bytes.Buffer
	base   string
	code   string       // one-time code, "" when none was printed
	client *http.Client // holds each call against openapi.yaml
	real   *http.Transport
}

func start(t *testing.T, exe, data string, more ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(exe, append([]string{"serve", "--data", data, "--listen", "127.0.0.1:0"}, more...)...)}
	p.cmd.Stderr = &p.log
	r, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.kill() })
	p.out = bufio.NewReader(r)
	for {
		line, err := p.out.ReadString('\n')
		if err != nil {
			t.Fatalf("the cloud did not start: %v\n%s", err, p.log.String())
		}
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case name == "address":
			p.base = value
		case strings.HasPrefix(name, "one-time code"):
			p.code = value
		case name == "ready":
			ca, err := os.ReadFile(filepath.Join(data, "ca.pem"))
			if err != nil {
				t.Fatal(err)
			}
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(ca)
			p.real = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
			p.client = &http.Client{Timeout: 20 * time.Second, Transport: cloudapitest.For(t).Client(p.real)}
			return p
		}
	}
}

func (p *process) kill() {
	if p.cmd.ProcessState == nil {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	}
	if p.real != nil {
		p.real.CloseIdleConnections()
	}
}

// end sends a signal and waits for the exit.
func (p *process) end(t *testing.T, s os.Signal) error {
	t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
	return p.cmd.Wait()
}

func (p *process) call(method, path, token string, in, into any) (int, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequest(method, p.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := p.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, err
	}
	if into != nil && res.StatusCode < 300 {
		return res.StatusCode, json.Unmarshal(b, into)
	}
	return res.StatusCode, nil
}

func (p *process) must(t *testing.T, method, path, token string, in, into any, want int) {
	t.Helper()
	if got, err := p.call(method, path, token, in, into); err != nil || got != want {
		t.Fatalf("%s %s: %d, %v; want %d\n%s", method, path, got, err, want, p.log.String())
	}
}

const secret = "correct1horse"

func (p *process) setup(t *testing.T) string {
	t.Helper()
	p.must(t, "POST", "/v1/setup", "", cloudapi.Setup{Code: p.code, Account: "boss", Name: "Boss", Password: secret, Organisation: "Works"}, nil, http.StatusCreated)
	return p.login(t, secret)
}

func (p *process) login(t *testing.T, password string) string {
	t.Helper()
	var out cloudapi.Tokens
	p.must(t, "POST", "/v1/login", "", cloudapi.Login{Account: "boss", Password: password}, &out, http.StatusOK)
	return out.AccessToken
}

func life(t *testing.T, exe string) {
	data := filepath.Join(t.TempDir(), "data")
	first := start(t, exe, data)
	if !regexp.MustCompile(`^[A-Z2-7]{5}(-[A-Z2-7]{5}){3}$`).MatchString(first.code) {
		t.Errorf("one-time code %q", first.code)
	}
	if b, err := os.ReadFile(filepath.Join(data, "address")); err != nil || strings.TrimSpace(string(b)) != first.base {
		t.Errorf("address file: %q, %v", b, err)
	}
	var server cloudapi.Server
	first.must(t, "GET", "/v1/server", "", nil, &server, http.StatusOK)
	if server.SetupDone || server.Time.Before(time.Now().Add(-time.Minute)) {
		t.Errorf("server %+v", server)
	}
	_, err := (&http.Client{Timeout: 10 * time.Second}).Get(first.base + "/v1/server")
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("a client that does not know the authority: %v", err)
	}
	for _, name := range []string{"ca.key", "lease.key", "issuer.key", "refresh.key", "cloud.db"} {
		if info, err := os.Stat(filepath.Join(data, name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if out, err := exec.Command(exe, "serve", "--data", data, "--listen", "127.0.0.1:0").CombinedOutput(); err == nil || !bytes.Contains(out, []byte("another cloud")) {
		t.Errorf("a second cloud in one folder: %v, %s", err, out)
	}
	if err := first.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("SIGTERM: %v\n%s", err, first.log.String())
	}
	second := start(t, exe, data, "--name", "cloud.example")
	if second.code == "" || second.code == first.code {
		t.Errorf("codes %q, then %q", first.code, second.code)
	}
	if !strings.HasPrefix(second.base, "https://cloud.example:") {
		t.Errorf("base address with --name: %s", second.base)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(second.base, "https://"), ":")
	second.base = "https://127.0.0.1:" + port
	second.setup(t)
	var keys, same any
	second.must(t, "GET", "/v1/keys", "", nil, &keys, http.StatusOK)
	if err := second.end(t, os.Interrupt); err != nil {
		t.Errorf("SIGINT: %v\n%s", err, second.log.String())
	}
	third := start(t, exe, data)
	third.must(t, "GET", "/v1/keys", "", nil, &same, http.StatusOK)
	if third.code != "" || fmt.Sprint(keys) != fmt.Sprint(same) {
		t.Errorf("after the setup: code %q, keys %v, then %v", third.code, keys, same)
	}
	if strings.Contains(second.log.String(), second.code) || strings.Contains(second.log.String(), secret) {
		t.Error("the log holds a secret")
	}
}

// operator tries the admin commands beside a running cloud.
func operator(t *testing.T, exe string) {
	data := t.TempDir()
	p := start(t, exe, data)
	old := p.setup(t)
	run := func(in string, args ...string) error {
		cmd := exec.Command(exe, append([]string{"admin", "--data", data}, args...)...)
		cmd.Stdin = strings.NewReader(in)
		return cmd.Run()
	}
	if err := run("new1password\n", "password", "Boss"); err != nil {
		t.Fatal(err)
	}
	var told, asked bytes.Buffer
	cmd := exec.Command(exe, "admin", "--data", data, "password", "boss")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("new1password\n"), &told, &asked
	if err := cmd.Run(); err != nil || told.String() != "The password of \"boss\" is set; its sign-ins have ended.\n" || asked.Len() != 0 {
		t.Errorf("a piped password: %v, said %q, asked %q", err, told.String(), asked.String())
	}
	if got, err := p.call("GET", "/v1/me", old, nil, nil); got != http.StatusUnauthorized {
		t.Errorf("the old sign-in after a new password: %d, %v", got, err)
	}
	boss := p.login(t, "new1password")
	if err := run("short\n", "password", "boss"); err == nil {
		t.Error("a bad password was taken")
	}
	if err := run("new1password\n", "password", "nobody"); err == nil {
		t.Error("an unknown account was taken")
	}
	if err := run("far1password\n", "organisation", "Elsewhere", "far"); err != nil {
		t.Fatal(err)
	}
	p.must(t, "POST", "/v1/login", "", cloudapi.Login{Account: "far", Password: "far1password"}, nil, http.StatusOK)
	var trail cloudapi.Audit
	p.must(t, "GET", "/v1/audit", boss, nil, &trail, http.StatusOK)
	seen := false
	for _, e := range trail.Entries {
		seen = seen || e.Action == "password.reset" && e.Account == "operator"
	}
	if !seen {
		t.Errorf("the trail does not tell of the new password: %+v", trail)
	}
}

// kills is how often the cloud is killed in the middle of its work.
const kills = 20

// killed: writers add products until the cloud is killed; this process, outside, remembers what was
// acknowledged, and looks for all of it after each start.
func killed(t *testing.T, exe string) {
	data := t.TempDir()
	p := start(t, exe, data)
	token := p.setup(t)
	var mu sync.Mutex
	acknowledged := map[string]bool{}
	next := 0
	for round := range kills {
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { // ends when the cloud no longer answers
				for {
					mu.Lock()
					next++
					id := fmt.Sprintf("p%d", next)
					mu.Unlock()
					status, err := p.call("POST", "/v1/products", token, cloudapi.Product{ID: id, Name: id}, nil)
					if err != nil {
						return
					}
					if status == http.StatusTooManyRequests {
						time.Sleep(5 * time.Millisecond)
						continue
					}
					if status != http.StatusCreated {
						t.Errorf("product %s: status %d", id, status)
						return
					}
					mu.Lock()
					acknowledged[id] = true
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(20+rand.IntN(130)) * time.Millisecond)
		p.kill()
		wg.Wait()
		p = start(t, exe, data)
		check(t, p, token, round, acknowledged)
		if t.Failed() {
			return
		}
	}
	if len(acknowledged) < 10*kills {
		t.Errorf("only %d writes were acknowledged in all: the kills hit an idle cloud", len(acknowledged))
	}
	t.Logf("%d kills, %d acknowledged writes, none lost", kills, len(acknowledged))
}

// check: all that was acknowledged is there, and every product that is there has its audit entry: no
// command happened by half.
func check(t *testing.T, p *process, token string, round int, acknowledged map[string]bool) {
	t.Helper()
	var list cloudapi.Products
	p.must(t, "GET", "/v1/products", token, nil, &list, http.StatusOK)
	stored := map[string]bool{}
	for _, x := range list.Products {
		stored[x.ID] = true
	}
	for id := range acknowledged {
		if !stored[id] {
			t.Errorf("kill %d: product %s was acknowledged and is lost", round, id)
		}
	}
	told := map[string]int{}
	for after := int64(0); ; {
		var page cloudapi.Audit
		p.must(t, "GET", fmt.Sprintf("/v1/audit?after=%d", after), token, nil, &page, http.StatusOK)
		if len(page.Entries) == 0 {
			break
		}
		for _, e := range page.Entries {
			if after = e.ID; e.Action == "product.added" {
				told[e.Params["product"]]++
			}
		}
	}
	for id := range stored {
		if told[id] != 1 {
			t.Errorf("kill %d: product %s has %d audit entries", round, id, told[id])
		}
	}
	if len(told) != len(stored) {
		t.Errorf("kill %d: the trail tells of %d products, %d are stored", round, len(told), len(stored))
	}
}
