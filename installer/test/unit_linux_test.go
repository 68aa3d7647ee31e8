package machine

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/installer/linux"
	"github.com/iscdesk/iscdesk/internal/need"
)

// laidDown is a file of installer/linux, as packages install it.
func laidDown(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile("../linux/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// options are the settings of the unit's [Service] part, by name.
func options(unit string) map[string]string {
	all := make(map[string]string)
	service := false
	for line := range strings.Lines(unit) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			service = line == "[Service]"
			continue
		}
		if k, v, ok := strings.Cut(line, "="); ok && service && !strings.HasPrefix(line, "#") {
			all[k] = v
		}
	}
	return all
}

func TestEachOptionOfTheUnitIsDocumented(t *testing.T) {
	unit := options(laidDown(t, "iscdesk-agent.service"))
	used := make(map[string]string)
	for _, row := range document(t, "Unit options") {
		k, v, _ := strings.Cut(cells(row)[0], "=")
		used[k] = v
	}
	for k, v := range unit {
		if used[k] != v {
			t.Errorf("the unit has %s=%s, the document %q", k, v, used[k])
		}
	}
	for k := range used {
		if _, ok := unit[k]; !ok {
			t.Errorf("the document has %s, the unit does not", k)
		}
	}
}

func TestCapabilitiesOfTheUnitAreDocumented(t *testing.T) {
	documented, _ := capabilities(t)
	unit := strings.Fields(options(laidDown(t, "iscdesk-agent.service"))["CapabilityBoundingSet"])
	slices.Sort(documented)
	slices.Sort(unit)
	if !slices.Equal(documented, unit) {
		t.Errorf("the unit keeps %v, the document explains %v", unit, documented)
	}
}

func TestTheUnitHasNoBannedOption(t *testing.T) {
	unit := options(laidDown(t, "iscdesk-agent.service"))
	rows := document(t, "Banned options")
	for _, row := range rows {
		c := cells(row)
		for _, name := range strings.Split(c[0], "`, `") {
			if _, ok := unit[name]; ok {
				t.Errorf("the unit has %s: %s", name, c[1])
			}
		}
		if len(c) < 2 || c[1] == "" {
			t.Errorf("%s is banned without a reason", c[0])
		}
	}
	if planted := options(laidDown(t, "iscdesk-agent.service") + "\n[Service]\nPrivateTmp=yes\n"); planted["PrivateTmp"] != "yes" {
		t.Error("the reading of units finds nothing")
	}
}

func TestInstallersUnitDiffersInThePathOnly(t *testing.T) {
	got := strings.Replace(linux.UnitTemplate(), "{{Path|cmdEscape}}", linux.Program, 1)
	if got != laidDown(t, "iscdesk-agent.service") {
		t.Error("UnitTemplate is not Unit with the path filled in")
	}
	if strings.Count(linux.UnitTemplate(), "{{") != 1 {
		t.Error("the template has something else to fill in, or nothing")
	}
}

func TestSystemdUnderstandsTheUnit(t *testing.T) {
	analyze := need.Command(t, "systemd-analyze")
	path := filepath.Join(t.TempDir(), "iscdesk-agent.service")
	text := strings.Replace(laidDown(t, "iscdesk-agent.service"), linux.Program, "/bin/true", 1) // it must be there
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(analyze, "verify", "--man=no", path)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "iscdesk-agent.service") {
			t.Errorf("%s (%v)", strings.TrimSpace(line), err)
		}
	}
}
