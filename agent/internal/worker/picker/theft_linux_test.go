package picker

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/internal/need"
)

// The two users of the theft need no entry in the user database.
const (
	victim = 61001
	thief  = 61002
)

func as(uid uint32) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}, Pdeathsig: syscall.SIGKILL}
}

// TestMain lets this binary act as the thief: it finds the address in the command
// lines of the machine and tries to use it.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "steal" {
		steal(os.Args[2])
		return
	}
	os.Exit(m.Run())
}

// steal prints what it saw and how far it came, one fact a line.
func steal(pid string) {
	line, err := os.ReadFile("/proc/" + pid + "/cmdline")
	fmt.Printf("uid %d\n", os.Getuid())
	if err != nil {
		fmt.Printf("no command line: %v\n", err)
		return
	}
	var base, token string
	for _, arg := range strings.Split(string(line), "\x00") {
		if b, t, ok := strings.Cut(arg, "/#"); ok {
			base, token = b, t
		}
	}
	fmt.Printf("token %d characters\n", len(token))
	client := &http.Client{Timeout: 10 * time.Second}
	for _, try := range []func() (*http.Response, error){
		func() (*http.Response, error) { return client.Get(base + "/") },
		func() (*http.Response, error) {
			req, err := http.NewRequest(http.MethodPost, base+"/session", strings.NewReader(url.Values{"token": {token}}.Encode()))
			if err != nil {
				return nil, err
			}
			req.Header.Set("Origin", base)
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return client.Do(req)
		},
	} {
		res, err := try()
		if err != nil {
			fmt.Printf("refused: %v\n", err)
			continue
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		fmt.Printf("ANSWERED %d %s\n", res.StatusCode, body)
	}
	// An IPv6 socket with the mapped address stands in another table.
	if conn, err := net.Dial("tcp", "[::ffff:127.0.0.1]:"+base[strings.LastIndex(base, ":")+1:]); err == nil {
		fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", strings.TrimPrefix(base, "http://"))
		got, _ := io.ReadAll(conn)
		fmt.Printf("raw answer %d bytes\n", len(got))
	}
}

// TestTokenTheft gives the address to a browser of one user; another user reads it
// from that browser's command line, comes first, and gets nothing.
func TestTokenTheft(t *testing.T) {
	need.Root(t)
	program := need.Command(t, "chromium")
	service := newFakeService()
	r := New(Config{Service: service, Clock: clocktest.New(day), User: strconv.Itoa(victim)})
	t.Cleanup(r.Close)
	address, base, _ := open(t, r, workerapi.Page{Operation: 21, Purpose: purposePick, Account: "engineer"})

	// A process that has the address in its command line, as the browser's starter
	// has, and does nothing with it yet: the thief is first.
	starter := exec.Command("sleep", "60")
	starter.Args = []string{"sleep", "60", "--", address}
	if sh, err := exec.LookPath("sh"); err == nil {
		starter = exec.Command(sh, "-c", "sleep 60; :", "xdg-open", address)
	}
	starter.SysProcAttr = as(victim)
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = starter.Process.Kill(); _ = starter.Wait() }()

	self := copySelf(t)
	theft := exec.Command(self, "steal", strconv.Itoa(starter.Process.Pid))
	theft.SysProcAttr = as(thief)
	out, err := theft.CombinedOutput()
	report := string(out)
	if err != nil || !strings.Contains(report, "uid 61002\n") || !strings.Contains(report, "token 43 characters") {
		t.Fatalf("the thief did not try: %v\n%s", err, report)
	}
	if strings.Contains(report, "ANSWERED") || strings.Contains(report, "no command line") || !strings.Contains(report, "refused") ||
		strings.Contains(report, "raw answer") && !strings.Contains(report, "raw answer 0 bytes") {
		t.Fatalf("the thief was answered:\n%s", report)
	}
	t.Logf("the thief:\n%s", report)

	// Root is another user as well.
	if _, err := (&http.Client{Timeout: 5 * time.Second}).Get(base + "/"); err == nil {
		t.Error("root was answered on another user's page")
	}

	// The victim's own browser is not disturbed.
	ctx := victimsBrowser(t, program)
	run(t, ctx, chromedp.Navigate(address), chromedp.WaitVisible("#rows"), chromedp.Click(`input[value=ob1]`),
		chromedp.WaitVisible(`#choice[data-object=ob1]`), chromedp.Click("#open"), chromedp.WaitVisible(`[data-view=busy]`))
	if got, n := service.lastChosen(); n != 1 || got.Object != "ob1" {
		t.Errorf("chosen %d times: %+v", n, got)
	}
}

// copySelf puts this test's program where every user may run it.
func copySelf(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "picker-theft-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	self := filepath.Join(dir, "picker.test")
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(self, program, 0o755); err != nil {
		t.Fatal(err)
	}
	return self
}

// victimsBrowser starts Chromium as the victim.
func victimsBrowser(t *testing.T, program string) context.Context {
	t.Helper()
	home, err := os.MkdirTemp("", "picker-victim-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	if err := os.Chown(home, victim, victim); err != nil {
		t.Fatal(err)
	}
	options := append([]chromedp.ExecAllocatorOption{}, chromedp.DefaultExecAllocatorOptions[:]...)
	options = append(options, chromedp.ExecPath(program), chromedp.UserDataDir(filepath.Join(home, "profile")), chromedp.NoSandbox,
		chromedp.Env("HOME="+home, "TMPDIR="+home, "XDG_CONFIG_HOME="+home, "XDG_CACHE_HOME="+home),
		chromedp.ModifyCmdFunc(func(cmd *exec.Cmd) { cmd.SysProcAttr = as(victim); cmd.Dir = home }))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, stopTab := chromedp.NewContext(alloc)
	t.Cleanup(stopTab)
	ctx, stopTime := context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(stopTime)
	return ctx
}
