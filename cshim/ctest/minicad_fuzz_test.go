//go:build linux

package ctest

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// FuzzMinicadLicence gives one running minicad hostile licence texts, as the event's
// LicenseContent and as a file. It must live on and accept its publisher's own text
// only: whatever else the fuzzer finds would be a forged signature.
func FuzzMinicadLicence(f *testing.F) {
	const product, later = "com.example.minicad", "2199-01-01T00:00:00Z"
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("minicad ", 4))) // the same in each of the fuzzer's processes
	good := issue(private, product, later, print)
	flipped := []byte(good)
	flipped[len("MINICAD1|com.example.minicad|i-1|219")] ^= 1
	for _, text := range []string{
		good, string(flipped), good[:len(good)-1], good[1:], good + "\n", good + "\x00", good + "\x00|", " " + good, good + "=", strings.TrimSuffix(good, "="),
		"", "|", "\x00", "||||||", "MINICAD1||||||", strings.Repeat("|", 1024), strings.Repeat("A", 1024), strings.Repeat("A", 1025), strings.Repeat("|", 100_000),
		good[:strings.LastIndex(good, "|")], good[:strings.LastIndex(good, "|")+1], good[strings.LastIndex(good, "|"):], good + good,
		"MINICAD1|" + strings.Repeat("x", 1000) + good[strings.LastIndex(good, "|"):], strings.Replace(good, "draw", "%s%n%n", 1), strings.Replace(good, "draw", "\xff\xfe中", 1),
		// signed by the publisher, and still no licence of this product, device or time
		resign(private, "|"), resign(private, strings.Repeat("|", 900)), resign(private, strings.Repeat("x", 900)+"|"), resign(private, strings.Replace(good, "|i-1", "", 1)),
		issue(private, "", later, print), issue(private, product, "", print), issue(private, product, "2020-01-01T00:00:00Z", print), issue(private, product, later, ""),
	} {
		f.Add(text)
	}

	agent := sdktest.NewAgent(f)
	key := hex.EncodeToString(private.Public().(ed25519.PublicKey))
	cad := talk(f, example(f, "minicad", "libsodium"), "--endpoint", agent.Endpoint(), "--no-browser", "--key", key)
	agent.Handle(api.MethodFingerprint, func(json.RawMessage) (any, error) {
		return api.Fingerprint{Fingerprint: print}, nil
	})
	file := filepath.Join(f.TempDir(), "a licence.lic")
	last := api.Operation(900)
	f.Fuzz(func(t *testing.T, text string) {
		last++
		op := last
		agent.Handle(api.MethodLicenseRequest, func(json.RawMessage) (any, error) {
			agent.Emit(sdktest.Event{Type: api.EventLicenseVerify, Operate: api.OperateLicenseVerify, Operation: op,
				Params: map[string]string{"Status": "success", "LicenseType": "string", "LicenseContent": text}})
			return api.Started{Operation: op}, nil
		})
		write(t, file, text, 0o600)
		for _, line := range []string{"license", "license-file " + file} {
			said, ok := cad.do(t, line)
			if ok != (text == good) || strings.Contains(said, "licence accepted\n") != ok {
				t.Errorf("%s of %q: %v, minicad says\n%s", line, text, ok, said)
			}
		}
	})
}

// talker is a minicad that takes commands one after the other.
type talker struct {
	in  io.Writer
	out *bufio.Reader
}

// talk starts the program without a deadline: it lives as long as the fuzzer, and
// ends with its input, also when the fuzzer is killed. The end must be its own.
func talk(f *testing.F, program string, args ...string) *talker {
	f.Helper()
	var stderr bytes.Buffer
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Stderr = f.TempDir(), &stderr
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + cmd.Dir, "LANG=C.UTF-8"}
	in, err := cmd.StdinPipe()
	if err != nil {
		f.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		f.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() {
		_ = in.Close()
		_, _ = io.Copy(io.Discard, out)
		if err := cmd.Wait(); !cmd.ProcessState.Exited() {
			f.Errorf("minicad: %v\n%s", err, tail(stderr.String()))
		}
	})
	return &talker{in: in, out: bufio.NewReader(out)}
}

// do gives one command and returns what minicad says to it, and whether it went well.
func (m *talker) do(t *testing.T, line string) (said string, ok bool) {
	t.Helper()
	if _, err := io.WriteString(m.in, line+"\n"); err != nil {
		t.Fatalf("minicad takes no command: %v", err)
	}
	for {
		switch text, err := m.out.ReadString('\n'); {
		case err != nil:
			t.Fatalf("minicad ended at %q: %v; it said\n%s", line, err, said)
		case text == "done\n" || text == "failed\n":
			return said, text == "done\n"
		default:
			said += text
		}
	}
}
