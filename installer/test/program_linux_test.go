package machine

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/installer/linux"
	"github.com/iscdesk/iscdesk/internal/need"
)

func TestProgramThatOthersCanChangeIsNotInstalled(t *testing.T) {
	need.Root(t)
	base, err := os.MkdirTemp("/var", "iscdesk-program")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })
	if err := os.Chmod(base, 0o755); err != nil {
		t.Fatal(err)
	}
	make := func(name string, dirMode, mode os.FileMode, uid int) string {
		t.Helper()
		dir := filepath.Join(base, name)
		path := filepath.Join(dir, "iscdesk-agent")
		for _, err := range []error{
			os.Mkdir(dir, 0o755), os.WriteFile(path, nil, 0o755),
			os.Chmod(path, mode), os.Chmod(dir, dirMode), os.Chown(path, uid, -1),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		return path
	}
	good := make("good", 0o755, 0o755, 0)
	link := filepath.Join(base, "link")
	if err := os.Symlink(filepath.Join(base, "folder", "iscdesk-agent"), link); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		ok         bool
	}{
		{"root's", good, true},
		{"another user's", make("owner", 0o755, 0o755, 64501), false},
		{"a group may write it", make("group", 0o755, 0o775, 0), false},
		{"everybody may write its folder", make("folder", 0o777, 0o755, 0), false},
		{"a sticky folder", make("sticky", 0o777|os.ModeSticky, 0o755, 0), false},
		{"a link to one of those", link, false},
		{"nothing", filepath.Join(base, "none"), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := linux.CheckProgram(tt.path); (err == nil) != tt.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}
