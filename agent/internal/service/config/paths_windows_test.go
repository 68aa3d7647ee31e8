package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/acl"
	"github.com/iscdesk/iscdesk/internal/acltest"
)

// What a setting of this system looks like; see config_test.go.
const (
	folderHere = `C:\s`
	socketHere = `\\.\pipe\k`
	installed  = "../../../../installer/windows/agent.toml"
)

func TestPlaces(t *testing.T) {
	system, err := Defaults(true)
	if err != nil || !strings.HasSuffix(system.State, `\ISCDesk\state`) || system.Socket != `\\.\pipe\iscdesk-agent` ||
		filepath.Dir(system.Products) != filepath.Dir(system.State) || system.Check() != nil {
		t.Errorf("%+v, %v, %v", system, err, system.Check())
	}
	own, err := Defaults(false)
	if err != nil || own.State == system.State || !strings.HasPrefix(own.Socket, `\\.\pipe\iscdesk-agent-S-1-5-`) || own.Check() != nil {
		t.Errorf("%+v, %v, %v", own, err, own.Check())
	}
	if file, err := File(false); err != nil || filepath.Dir(file) != filepath.Dir(own.State) {
		t.Errorf("%s, %v", file, err)
	}
}

func TestPipeOfThisMachine(t *testing.T) {
	for path, ok := range map[string]bool{
		`\\.\pipe\iscdesk-agent`: true, `\\.\PIPE\x`: true, `\\server\pipe\x`: false, `\\.\pipe\`: false, `\\.\pipe\a\b`: false,
		`C:\agent.sock`: false, `\\.\pipe\` + strings.Repeat("x", 200): true, `\\.\pipe\` + strings.Repeat("x", 201): false, `\\.\pipe\a b`: false,
	} {
		if err := checkSocket(path); (err == nil) != ok {
			t.Errorf("%.40s: %v", path, err)
		}
	}
}

// A configuration that others could write would let them choose the cloud and whom it
// trusts.
func TestSystemsConfigurationIsNobodyElses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "agent.toml")
	if err := os.WriteFile(path, []byte("\xef\xbb\xbflog = 'debug'\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	own, err := acl.User()
	if err != nil {
		t.Fatal(err)
	}
	machine, err := acl.Machine()
	if err != nil {
		t.Fatal(err)
	}
	ours := own.Equals(machine[len(machine)-1]) // the one who runs this test is as trusted as Windows
	for _, c := range []struct {
		name, folder, file string
		ok                 bool
	}{
		{"others read", acltest.Read, acltest.Read, ours},
		{"others write it", acltest.Read, acltest.Write, false},
		{"others change its folder", acltest.Modify, acltest.Read, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			acltest.Grant(t, path, c.file)
			acltest.Grant(t, dir, c.folder)
			system := Config{System: true}
			if err := system.Load(path, true); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "can be changed by") {
				t.Errorf("the system's: %v", err)
			}
			var users Config
			if err := users.Load(path, true); err != nil || users.Log != "debug" {
				t.Errorf("a user's: %v, %q", err, users.Log)
			}
		})
	}
}

func TestPrepareMakesWhatNobodyElseChanges(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ISCDesk")
	for range 2 {
		if err := prepare(dir); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range []string{dir, filepath.Join(dir, "products")} {
		if err := unchangeable(path); err != nil {
			t.Error(err)
		}
	}
	// What somebody else made first is theirs.
	acltest.Grant(t, dir, acltest.Modify)
	if err := prepare(dir); err == nil || !strings.Contains(err.Error(), "can be changed by Everyone") {
		t.Errorf("a folder that others change: %v", err)
	}
}
