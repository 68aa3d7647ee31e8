package identity

import (
	"context"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func collect(t *testing.T, cfg Config) api.Fingerprint {
	t.Helper()
	fp, err := New(cfg).Fingerprint(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return fp
}

// TestThisMachine reads the real thing: no claim but form.
func TestThisMachine(t *testing.T) {
	fp := collect(t, Config{})
	if strings.Count(fp.Fingerprint, "|") != 3 || len(fp.Fingerprint) > api.MaxDevInfo || len(fp.Parts) != 4 {
		t.Errorf("got %+v", fp)
	}
}

func BenchmarkFingerprintCold(b *testing.B) {
	for b.Loop() {
		if _, err := New(Config{}).Fingerprint(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}
