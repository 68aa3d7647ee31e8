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
	if err := secondName(cad, link); err != nil {
		t.Fatal(err)
	}
	write := func(name, text string, others bool) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		setWritable(t, filepath.Join(dir, name), others)
	}
	one := func(id, path string) string {
		return "id = \"" + id + "\"\nname = \"n\"\nexecutable = '" + path + "'\n"
	}
	write("cad.toml", one("cad", cad), false)
	write("linked.toml", one("linked", link), false)
	write("two.toml", "id = \"two\"\nexecutables = ['"+other+"', '"+cad+"']\n", false)
	write("gone.toml", one("gone", filepath.Join(programs, "gone")), false)
	write("renamed.toml", one("cad", cad), false)
	write("broken.toml", "id = ", false)
	write("open.toml", one("open", cad), true)
	write("relative.toml", one("relative", "cad"), false)
	write("unknown.toml", one("unknown", cad)+"signer = \"x\"\n", false)
	write("marked.toml", "\xef\xbb\xbf"+one("marked", cad), false)
	write("tab.toml", "id = \"tab\"\nexecutable = \""+filepath.ToSlash(programs)+"\\tcad\"\n", false)
	write("empty.toml", "id = \"empty\"\n", false)
	write("large.toml", strings.Repeat("#", maxFile+1), false)
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
		{"marked", cad, api.OK},
		{"tab", cad, api.ProductDenied},
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
