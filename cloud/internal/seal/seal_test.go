package seal

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

func open(t testing.TB, dir string) *Box {
	t.Helper()
	b, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestSecretsComeBackInTheirPlaceOnly(t *testing.T) {
	dir := t.TempDir()
	const secret = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc"
	sealed := open(t, dir).Seal(AccessKey, "AK1", secret)
	if bytes.Contains(sealed, []byte(secret[:8])) {
		t.Error("the secret can be read")
	}
	b := open(t, dir) // as after a restart
	if got, err := b.Open(AccessKey, "AK1", sealed); err != nil || got != secret {
		t.Fatalf("%q, %v", got, err)
	}
	other := bytes.Clone(sealed)
	other[len(other)-1] ^= 1
	old := bytes.Clone(sealed)
	old[0] = 2
	for _, c := range []struct {
		name   string
		box    *Box
		kind   Kind
		id     string
		sealed []byte
	}{
		{"another row", b, AccessKey, "AK2", sealed},
		{"another kind", b, MerchantKey, "AK1", sealed},
		{"the parts shifted", b, AccessKey + "A", "K1", sealed},
		{"a changed byte", b, AccessKey, "AK1", other},
		{"another version", b, AccessKey, "AK1", old},
		{"cut", b, AccessKey, "AK1", sealed[:len(sealed)-1]},
		{"only a head", b, AccessKey, "AK1", sealed[:25]},
		{"nothing", b, AccessKey, "AK1", nil},
		{"another cloud's key", open(t, t.TempDir()), AccessKey, "AK1", sealed},
	} {
		if got, err := c.box.Open(c.kind, c.id, c.sealed); err == nil {
			t.Errorf("%s: opened as %q", c.name, got)
		}
	}
	if again := b.Seal(AccessKey, "AK1", secret); bytes.Equal(again, sealed) {
		t.Error("sealed twice to the same bytes")
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	path := filepath.Join(dir, file)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"empty": nil, "half": whole[:len(whole)/2], "another text": []byte("hello"),
		"more behind": append(bytes.Clone(whole), "x"...)} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(dir); err == nil {
			t.Errorf("%s: opened", name)
		}
		if got, _ := os.ReadFile(path); !bytes.Equal(got, content) {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func FuzzOpen(f *testing.F) {
	b := open(f, f.TempDir())
	good := b.Seal(MerchantKey, "key_1", "secret")
	f.Add(good)
	f.Add(good[:30])
	f.Add([]byte{version})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if got, err := b.Open(MerchantKey, "key_1", sealed); (err == nil) != bytes.Equal(sealed, good) {
			t.Errorf("%x: %q, %v", sealed, got, err)
		}
	})
}
