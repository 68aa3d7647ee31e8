//go:build linux

package ctest

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

const print = "04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672"

// example compiles a program of examples/ as a customer would: with what
// pkg-config says and nothing else.
func example(t testing.TB, name string, packages ...string) string {
	t.Helper()
	need.Command(t, "pkg-config")
	lib := library(t, plain)
	for _, p := range packages {
		if exec.Command("pkg-config", "--exists", p).Run() != nil {
			need.Missing(t, "needs "+p+" for pkg-config")
		}
	}
	out := filepath.Join(t.TempDir(), name)
	cmd := exec.Command("sh", "-c", fmt.Sprintf("cc -Wall -Werror %s.c $(pkg-config --cflags --libs iscdesk %s) -o %s", name, strings.Join(packages, " "), out))
	cmd.Dir = filepath.Join(root, "cshim/examples")
	cmd.Env = append(os.Environ(), "PKG_CONFIG_PATH="+filepath.Join(lib, "lib/pkgconfig"))
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return out
}

// issue makes a licence text in minicad's own small format.
func issue(key ed25519.PrivateKey, product, until, fingerprint string) string {
	sum := sha256.Sum256([]byte(fingerprint))
	text := strings.Join([]string{"MINICAD1", product, "i-1", until, hex.EncodeToString(sum[:]), "draw,save"}, "|")
	return text + "|" + base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// licensing has the fake agent answer with this licence text.
func licensing(agent *sdktest.Agent, text string) {
	agent.Handle(api.MethodFingerprint, func(json.RawMessage) (any, error) {
		return api.Fingerprint{Fingerprint: print}, nil
	})
	agent.Handle(api.MethodLicenseRequest, func(json.RawMessage) (any, error) {
		agent.Emit(sdktest.Event{Type: api.EventLicenseVerify, Operate: api.OperateLicenseVerify, Operation: 900,
			Params: map[string]string{"Status": "success", "LicenseType": "string", "LicenseContent": text}})
		return api.Started{Operation: 900}, nil
	})
}

func TestMinicadChecksItsLicence(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	const product, later = "com.example.minicad", "2199-01-01T00:00:00Z"
	good := issue(private, product, later, print)
	flipped := []byte(good)
	flipped[len("MINICAD1|com.example.minicad|i-1|219")] ^= 1
	for _, tt := range []struct {
		name, text, want string
		exit             int
	}{
		{"good", good, "licence accepted", 0},
		{"one flipped byte", string(flipped), "the signature is not the publisher's", 1},
		{"cut short", good[:len(good)-4], "the signature is not the publisher's", 1},
		{"empty", "", "the licence text is not one", 1},
		{"another publisher", issue(ed25519.NewKeyFromSeed(make([]byte, 32)), product, later, print), "the signature is not the publisher's", 1},
		{"another product", issue(private, "com.example.other", later, print), "the licence is for another product", 1},
		{"another device", issue(private, product, later, print+"0"), "the licence is for another device", 1},
		{"ended", issue(private, product, "2020-01-01T00:00:00Z", print), "the licence has ended", 1},
		{"a field too few", string(resign(private, strings.Replace(good, "|i-1", "", 1))), "lacks a field", 1},
		{"a field too many", string(resign(private, strings.Replace(good, "|i-1", "|i|1", 1))), "of another kind", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			agent := sdktest.NewAgent(t)
			licensing(agent, tt.text)
			out := command(t, program, "--endpoint", agent.Endpoint(), "--key", hex.EncodeToString(public), "license").run(t, tt.exit)
			if !strings.Contains(out, tt.want) {
				t.Errorf("minicad says\n%s\nwant %q", out, tt.want)
			}
			calls := agent.Calls(api.MethodLicenseVerify)
			if len(calls) != 1 || strings.Contains(string(calls[0].Params), `"ok":true`) != (tt.exit == 0) {
				t.Errorf("reports %v, want one with ok %v", calls, tt.exit == 0)
			}
		})
	}
}

// TestMinicadWaitsForThePublisher: a licence that has to be made is told of, waited for, and used.
func TestMinicadWaitsForThePublisher(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	agent := sdktest.NewAgent(t)
	agent.PublisherWorks()
	made := make(chan struct{})
	go func() { // ends when the licence was brought, or with the test's patience
		defer close(made)
		for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
			if len(agent.Calls(api.MethodLicenseRequest)) > 0 {
				time.Sleep(100 * time.Millisecond) // the program has read that it waits
				agent.DeliverLicense(101)
				return
			}
		}
	}()
	out := command(t, program, "--endpoint", agent.Endpoint(), "license").run(t, 1) // the fake's licence is no publisher's
	<-made
	if !strings.Contains(out, "waiting for the publisher: The software's publisher is making the licence.") || !strings.Contains(out, "licence refused") {
		t.Errorf("minicad says\n%s", out)
	}
	if len(agent.Calls(api.MethodCancel)) != 0 {
		t.Error("minicad gave up")
	}
}

// resign puts a fitting signature under a text whose fields were changed.
func resign(key ed25519.PrivateKey, text string) string {
	body := text[:strings.LastIndex(text, "|")]
	return body + "|" + base64.StdEncoding.EncodeToString(ed25519.Sign(key, []byte(body)))
}

