package walls

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// wmi are the ways to Windows' management service, which is known to hang, at a program's
// start too. gopsutil reaches it from every one of its packages there, so it is for Linux only.
var wmi = []ban{
	{"github.com/yusufpapurcu/wmi", "the management service hangs on broken machines"},
	{"github.com/go-ole/...", "COM in the agent would only serve the management service"},
	{"github.com/shirou/gopsutil/...", "on Windows each of its packages imports the management service"},
}

// TestWindowsAgentAsksNoManagementService walks what the programs of a desk carry on Windows.
func TestWindowsAgentAsksNoManagementService(t *testing.T) {
	for _, arch := range []string{"amd64", "386", "arm64"} {
		for _, program := range []string{"agent", "cli"} {
			deps := windowsList(t, arch, "-deps", module+program)
			if !slices.Contains(deps, "golang.org/x/sys/windows") {
				t.Errorf("%s for %s: the list is not of a Windows program", program, arch)
			}
			for _, dep := range deps {
				for _, b := range wmi {
					if matches(b.path, dep) {
						t.Errorf("%s for %s carries %s: %s", program, arch, dep, b.reason)
					}
				}
			}
		}
	}
}

// The package that Linux takes would be seen.
func TestManagementServiceIsSeen(t *testing.T) {
	deps := windowsList(t, "amd64", "-deps", "github.com/shirou/gopsutil/v3/net")
	for _, b := range wmi {
		if !slices.ContainsFunc(deps, func(dep string) bool { return matches(b.path, dep) }) {
			t.Errorf("%s is not among what gopsutil's net reaches on Windows", b.path)
		}
	}
}

// TestFingerprintStartsNoProcess: wmic, lsblk and their like are slow, localised and gone in the next version.
func TestFingerprintStartsNoProcess(t *testing.T) {
	const identity = module + "agent/internal/service/identity"
	for _, imports := range [][]string{windowsList(t, "amd64", "-f", "{{join .Imports \"\\n\"}}", identity),
		goList(t, "list", "-f", "{{join .Imports \"\\n\"}}", identity)} {
		if len(imports) == 0 || slices.Contains(imports, "os/exec") {
			t.Errorf("identity imports %q", imports)
		}
	}
}

func windowsList(t *testing.T, arch string, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-e"}, args...)...)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "GOOS=windows", "GOARCH="+arch, "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s for windows/%s: %v", strings.Join(args, " "), arch, err)
	}
	return strings.Fields(string(out))
}
