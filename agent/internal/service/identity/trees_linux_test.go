package identity

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// plant makes a recorded tree real: lines "path = content", "path -> target", "# comment".
func plant(t *testing.T, name string) string {
	t.Helper()
	root := t.TempDir()
	text, err := os.ReadFile(filepath.Join("testdata", name+".tree"))
	if err != nil {
		t.Fatal(err)
	}
	unescape := strings.NewReplacer(`\n`, "\n", `\x00`, "\x00", `\x80`, "\x80", `\x14`, "\x14")
	for _, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if path, target, ok := strings.Cut(line, " -> "); ok {
			path = filepath.Join(root, path)
			if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.Symlink(target, path)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		path, content, ok := strings.Cut(line, " =")
		if !ok {
			t.Fatalf("%s: %q", name, line)
		}
		path = filepath.Join(root, path)
		content = unescape.Replace(strings.TrimPrefix(content, " ")) + "\n"
		if strings.HasSuffix(path, "vpd_pg80") {
			content = strings.TrimSuffix(content, "\n")
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func planted(root string) files { return files{tree{root}, treeLinks(root)} }

// treeLinks lists the links of a planted tree as the kernel would.
func treeLinks(root string) func(context.Context) ([]link, error) {
	return func(context.Context) ([]link, error) {
		tr := tree{root}
		names, err := tr.names("sys", "class", "net")
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		var all []link
		for _, n := range names {
			all = append(all, link{Name: n, Addr: tr.text("sys", "class", "net", n, "address"), Permanent: tr.text("sys", "class", "net", n, "perm_address")})
		}
		return all, err
	}
}

func TestRecordedMachines(t *testing.T) {
	intel := func() (uint32, uint32, bool) { return 0xBFEBFBFF, 0x00090672, true }
	none := func() (uint32, uint32, bool) { return 0, 0, false }
	for _, c := range []struct {
		tree   string
		cpu    func() (uint32, uint32, bool)
		want   string
		absent map[string]string // part -> words of its reason
		parts  int               // of our own machine identity
	}{
		{"whitebox", intel, "04:7C:16:5E:E3:5D|S3Z8NB0K123456A||BFEBFBFF00090672", map[string]string{"board": `"To be filled by O.E.M." is a placeholder`}, 1},
		{"laptop-dock", intel, "A4:C3:F0:12:34:56|001B_444A_488B_5CEC.|L1HF04A01B2|BFEBFBFF00090672", map[string]string{
			"mac": "enp6s0 is behind a removable port (a dock); enx00e04c680001 is on USB", "disk": "nvme1n1 is behind a removable port (a dock); sda is on USB"}, 3},
		{"two-nvme", intel, "B0:7B:25:00:00:01,B0:7B:25:00:00:02|EUI.0025385B01234567,S4EWNX0N700123|.7XKJD53.CNFCW0004A00B1.|BFEBFBFF00090672",
			map[string]string{"mac": "eno1v0 is a virtual function"}, 2},
		{"kvm", intel, "52:54:00:6B:3C:58|VOL-0A1B2C3D||BFEBFBFF00090672", map[string]string{
			"disk": `sda: "QM00001" is a placeholder`, "board": "this system does not have it"}, 2},
		{"esxi", intel, "00:50:56:9A:12:34|6000C29A1B2C3D4E5F60718293A4B5C6||BFEBFBFF00090672", map[string]string{"board": `"None" is a placeholder`}, 2},
		{"container", none, "|||", map[string]string{"mac": "no built-in network hardware", "disk": "this system does not have it",
			"board": "this system does not have it", "cpu": "no CPUID"}, 0},
	} {
		t.Run(c.tree, func(t *testing.T) {
			root := plant(t, c.tree)
			fp := collect(t, Config{source: planted(root), cpuid: c.cpu, System: true})
			if fp.Fingerprint != c.want || !fp.System {
				t.Errorf("got  %s\nwant %s", fp.Fingerprint, c.want)
			}
			for _, p := range fp.Parts {
				if !strings.Contains(p.Absent, c.absent[p.Name]) || c.absent[p.Name] == "" && p.Absent != "" {
					t.Errorf("%s: reason %q, want %q", p.Name, p.Absent, c.absent[p.Name])
				}
				if len(p.Values) == 0 && p.Absent == "" {
					t.Errorf("%s is empty without a reason", p.Name)
				}
			}
			parts := machine(context.Background(), planted(root))
			if len(parts) != c.parts {
				t.Errorf("machine parts %v, want %d", parts, c.parts)
			}
			if Digest(parts) != Digest(machine(context.Background(), planted(root))) || len(Digest(parts)) != 64 {
				t.Error("the digest is not stable")
			}
		})
	}
}

// TestDockChangesNothing takes the laptop out of its dock.
func TestDockChangesNothing(t *testing.T) {
	root := plant(t, "laptop-dock")
	docked := collect(t, Config{source: planted(root)})
	for _, gone := range []string{"sys/class/net/enp6s0", "sys/class/net/enx00e04c680001", "sys/class/net/tun0", "sys/block/nvme1n1", "sys/block/sda"} {
		if err := os.RemoveAll(filepath.Join(root, gone)); err != nil {
			t.Fatal(err)
		}
	}
	if got := collect(t, Config{source: planted(root)}); got.Fingerprint != docked.Fingerprint {
		t.Errorf("docked   %s\nundocked %s", docked.Fingerprint, got.Fingerprint)
	}
}

// What only root may read is told so to everybody else. Root's own test cannot be
// refused, so the words are looked at by themselves.
func TestUnreadableIsExplained(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{&fs.PathError{Op: "open", Path: "board_serial", Err: fs.ErrPermission}, "only root may read it"},
		{&fs.PathError{Op: "open", Path: "board_serial", Err: fs.ErrNotExist}, "this system does not have it"},
		{errors.New("input/output error"), "input/output error"},
	} {
		if got := why(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
	if os.Geteuid() == 0 {
		return
	}
	root := plant(t, "two-nvme")
	if err := os.Chmod(filepath.Join(root, "sys/class/dmi/id/board_serial"), 0); err != nil {
		t.Fatal(err)
	}
	fp := collect(t, Config{source: planted(root)})
	if !strings.Contains(fp.Parts[2].Absent, "only root may read it") {
		t.Errorf("got %+v", fp.Parts[2])
	}
}

// TestProbeThatHangs: one slot stays empty, the others are there.
func TestProbeThatHangs(t *testing.T) {
	root := plant(t, "two-nvme")
	stuck := make(chan struct{})
	defer close(stuck)
	src := planted(root)
	src.links = func(context.Context) ([]link, error) { <-stuck; return nil, nil }
	fp := collect(t, Config{source: src, limit: time.Second})
	if !strings.HasPrefix(fp.Fingerprint, "|EUI.") || !strings.Contains(fp.Parts[0].Absent, "not read within") {
		t.Errorf("got %s, %+v", fp.Fingerprint, fp.Parts[0])
	}
}

func TestCollectedOnce(t *testing.T) {
	root := plant(t, "kvm")
	asked := 0
	src := planted(root)
	src.links = func(ctx context.Context) ([]link, error) { asked++; return treeLinks(root)(ctx) }
	r := New(Config{source: src})
	if asked != 0 {
		t.Error("collected before anyone asked")
	}
	first, err := r.Fingerprint(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(root, "sys/block/vda")); err != nil {
		t.Fatal(err)
	}
	again, err := r.Fingerprint(context.Background())
	if err != nil || again.Fingerprint != first.Fingerprint || asked != 1 {
		t.Errorf("got %q then %q, %d collections, %v", first.Fingerprint, again.Fingerprint, asked, err)
	}
}