func TestMinicadEditsAndSaves(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	agent := sdktest.NewAgent(t)
	folder := filepath.Join(t.TempDir(), "My Drawings", "flange")
	if err := os.CopyFS(folder, os.DirFS(filepath.Join(root, "cshim/examples/data/flange"))); err != nil {
		t.Fatal(err)
	}
	h := command(t, program, "--endpoint", agent.Endpoint(), "--no-browser")
	h.cmd.Stdin = strings.NewReader("recent " + folder + "\nmove 10 -5\nscale 2\nadd-circle 1 2 3.5\nsave\nsave-as\ninfo\nquit\n")
	out := h.run(t, 0)
	for _, want := range []string{"part flange_plate\n", "INSERT 10\n", "added a circle\n", "saved " + folder, "further saves of " + folder + " go there\n", "CIRCLE 1\n"} {
		if !strings.Contains(out, want) {
			t.Errorf("minicad says\n%s\nwant %q", out, want)
		}
	}
	text := read(t, filepath.Join(folder, "flange.dxf"))
	// the first plate stood at 0,0; the bolt at 44.19
	if !strings.Contains(text, "flange_plate\n 10\n20\n 20\n-10\n") || !strings.Contains(text, "CIRCLE\n  8\n0\n 10\n1\n 20\n2\n 40\n3.5\n") {
		t.Errorf("the drawing is\n%s", text)
	}
	calls := agent.Calls(api.MethodSave)
	if len(calls) != 1 || !strings.Contains(string(calls[0].Params), `"assembly":true`) {
		t.Errorf("saves %v, want one of an assembly", calls)
	}
}

// Heartbeats do not keep it waiting for an operation of which nothing is heard.
func TestMinicadGivesUp(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	agent := sdktest.NewAgent(t)
	agent.Manual()
	h := command(t, program, "--endpoint", agent.Endpoint(), "--no-browser", "--wait", "1", "open")
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-stop:
				return
			case <-time.After(100 * time.Millisecond):
				agent.Emit(sdktest.Event{Type: api.EventHeartbeat, Operate: api.OperateHeartbeat, Params: map[string]string{"period": "30"}})
			}
		}
	}()
	defer func() { close(stop); <-ended }()
	if out := h.run(t, 1); !strings.Contains(out, "open: ") || len(agent.Calls(api.MethodCancel)) != 1 {
		t.Errorf("minicad says\n%s\nwith the cancellations %v, want a time-out and one", out, agent.Calls(api.MethodCancel))
	}
}

func TestMinicadRefusesWhatIsNoDrawing(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	agent := sdktest.NewAgent(t)
	for _, tt := range []struct{ name, text string }{
		{"empty", ""}, {"cut short", "  0\nSECTION\n"}, {"binary", "AutoCAD Binary DXF\r\n\x1a\x00"}, {"a code that is no number", "x\ny\n0\nEOF\n"},
		{"a line without end", "  0\n" + strings.Repeat("a", 1000)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "a.dxf")
			write(t, file, tt.text, 0o600)
			command(t, program, "--endpoint", agent.Endpoint(), "recent "+file).run(t, 1)
		})
	}
}

func TestMinicadHelp(t *testing.T) {
	program := example(t, "minicad", "libsodium")
	for arg, exit := range map[string]int{"help": 0, "--help": 0, "--nonsense": 2} {
		h := command(t, program, arg) // no agent is needed for it
		if out := h.run(t, exit) + h.err.String(); !strings.Contains(out, "add-circle X Y RADIUS") {
			t.Errorf("%s: minicad says\n%s", arg, out)
		}
	}
}

// hello.c of the README.
func TestHello(t *testing.T) {
	program := example(t, "hello")
	agent := sdktest.NewAgent(t)
	agent.Handle(api.MethodLicenseRequest, func(json.RawMessage) (any, error) {
		// Not the answer: it must not be taken for one.
		agent.Emit(sdktest.Event{Type: api.EventLicenseState, Operate: api.OperateLicenseState, Params: map[string]string{"state": "valid"}})
		agent.Emit(sdktest.Event{Type: api.EventLicenseVerify, Operate: api.OperateLicenseVerify, Operation: 900,
			Params: map[string]string{"Status": "success", "LicenseType": "string", "LicenseContent": sdktest.LicenseContent}})
		return api.Started{Operation: 900}, nil
	})
	h := command(t, program)
	run := filepath.Join(h.cmd.Dir, "run")
	if err := os.MkdirAll(filepath.Join(run, "iscdesk"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(agent.Endpoint(), filepath.Join(run, "iscdesk/agent.sock")); err != nil {
		t.Fatal(err)
	}
	noAgent(t)
	h.cmd.Env = append(h.cmd.Env, "XDG_RUNTIME_DIR="+run)
	if out := h.run(t, 0); !strings.Contains(out, sdktest.LicenseContent) {
		t.Errorf("hello says %q", out)
	}
}

// An answer that does not come is told.
func TestHelloSaysThatNothingCame(t *testing.T) {
	lib := library(t, plain)
	dir := t.TempDir()
	text := read(t, filepath.Join(root, "cshim/examples/hello.c"))
	if strings.Count(text, "10000") != 1 {
		t.Fatal("hello.c does not wait for 10000 ms")
	}
	write(t, filepath.Join(dir, "hello.c"), strings.Replace(text, "10000", "300", 1), 0o600)
	args := append([]string{"-I" + filepath.Join(lib, "include"), "-o", filepath.Join(dir, "hello"), filepath.Join(dir, "hello.c")}, linked(lib)...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	agent := sdktest.NewAgent(t)
	agent.Manual()
	reason, _ := api.Text(api.Timeout, "en")
	if out := command(t, filepath.Join(dir, "hello"), agent.Endpoint()).run(t, 1); !strings.Contains(out, reason) {
		t.Errorf("hello says %q, want %q", out, reason)
	}
}
