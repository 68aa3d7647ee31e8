package machine

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The commands of docs/operating.md that set up and update the cloud are run as they
// stand there, on a Debian with systemd. Only the port differs: the network is the host's.
func TestCloudIsSetUpAsDocumented(t *testing.T) {
	ctx, m := boot(t)
	page, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	steps := func(first string) string {
		block := regexp.MustCompile("(?s)\n```\n(" + regexp.QuoteMeta(first) + ".*?)\n```\n").FindSubmatch(page)
		if block == nil {
			t.Fatalf("docs/operating.md has no commands that begin with %q", first)
		}
		return string(block[1])
	}
	clone := filepath.Join(m.Root, "clone")
	for _, dir := range []string{"build/bin", "installer/linux"} {
		if err := os.MkdirAll(filepath.Join(clone, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program(t, filepath.Join(clone, "build/bin/iscdesk-cloud"), "cloud")
	unit, err := os.ReadFile("../linux/iscdesk-cloud.service")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Replace(string(unit), "0.0.0.0:8443", "127.0.0.1:0", 1)
	if err := os.WriteFile(filepath.Join(clone, "installer/linux/iscdesk-cloud.service"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	run := func(commands string) string {
		t.Helper()
		out, err := m.Run(ctx, "sh", "-ec", "cd /clone\n"+commands)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	ready := func(times int) string {
		t.Helper()
		log := ""
		for range 100 {
			if log = run("journalctl --no-pager -u iscdesk-cloud -o cat"); strings.Count(log, "ready: connections are taken") == times {
				return log
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Fatalf("the cloud was not ready %d times:\n%s", times, log)
		return ""
	}
	run(steps("install -m 755 build/bin/iscdesk-cloud"))
	if out := run("systemd-analyze verify /etc/systemd/system/iscdesk-cloud.service"); out != "" {
		t.Errorf("systemd says about the unit: %s", out)
	}
	run(steps("systemctl daemon-reload"))
	if log := ready(1); !strings.Contains(log, "one-time code") || !strings.Contains(log, "https://desk.example.com:") {
		t.Errorf("the journal has no code or no address:\n%s", log)
	}
	status := run("cat /proc/$(systemctl show -P MainPID iscdesk-cloud)/status; id -u iscdesk-cloud")
	uid := strings.TrimSpace(status[strings.LastIndexByte(strings.TrimSpace(status), '\n')+1:])
	for _, want := range []string{"Uid:\t" + uid + "\t" + uid + "\t", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1"} {
		if uid == "0" || !strings.Contains(status, want) {
			t.Errorf("the cloud's process is not %q:\n%s", want, status)
		}
	}
	if got := run("stat -c '%a %U' /var/lib/iscdesk-cloud"); got != "700 iscdesk-cloud\n" {
		t.Errorf("the data folder is %s", got)
	}
	run(steps("systemctl stop iscdesk-cloud"))
	ready(2)
	if out := run("ls /var/lib | grep -c iscdesk-cloud"); out != "2\n" {
		t.Errorf("%s data folders, want the cloud's and its copy", out)
	}
}
