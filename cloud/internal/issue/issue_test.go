package issue

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/internal/token"
)

func open(t *testing.T, dir string) *Issuer {
	t.Helper()
	i, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func content() Content {
	return Content{Product: "minicad", Instance: "ins_1", Until: time.Date(2027, 1, 2, 3, 4, 5, 999, time.FixedZone("x", 3600)),
		Fingerprint: "AA|B|C|D", Features: []string{"draw", "step.export"}}
}

// TestKeysStay: the same folder has the same keys, each file is only ours, and a damaged one is never replaced.
func TestKeysStay(t *testing.T) {
	dir := t.TempDir()
	a, b := open(t, dir), open(t, dir)
	if a.IssuerKey() != b.IssuerKey() || a.Keys().Keys[0].KeyID != b.Keys().Keys[0].KeyID {
		t.Error("opened twice, the keys differ")
	}
	if a.IssuerKey() == open(t, t.TempDir()).IssuerKey() {
		t.Error("two folders have the same keys")
	}
	if !a.Keys().Keys[0].IsPublic() {
		t.Error("the key set holds a private key")
	}
	for _, name := range []string{leaseFile, issuerFile, refreshFile} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for what, bad := range map[string]string{"empty": "", "cut short": string(good[:len(good)/2]), "another type": strings.ReplaceAll(string(good), "SEED", "KEY"),
			"with something behind": string(good) + "x"} {
			if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(dir); err == nil {
				t.Errorf("%s %s was taken", name, what)
			}
			if now, err := os.ReadFile(path); err != nil || string(now) != bad {
				t.Errorf("%s %s was changed", name, what)
			}
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLicense(t *testing.T) {
	i := open(t, t.TempDir())
	text, err := i.License(content())
	if err != nil {
		t.Fatal(err)
	}
	const want = "MINICAD1|minicad|ins_1|2027-01-02T02:04:05Z|8b618baf6087ff9cac47dfaa6c7ab668b35695e997350fe21de72c543eabf30d|draw,step.export|"
	f, w := strings.Split(text, "|"), strings.Split(want, "|")
	if len(f) != 7 {
		t.Fatalf("text %s", text)
	}
	for n, part := range w[:len(w)-1] {
		if f[n] != part {
			t.Errorf("part %d is %q, want %q", n, f[n], part)
		}
	}
	if again, err := i.License(content()); err != nil || again != text {
		t.Errorf("the same content gave another text: %s, %v", again, err)
	}
	if !verified(t, i, text) {
		t.Error("the signature is wrong")
	}
	for n := range len(text) {
		bad := []byte(text)
		bad[n] ^= 1
		if verified(t, i, string(bad)) && n < strings.LastIndexByte(text, '|') {
			t.Errorf("byte %d flipped is taken", n)
		}
	}
}

// verified is what an application does.
func verified(t *testing.T, i *Issuer, text string) bool {
	t.Helper()
	key, err := hex.DecodeString(i.IssuerKey())
	if err != nil {
		t.Fatal(err)
	}
	cut := strings.LastIndexByte(text, '|')
	sig, err := base64.StdEncoding.Strict().DecodeString(text[cut+1:])
	return err == nil && ed25519.Verify(key, []byte(text[:cut]), sig)
}

func TestLicenseBounds(t *testing.T) {
	i := open(t, t.TempDir())
	for _, bad := range []string{"", "a|b", "a,b", "a\nb", "a\x00b", "\xff"} {
		for n, c := range []Content{{Product: bad, Instance: "i"}, {Product: "p", Instance: bad}, {Product: "p", Instance: "i", Features: []string{bad}}} {
			if text, err := i.License(c); err == nil {
				t.Errorf("%q in place %d is taken: %s", bad, n, text)
			}
		}
	}
	c := content()
	c.Features = nil
	base, err := i.License(c)
	if err != nil {
		t.Fatal(err)
	}
	c.Features = []string{strings.Repeat("f", MaxContent-len(base))}
	if text, err := i.License(c); err != nil || utf8.RuneCountInString(text) != MaxContent {
		t.Errorf("at the bound: %d characters, %v", len(text), err)
	}
	c.Features[0] += "f"
	if _, err := i.License(c); !errors.Is(err, ErrTooLong) {
		t.Errorf("over the bound: %v", err)
	}
}

func TestLeaseIsRefusedBeforeItIsSigned(t *testing.T) {
	if _, err := open(t, t.TempDir()).Lease(token.Lease{}); err == nil {
		t.Error("an empty lease was signed")
	}
}

// TestSuccessor: the same exchange gives the same tokens; anything else gives others.
func TestSuccessor(t *testing.T) {
	dir := t.TempDir()
	i := open(t, dir)
	seen := map[string]string{}
	for _, in := range [][3]string{{"iscu_", "r", "a"}, {"iscr_", "r", "a"}, {"iscu_", "r", "b"}, {"iscu_", "s", "a"}, {"iscu_", "ra", ""}, {"iscu_", "", "ra"}} {
		got := i.Successor(in[0], in[1], in[2])
		if got != open(t, dir).Successor(in[0], in[1], in[2]) {
			t.Errorf("%v: another token after a restart", in)
		}
		if !strings.HasPrefix(got, in[0]) || len(got) != len(in[0])+52 {
			t.Errorf("%v: %s", in, got)
		}
		if other, ok := seen[got[5:]]; ok {
			t.Errorf("%v and %s share a token", in, other)
		}
		seen[got[5:]] = strings.Join(in[:], " ")
	}
	if i.Successor("iscu_", "r", "a") == open(t, t.TempDir()).Successor("iscu_", "r", "a") {
		t.Error("another cloud derives the same token")
	}
}
