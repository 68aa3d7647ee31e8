package machine

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
	"github.com/iscdesk/iscdesk/internal/cloudapitest"
	"github.com/iscdesk/iscdesk/internal/need"
)

// programs builds the three programs into a folder.
func programs(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for name, pkg := range map[string]string{"iscdesk-agent": "agent", "iscdesk-cloud": "cloud", "iscdesk": "cli"} {
		program(t, filepath.Join(bin, name), pkg)
	}
	return bin
}

// program builds one of them.
func program(t *testing.T, to, pkg string) {
	t.Helper()
	cmd := exec.Command("go", "build", "-o", to, "./"+pkg)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, out)
	}
}

// installation is a booted machine with the agent installed as its service.
type installation struct {
	*Machine
	cloud *desk.Cloud
}

// run runs a program inside and returns what it printed; its failure is the test's.
func (i installation) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := i.try(t, "", args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s\n%s", strings.Join(args, " "), err, out, i.journal(t))
	}
	return out
}

// try runs a program inside, as root, with the given standard input.
func (i installation) try(t *testing.T, stdin string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := i.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// journal is the agent's log, for a failure's message.
func (i installation) journal(t *testing.T) string {
	t.Helper()
	out, _ := i.try(t, "", "journalctl", "--no-pager", "-u", "iscdesk-agent", "-n", "40")
	return out
}

// install boots a machine, lays the agent down and starts it through systemd, with
// two unprivileged users and a folder that a group shares.
func install(t *testing.T) installation {
	t.Helper()
	need.Root(t)
	need.Command(t, "systemd-nspawn")
	bin := programs(t)
	cloud, err := desk.StartCloud(t.Context(), bin, t.TempDir(), cloudapitest.For(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cloud.Close() })
	admin, err := cloud.Setup(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	space, err := cloud.Seed(t.Context(), admin)
	if err != nil {
		t.Fatal(err)
	}
	owner, err := cloud.Login(t.Context(), desk.Engineer1)
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Call(t.Context(), "PUT", "/v1/spaces/"+space+"/members/"+desk.Engineer2, cloudapi.SpaceRole{Role: "editor"}, nil); err != nil {
		t.Fatal(err)
	}
	_, m := boot(t)
	i := installation{m, cloud}
	for _, name := range []string{"iscdesk-agent", "iscdesk"} {
		lay(t, filepath.Join(bin, name), filepath.Join(m.Root, "usr/bin", name), 0o755)
	}
	if err := os.MkdirAll(filepath.Join(m.Root, "etc/iscdesk"), 0o755); err != nil {
		t.Fatal(err)
	}
	lay(t, cloud.CAFile, filepath.Join(m.Root, "etc/iscdesk/ca.pem"), 0o644)
	text := laidDown(t, "agent.toml") + "cloud = \"" + cloud.Base + "\"\nca = \"/etc/iscdesk/ca.pem\"\nproxy = \"direct\"\n"
	if err := os.WriteFile(filepath.Join(m.Root, "etc/iscdesk/agent.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	i.run(t, "sh", "-ec", `
		groupadd team; groupadd plotters
		useradd -m -G team,plotters alice; useradd -m -G team bob
		mkdir -p /data/shared /data/plots /data/alice
		chgrp team /data/shared; chgrp plotters /data/plots; chmod 2770 /data/shared /data/plots
		chown alice: /data/alice; chmod 700 /data/alice /home/alice /home/bob`)
	i.run(t, "iscdesk-agent", "install")
	i.run(t, "iscdesk-agent", "start")
	return i
}

// lay copies a file into the machine.
func lay(t *testing.T, from, to string, mode os.FileMode) {
	t.Helper()
	b, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, b, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, mode); err != nil {
		t.Fatal(err)
	}
}

// as runs the command line as a user of the machine.
func (i installation) as(t *testing.T, user, stdin string, args ...string) (string, error) {
	t.Helper()
	return i.try(t, stdin, append([]string{"runuser", "-u", user, "--", "env", "HOME=/home/" + user}, args...)...)
}

func (i installation) must(t *testing.T, user, stdin string, args ...string) string {
	t.Helper()
	out, err := i.as(t, user, stdin, args...)
	if err != nil {
		t.Fatalf("%s: %s: %v\n%s\n%s", user, strings.Join(args, " "), err, out, i.journal(t))
	}
	return out
}

// show reads one property of the unit.
func (i installation) show(t *testing.T, property string) string {
	t.Helper()
	return i.run(t, "systemctl", "show", "--value", "-p", property, "iscdesk-agent")
}

// TestInARealSystem is one boot and everything that needs one.
func TestInARealSystem(t *testing.T) {
	i := install(t)
	t.Run("systemd was told that the agent is ready", func(t *testing.T) {
		if got := i.show(t, "ActiveState") + " " + i.show(t, "Type"); got != "active notify" {
			t.Errorf("unit is %s", got)
		}
		if got := i.run(t, "cat", "/etc/systemd/system/iscdesk-agent.service"); got != strings.TrimSpace(laidDown(t, "iscdesk-agent.service")) {
			t.Errorf("install wrote another unit than packages carry:\n%s", got)
		}
		if got := i.run(t, "iscdesk-agent", "status"); got != "running" {
			t.Errorf("status says %q", got)
		}
	})
	t.Run("live modes are as docs/attacksurface.md says", func(t *testing.T) { surface(t, i) })
	for user, account := range map[string]string{"alice": desk.Engineer1, "bob": desk.Engineer2} {
		i.must(t, user, desk.Password+"\n", "iscdesk", "login", "--password-stdin", account)
	}
	t.Run("two users save from /home, /tmp and /data", func(t *testing.T) { saves(t, i) })
	t.Run("what work has made is as docs/attacksurface.md says", func(t *testing.T) {
		for user, name := range map[string]string{"alice": "alice-tmp.dxf", "bob": "bob-tmp.dxf"} {
			i.must(t, user, "", "iscdesk", "files", "open", desk.SpaceName+"/"+name)
		}
		grown(t, i)
	})
	t.Run("a user cannot save another's file", func(t *testing.T) {
		i.must(t, "alice", "secret\n", "sh", "-c", "umask 077; cat >/tmp/hers.dxf")
		out, err := i.as(t, "bob", "", "iscdesk", "--json", "files", "save-as", "/tmp/hers.dxf", "--to", desk.SpaceName)
		if err == nil || !strings.Contains(out, "-81") {
			t.Errorf("he saved her file, or was refused without the right code: %v\n%s", err, out)
		}
	})
	t.Run("root gets no file operations", func(t *testing.T) {
		out, err := i.try(t, "", "iscdesk", "--json", "files", "ls")
		if err == nil || !strings.Contains(out, "-36") {
			t.Errorf("root was not refused with its code: %v\n%s", err, out)
		}
	})
	t.Run("a worker has its user's groups and no capability", func(t *testing.T) { workers(t, i) })
	t.Run("a restart keeps the sign-in", func(t *testing.T) {
		i.run(t, "systemctl", "restart", "iscdesk-agent")
		out := i.must(t, "alice", "", "iscdesk", "--json", "status")
		if !strings.Contains(strings.ReplaceAll(out, " ", ""), `"signedIn":true`) {
			t.Errorf("she is signed out: %s", out)
		}
	})
	t.Run("banned options would be noticed", func(t *testing.T) { planted(t, i) })
	t.Run("a killed agent is started again", func(t *testing.T) {
		before := i.show(t, "MainPID")
		i.run(t, "systemctl", "kill", "--kill-whom=main", "-s", "KILL", "iscdesk-agent")
		i.run(t, "sh", "-c", `for n in $(seq 100); do
			[ "$(systemctl show --value -p MainPID iscdesk-agent)" != 0 ] &&
			[ "$(systemctl show --value -p MainPID iscdesk-agent)" != `+before+` ] &&
			systemctl is-active -q iscdesk-agent && exit 0; sleep 0.1; done; exit 1`)
		i.must(t, "alice", "", "iscdesk", "status")
	})
	t.Run("a start that fails tells why", func(t *testing.T) {
		i.run(t, "iscdesk-agent", "stop")
		i.run(t, "sh", "-c", "cp /etc/iscdesk/agent.toml /root/good.toml && echo skip_verify = true >>/etc/iscdesk/agent.toml")
		for _, action := range []string{"start", "status"} {
			out, err := i.try(t, "", "iscdesk-agent", action)
			if err == nil || !strings.Contains(out, `unknown setting "skip_verify"`) || !strings.Contains(out, "journalctl -u iscdesk-agent") {
				t.Errorf("%s: %v\n%s", action, err, out)
			}
		}
		i.run(t, "sh", "-c", "cp /root/good.toml /etc/iscdesk/agent.toml && systemctl reset-failed iscdesk-agent")
		i.run(t, "iscdesk-agent", "start")
		if out, err := i.try(t, "", "iscdesk-agent", "install"); err == nil || !strings.Contains(out, "installed already") {
			t.Errorf("installed twice: %v\n%s", err, out)
		}
	})
	t.Run("stopping leaves nothing behind", func(t *testing.T) {
		i.run(t, "iscdesk-agent", "stop")
		if out, _ := i.try(t, "", "pidof", "iscdesk-agent"); out != "" {
			t.Errorf("processes are left: %s", out)
		}
		if _, err := i.try(t, "", "test", "-e", "/run/iscdesk/agent.sock"); err == nil {
			t.Error("the socket is left")
		}
		if out, err := i.try(t, "", "iscdesk-agent", "status"); err == nil {
			t.Errorf("status of a stopped service succeeds: %s", out)
		}
		i.run(t, "iscdesk-agent", "uninstall")
		if _, err := i.try(t, "", "test", "-e", "/etc/systemd/system/iscdesk-agent.service"); err == nil {
			t.Error("the unit is left")
		}
	})
}

func saves(t *testing.T, i installation) {
	names := map[string]bool{}
	for user, own := range map[string][]string{"alice": {"/data/alice", "/data/plots"}, "bob": nil} {
		for _, dir := range append([]string{"/home/" + user, "/tmp", "/data/shared"}, own...) {
			name := user + strings.ReplaceAll(dir, "/", "-") + ".dxf"
			path := dir + "/" + name
			i.must(t, user, "0\nEOF\n"+name+"\n", "sh", "-c", "umask 027; cat >"+path)
			i.must(t, user, "", "iscdesk", "files", "save-as", path, "--to", desk.SpaceName)
			names[name] = true
		}
	}
	// A file of hers that he reads by the group alone: his worker has his full list.
	i.must(t, "bob", "", "iscdesk", "files", "save-as", "/data/shared/alice-data-shared.dxf", "--name", "by the group.dxf", "--to", desk.SpaceName)
	names["by the group.dxf"] = true
	// Of plotters only she is one.
	if out, err := i.as(t, "bob", "", "iscdesk", "--json", "files", "save-as", "/data/plots/alice-data-plots.dxf", "--to", desk.SpaceName); err == nil || !strings.Contains(out, "-81") {
		t.Errorf("he saved from a folder of a group that is not his: %v\n%s", err, out)
	}
	listed := i.must(t, "alice", "", "iscdesk", "files", "ls", desk.SpaceName)
	for name := range names {
		if !strings.Contains(listed, name) {
			t.Errorf("%s is not in the cloud:\n%s", name, listed)
		}
	}
}

// planted gives the unit what docs/attacksurface.md bans, and sees that the saves of
// this test then fail: they would not pass by accident.
func planted(t *testing.T, i installation) {
	const dir = "/etc/systemd/system/iscdesk-agent.service.d"
	i.run(t, "sh", "-ec", "mkdir "+dir+"; printf '[Service]\nProtectHome=yes\nPrivateTmp=yes\n' >"+dir+"/bad.conf; systemctl daemon-reload; systemctl restart iscdesk-agent")
	for _, path := range []string{"/home/alice/planted.dxf", "/tmp/planted.dxf"} {
		i.must(t, "alice", "x\n", "sh", "-c", "cat >"+path)
		if out, err := i.as(t, "alice", "", "iscdesk", "files", "save-as", path, "--to", desk.SpaceName); err == nil {
			t.Errorf("%s was saved from a namespace of the unit's own: %s", path, out)
		}
	}
	i.run(t, "sh", "-ec", "rm -r "+dir+"; systemctl daemon-reload; systemctl restart iscdesk-agent")
}

// workers looks at the workers from the machine's root.
func workers(t *testing.T, i installation) {
	out := i.run(t, "sh", "-ec", `
		main=$(systemctl show --value -p MainPID iscdesk-agent)
		for p in $(pidof iscdesk-agent); do
			[ "$p" = "$main" ] && continue
			echo "worker $(stat -c %U /proc/$p)"
			grep -E '^(Cap|NoNewPrivs|Groups|Umask|Uid|Gid)' /proc/$p/status
			echo "User: $(awk '/^Uid:/ {print $2}' /proc/$p/status | xargs -I% getent passwd % | cut -d: -f1)"
			echo "Want: $(id -G $(awk '/^Uid:/ {print $2}' /proc/$p/status | xargs -I% getent passwd % | cut -d: -f1) | tr ' ' '\n' | sort -n | tr '\n' ' ')"
			for ns in mnt net user pid ipc uts; do
				[ "$(readlink /proc/$p/ns/$ns)" = "$(readlink /proc/1/ns/$ns)" ] || echo "OtherNamespace: $ns"
			done
		done`)
	users := []string{}
	fields := map[string]string{}
	check := func() {
		if len(fields) == 0 {
			return
		}
		for _, caps := range []string{"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"} {
			if strings.Trim(fields[caps], "0") != "" || fields[caps] == "" {
				t.Errorf("worker of %s: %s is %q", fields["User"], caps, fields[caps])
			}
		}
		if fields["NoNewPrivs"] != "1" || fields["Umask"] != "0077" {
			t.Errorf("worker of %s: no_new_privs %s, umask %s", fields["User"], fields["NoNewPrivs"], fields["Umask"])
		}
		got, want := strings.Fields(fields["Groups"]), strings.Fields(fields["Want"])
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) || len(want) < 2 {
			t.Errorf("worker of %s has groups %v, its user %v", fields["User"], got, want)
		}
		if ns, ok := fields["OtherNamespace"]; ok {
			t.Errorf("worker of %s lives in another %s namespace: it sees other files than its user", fields["User"], ns)
		}
		users = append(users, fields["User"])
	}
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "worker ") {
			check()
			fields = map[string]string{}
			continue
		}
		if k, v, ok := strings.Cut(line, ":"); ok {
			fields[k] = strings.TrimSpace(v)
		}
	}
	check()
	slices.Sort(users)
	if !slices.Equal(users, []string{"alice", "bob"}) {
		t.Errorf("workers of %v, want one each of alice and bob:\n%s", users, out)
	}
}
