package product

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestAllow(t *testing.T) {
	dir, programs := t.TempDir(), t.TempDir()
	cad, other := filepath.Join(programs, "cad"), filepath.Join(programs, "other")
	for _, path := range []string{cad, other} {
		if err := os.WriteFile(path, []byte(path), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(programs, "link")
	if err := os.Symlink(cad, link); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(filepath.Join(dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	one := func(id, path string) string {
		return "id = \"" + id + "\"\nname = \"n\"\nexecutable = \"" + path + "\"\n"
	}
	write("cad.toml", one("cad", cad), 0o644)
	write("linked.toml", one("linked", link), 0o644)
	write("two.toml", "id = \"two\"\nexecutables = [\""+other+"\", \""+cad+"\"]\n", 0o644)
	write("gone.toml", one("gone", "/nonexistent/cad"), 0o644)
	write("renamed.toml", one("cad", cad), 0o644)
	write("broken.toml", "id = ", 0o644)
	write("open.toml", one("open", cad), 0o666)
	write("relative.toml", one("relative", "cad"), 0o644)
	write("unknown.toml", one("unknown", cad)+"signer = \"x\"\n", 0o644)
	write("empty.toml", "id = \"empty\"\n", 0o644)
	write("large.toml", strings.Repeat("#", maxFile+1), 0o644)
	if err := os.Mkdir(filepath.Join(dir, "folder.toml"), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		id, program string
		want        api.Code
	}{
		{"", other, api.OK},
		{"free", other, api.OK},
		{"cad", cad, api.OK},
		{"cad", other, api.ProductDenied},
		{"cad", "", api.ProductDenied}, // the caller's process has gone
		{"linked", cad, api.OK},
		{"two", cad, api.OK},
		{"two", other, api.OK},
		{"gone", cad, api.ProductDenied},
		{"renamed", cad, api.ProductDenied},
		{"broken", cad, api.ProductDenied},
		{"open", cad, api.ProductDenied},
		{"relative", cad, api.ProductDenied},
		{"unknown", cad, api.ProductDenied},
		{"empty", cad, api.ProductDenied},
		{"large", cad, api.ProductDenied},
		{"folder", cad, api.ProductDenied},
		{"../cad", cad, api.InvalidArgument},
		{".hidden", cad, api.InvalidArgument},
		{"a/b", cad, api.InvalidArgument},
		{"a b", cad, api.InvalidArgument},
		{strings.Repeat("x", maxID), cad, api.OK},
		{strings.Repeat("x", maxID+1), cad, api.InvalidArgument},
		{"CAD", cad, api.InvalidArgument}, // the cloud could not license it
	}
	for _, tt := range tests {
		t.Run(tt.id+" by "+filepath.Base(tt.program), func(t *testing.T) {
			err := Registry{Dir: dir}.Allow(tt.id, func() (*os.File, error) {
				if tt.program == "" {
					return nil, errors.New("the peer's process had ended")
				}
				return os.Open(tt.program)
			})
			if api.CodeOf(err) != tt.want {
				t.Errorf("got %v, want code %d", err, tt.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("id = \"x\"\nexecutable = \"/usr/bin/x\"\n")
	f.Add("id = \"x\"\nexecutables = [\"/a\", \"/b\"]\n")
	f.Add("[[[")
	f.Fuzz(func(t *testing.T, text string) {
		if reg, err := parse("x", []byte(text)); err == nil && (reg.ID != "x" || len(reg.Executables) == 0) {
			t.Errorf("took %+v", reg)
		}
	})
}
