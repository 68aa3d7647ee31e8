package issue

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"
)

// TestDocumentedContent: what docs/licence.md shows publishers is what the issuer writes.
func TestDocumentedContent(t *testing.T) {
	page, err := os.ReadFile("../../../docs/licence.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^(device string|public key|content) +(\S+)$`).FindAllSubmatch(page, -1) {
		shown[string(m[1])] = string(m[2])
	}
	var key [32]byte
	for n := range key {
		key[n] = byte(n)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, issuerFile), pem.EncodeToMemory(&pem.Block{Type: "ISCDESK SEED", Bytes: key[:]}), 0o600); err != nil {
		t.Fatal(err)
	}
	i := open(t, dir)
	text, err := i.License(Content{Product: "minicad", Instance: "ins_s624p2ikxie7peacumf6eaoq5r", Until: time.Date(2099, 12, 31, 0, 0, 0, 0, time.UTC),
		Fingerprint: shown["device string"], Features: []string{"draw", "step"}})
	if err != nil || text != shown["content"] {
		t.Errorf("the issuer writes %s, %v; the page shows %s", text, err, shown["content"])
	}
	if i.IssuerKey() != shown["public key"] {
		t.Errorf("the key is %s, the page shows %s", i.IssuerKey(), shown["public key"])
	}
	if bytes.Count(page, []byte("\n```c\n")) != 1 {
		t.Error("the page shows not one program")
	}
}
