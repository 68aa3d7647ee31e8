package installer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/acl"
	"github.com/iscdesk/iscdesk/internal/acltest"
)

// The account that owns Windows lays down programs; on a real machine that is an
// installer, not the one who runs tests, and the good ones are then refused as well.
func TestProgramThatOthersCanChangeIsNotInstalled(t *testing.T) {
	machine, err := acl.Machine()
	if err != nil {
		t.Fatal(err)
	}
	own, err := acl.User()
	if err != nil {
		t.Fatal(err)
	}
	ours := own.Equals(machine[len(machine)-1])
	base := t.TempDir()
	program := func(name, folderRights, rights string) string {
		dir := filepath.Join(base, name)
		path := filepath.Join(dir, "agent program.exe")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o755); err != nil {
			t.Fatal(err)
		}
		acltest.Grant(t, path, rights)
		acltest.Grant(t, dir, folderRights)
		return path
	}
	for _, c := range []struct {
		name, path, want string
	}{
		{"administrators' own", program("good", acltest.Read, acltest.Read), ""},
		{"others may write it", program("write", acltest.Read, acltest.Write), "can be changed by Everyone"},
		{"others may change its folder", program("folder", acltest.Modify, acltest.Read), "can be changed by Everyone"},
		{"nothing", filepath.Join(base, "none.exe"), "find the program"},
		{"another machine's", `\\server\share\agent.exe`, "find the program"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := CheckProgram(c.path)
			switch {
			case c.want != "" && (err == nil || ours && !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want %q", err, c.want)
			case c.want == "" && ours && (err != nil || !strings.EqualFold(got, c.path)):
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestPlaceOfTheProgram(t *testing.T) {
	for path, want := range map[string]bool{
		`C:\Program Files\ISCDesk\iscdesk-agent.exe`: true, `\\server\share\iscdesk-agent.exe`: false, `\\?\Volume{1}\a.exe`: false, `relative.exe`: false,
	} {
		if err := checkPlace(path); (err == nil) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestConfigurationHasLineEndsOfWindows(t *testing.T) {
	text := Configuration()
	if strings.Count(text, "\n") != strings.Count(text, "\r\n") || strings.Count(text, "\n") < 20 {
		t.Errorf("%d lines of %d", strings.Count(text, "\r\n"), strings.Count(text, "\n"))
	}
}
