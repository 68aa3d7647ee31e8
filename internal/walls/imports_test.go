package walls

import (
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/iscdesk/iscdesk/"

// ban is one import that a group of packages must not reach, even indirectly.
// A path that ends in /... bans everything below it.
type ban struct{ path, reason string }

var doors = []struct {
	name     string
	packages []string
	bans     []ban
}{
	{
		name:     "customer's process: sdk and cshim",
		packages: []string{module + "sdk", module + "cshim"},
		bans: []ban{
			{"net", "half a megabyte and a resolver in a CAD's process; the library speaks to one local socket"},
			{"net/http", "5 MB and four threads in a CAD's process"},
			{"os/exec", "forks a process that the host's child reaper would see; C opens the browser"},
			{"os/signal", "would take the host's signal handlers"},
			{"database/sql", "no state in the application's process"},
			{"crypto/tls", "no key and no connection to the cloud in the application's process"},
			{"github.com/shirou/gopsutil/...", "only the service probes hardware"},
			{"github.com/denisbrodbeck/machineid", "only the service probes hardware"},
			{"github.com/kardianos/service", "the library is no service"},
			{module + "agent/...", "the agent's rooms run in the agent"},
			{module + "cloud/...", "signing keys live in the cloud"},
		},
	},
	{
		name:     "system service",
		packages: []string{module + "agent/internal/service/..."},
		bans: []ban{
			{module + "agent/internal/worker/...", "a worker's code opens paths that a caller named; the service must not have it at hand"},
			{module + "cloud/...", "signing keys live in the cloud"},
			{module + "sdk", "the agent serves the local protocol, it does not call it"},
			{"database/sql", "the agent's state is atomicfile's"},
		},
	},
	{
		name:     "worker",
		packages: []string{module + "agent/internal/worker/..."},
		bans: []ban{
			{module + "agent/internal/service/...", "a worker is as trustworthy as its user; the service's rooms hold keys"},
			{module + "cloud/...", "signing keys live in the cloud"},
			{"github.com/shirou/gopsutil/...", "only the service probes hardware"},
			{"database/sql", "a worker's state is atomicfile's"},
		},
	},
	{
		name:     "command line",
		packages: []string{module + "cli"},
		bans: []ban{
			{module + "agent/...", "the command line asks the agent, it does not contain it"},
			{module + "cloud/...", "the command line asks the agent"},
			{"database/sql", "no state in the command line"},
		},
	},
	{
		name:     "cloud",
		packages: []string{module + "cloud/..."},
		bans: []ban{
			{module + "agent/...", "the cloud never runs on a user's desk"},
			{module + "sdk", "the cloud has no local socket to speak to"},
			{"github.com/shirou/gopsutil/...", "the cloud probes no hardware"},
			{module + "merchant", "an ISV's server is the other side; the cloud shares its messages and signatures only"},
			{module + "merchant/store/...", "an ISV's own store"},
			{module + "merchant/openapi", "the ISV's client of what the cloud serves"},
		},
	},
	{
		name:     "an ISV's server: merchant",
		packages: []string{module + "merchant/..."},
		bans: []ban{
			{module + "agent/...", "an ISV's server never runs on a user's desk"},
			{module + "cloud/...", "an ISV takes this package without the platform's side, and without its signing keys"},
			{module + "sdk", "an ISV's server speaks to no agent"},
			{"github.com/shirou/gopsutil/...", "an ISV's server probes no hardware"},
		},
	},
	{
		name:     "what both ends of the marketplace's interfaces share",
		packages: []string{module + "merchant/sign", module + "merchant/wire"},
		bans: []ban{
			{"database/sql", "signatures and messages keep nothing"},
		},
	},
	{
		name:     "local contract",
		packages: []string{module + "sdk/api"},
		bans: []ban{
			{module + "...", "the contract is data: it imports nothing of ours"},
			{"net", "the contract is data"},
		},
	},
}

func TestNoPackageReachesThroughAWall(t *testing.T) {
	for _, door := range doors {
		t.Run(door.name, func(t *testing.T) {
			for _, pkg := range list(t, door.packages) {
				for _, dep := range dependencies(t, pkg) {
					for _, b := range door.bans {
						if dep != pkg && matches(b.path, dep) {
							t.Errorf("%s reaches %s: %s", pkg, dep, b.reason)
						}
					}
				}
			}
		})
	}
}

// Leaves are shared by two processes; what they import, both carry.
func TestSharedPackagesAreLeaves(t *testing.T) {
	allowed := map[string]string{
		module + "sdk/api":           "the local contract's types and codes",
		module + "internal/clock":    "the only source of time",
		module + "internal/cloudapi": "the cloud's contract, data only",
		module + "internal/need":     "tests only",
	}
	for _, pkg := range list(t, []string{module + "internal/..."}) {
		if strings.HasSuffix(pkg, "test") {
			continue
		}
		for _, dep := range dependencies(t, pkg) {
			if dep == pkg || !strings.HasPrefix(dep, module) {
				continue
			}
			if _, ok := allowed[dep]; !ok {
				t.Errorf("%s imports %s: packages under internal are leaves", pkg, dep)
			}
		}
	}
}

// What a test plays with - clocks that are moved, fakes, planted faults - is in no
// program that is shipped.
func TestNoProgramCarriesTestPackages(t *testing.T) {
	for _, program := range []string{"agent", "cli", "cloud", "cshim"} {
		for _, dep := range dependencies(t, module+program) {
			if strings.HasPrefix(dep, module) && (strings.HasSuffix(dep, "test") || dep == module+"internal/need") {
				t.Errorf("%s carries %s", program, dep)
			}
		}
	}
}

func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "..."); ok {
		return strings.HasPrefix(path, prefix)
	}
	return path == pattern
}

func list(t *testing.T, patterns []string) []string {
	t.Helper()
	pkgs := goList(t, append([]string{"list", "-e"}, patterns...)...)
	if len(pkgs) == 0 {
		t.Fatalf("no package matches %v: the ban would be empty", patterns)
	}
	return pkgs
}

func dependencies(t *testing.T, pkg string) []string {
	t.Helper()
	return goList(t, "list", "-e", "-deps", pkg)
}

func goList(t *testing.T, args ...string) []string {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return strings.Fields(string(out))
}
