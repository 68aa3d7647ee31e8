package sign

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

// What Java 17 wrote, which the marketplace's samples are in: fields with keys of KeyGenerator and
// SHA1PRNG, and clientSecret by each reading of OAEP.

func TestJavaFields(t *testing.T) {
	for _, tt := range []struct {
		key   string
		kind  FieldCipher
		text  string
		field string
	}{
		{"k", "1", "a", "ABCdef0123456789fLreJwTAsR66sBLCuwCWLA=="},
		{"k", "2", "a", "ABCdef0123456789Ko936XS6m0edz9Xb8EHyEQ=="},
		{"d0f1c2b3-a495-4687-9807-162534435261", "1", "admin", "ABCdef0123456789BCrom0mUnuqaTlF0L+Oz3Q=="},
		{"d0f1c2b3-a495-4687-9807-162534435261", "2", "admin", "ABCdef0123456789X2Wlg3Rg9qq7li9NtYVOWg=="},
		{"密钥", "1", "管理员", "ABCdef0123456789q5hWD8C43MPN1YNgBFoLCA=="},
		{"密钥", "2", "管理员", "ABCdef01234567895ZVuDrHQ5kA6lmLVA3HcXA=="},
		{"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789", "1", "P@ss w0rd&=+/", "ABCdef0123456789uZnIhz0MHBPusbV64UpfOA=="},
		{"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789", "2", "P@ss w0rd&=+/", "ABCdef01234567894LsaEzoq66bSsYQPvTS8Ug=="},
		{"x", "1", "", "ABCdef0123456789bd31JfBs2WzM2I7kogvZxg=="},
		{"x", "2", "", "ABCdef01234567890IX1vJDmv3rvvLpdXZ8MDg=="},
		{"ÿ~", "1", "0123456789abcdef", "ABCdef0123456789csd2gw6+TXGdpdXlmrkpU/1/C5nqX3FXXJPHsqCuvZ4="},
		{"ÿ~", "2", "0123456789abcdef", "ABCdef0123456789+iXqf+9KQ86+SOrOhNUA44dZ7fQP+ecoY6xqBJpq6Yk="},
	} {
		got, err := EncryptField(tt.key, tt.kind, "ABCdef0123456789", tt.text)
		if err != nil || got != tt.field {
			t.Errorf("%s, type %s: got %s, %v", tt.key, tt.kind, got, err)
		}
		if got, err := DecryptField(tt.key, tt.kind, tt.field); err != nil || got != tt.text {
			t.Errorf("%s, type %s: read as %q, %v", tt.key, tt.kind, got, err)
		}
	}
	// A hundred blocks, so that the state's carries are met.
	sum := sha256.Sum256(sha1prng([]byte("stream"), 2000))
	if got := hex.EncodeToString(sum[:]); got != "52e45210161f0e46a84054b864b94b52b7c925675081ec00d0987f3f502ac0d5" {
		t.Errorf("2000 bytes of SHA1PRNG: got %s", got)
	}
}

func TestJavaSecrets(t *testing.T) {
	text, err := os.ReadFile("testdata/java-oaep.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		rows[name] = value
	}
	key, err := ParsePrivateKey(rows["KEY"])
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParsePublicKey(rows["PUB"])
	if err != nil || !key.PublicKey.Equal(public) {
		t.Fatalf("public key: %v", err)
	}
	for name, reading := range map[string]OAEP{"SHA256": OAEPSHA256, "JAVA": OAEPJava, "SHA1": OAEPSHA1} {
		for _, r := range []OAEP{reading, OAEPAny} {
			if got, err := DecryptSecret(key, rows[name], r); err != nil || got != "test" {
				t.Errorf("%s read by %d: got %q, %v", name, r, got, err)
			}
		}
	}
}
