package atomicfile

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var errPlanted = errors.New("planted")

// plant refuses the nth step of one kind (0: every one), and counts how often it did.
type plant struct {
	step  Step
	nth   int
	seen  int
	fired int
}

func (p *plant) disk() Disk {
	return Disk{Fault: func(s Step, _ string) error {
		if s != p.step {
			return nil
		}
		if p.seen++; p.nth != 0 && p.seen != p.nth {
			return nil
		}
		p.fired++
		return errPlanted
	}}
}

func TestWriteFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for _, perm := range []os.FileMode{0o600, 0o640, 0o644, 0o666} {
		if err := WriteFile(path, []byte(perm.String()), perm); err != nil {
			t.Fatal(err)
		}
		checkMode(t, path, perm)
		if b, err := ReadFile(path, 10); err != nil || string(b) != perm.String() {
			t.Errorf("got %q, %v", b, err)
		}
	}
	if _, err := ReadFile(path, 9); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte over the bound: %v", err)
	}
	if _, err := ReadFile(path+"x", 9); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".*"))
	if err != nil || len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestWriteFileOnAFailingDisk(t *testing.T) {
	for _, c := range []struct {
		step Step
		want string
	}{{StepCreate, "old"}, {StepWrite, "old"}, {StepSync, "old"}, {StepRename, "old"}, {StepSyncDir, "new"}} {
		t.Run(string(c.step), func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "x")
			if err := WriteFile(path, []byte("old"), 0o600); err != nil {
				t.Fatal(err)
			}
			p := &plant{step: c.step, nth: 1}
			if err := p.disk().WriteFile(path, []byte("new"), 0o600); !errors.Is(err, errPlanted) || p.fired != 1 {
				t.Fatalf("got %v, fired %d", err, p.fired)
			}
			if b, err := ReadFile(path, 10); err != nil || string(b) != c.want {
				t.Errorf("got %q, %v", b, err)
			}
			entries, err := os.ReadDir(dir)
			if err != nil || len(entries) != 1 {
				t.Errorf("left behind: %v", entries)
			}
		})
	}
}

func TestLinksAreNotFollowed(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("theirs"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := os.Symlink(target, link)
	if st, serr := os.Lstat(link); err != nil || serr != nil || st.Mode()&os.ModeSymlink == 0 { // Wine 8 makes none and says nothing
		t.Skip("this system makes no links: ", err)
	}
	if _, err := ReadFile(link, 10); !errors.Is(err, ErrNotRegular) {
		t.Errorf("read through a link: %v", err)
	}
	if _, _, err := OpenLog(link, 0o600); !errors.Is(err, ErrNotRegular) {
		t.Errorf("log through a link: %v", err)
	}
	if err := WriteFile(link, []byte("ours"), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(target); err != nil || string(b) != "theirs" {
		t.Errorf("the link's target was written: %q, %v", b, err)
	}
	if _, err := ReadFile(dir, 10); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a folder: %v", err)
	}
}

func TestCleanTakesOnlyOurs(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{".x.tmp-00ff", "x", ".hidden", "y.tmp-1"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Clean(dir); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 3 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

func TestSetAsideNeverOverwrites(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	for i := range 3 {
		if err := os.WriteFile(path, fmt.Append(nil, i), 0o600); err != nil {
			t.Fatal(err)
		}
		aside, err := Disk{}.SetAside(path)
		if err != nil || !strings.HasSuffix(aside, fmt.Sprintf(".damaged-%d", i+1)) {
			t.Errorf("got %s, %v", aside, err)
		}
		if b, err := os.ReadFile(aside); err != nil || string(b) != fmt.Sprint(i) {
			t.Errorf("kept %q, %v", b, err)
		}
	}
	if _, err := (Disk{}).SetAside(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// TestLogOnAFailingDisk refuses one append; what was acknowledged before and
// after must be there, and what was refused must not be.
func TestLogOnAFailingDisk(t *testing.T) {
	for _, c := range []struct {
		step   Step
		healed bool // the log takes the next append without a Rewrite
	}{{StepWrite, true}, {StepSync, false}} {
		t.Run(string(c.step), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			fill(t, path, "one")
			p := &plant{step: c.step, nth: 1}
			l, _, err := p.disk().OpenLog(path, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Append([]byte("refused")); !errors.Is(err, errPlanted) || p.fired != 1 {
				t.Fatalf("got %v, fired %d", err, p.fired)
			}
			err = l.Append([]byte("two"))
			if c.healed != (err == nil) || !c.healed && !errors.Is(err, ErrBroken) {
				t.Fatalf("next append: %v", err)
			}
			if !c.healed {
				if err := l.Rewrite([][]byte{[]byte("one")}); err != nil {
					t.Fatal(err)
				}
				if err := l.Append([]byte("two")); err != nil {
					t.Fatal(err)
				}
			}
			_ = l.Close()
			if _, records := open(t, path); texts(records) != `["one" "two"]` {
				t.Error(texts(records))
			}
		})
	}
}

// TestLogThatCannotTakeBack: a half frame that cannot be cut breaks the log, and
// the next opening cuts it.
func TestLogThatCannotTakeBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	fill(t, path, "one")
	fired := map[Step]int{}
	l, _, err := Disk{Fault: func(s Step, _ string) error {
		if s == StepWrite || s == StepTruncate {
			fired[s]++
			return errPlanted
		}
		return nil
	}}.OpenLog(path, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append([]byte("two")); !errors.Is(err, errPlanted) {
		t.Fatal(err)
	}
	if err := l.Append([]byte("three")); !errors.Is(err, ErrBroken) || fired[StepWrite] != 1 || fired[StepTruncate] != 1 {
		t.Fatalf("got %v, fired %v", err, fired)
	}
	_ = l.Close()
	if _, records := open(t, path); texts(records) != `["one"]` {
		t.Error(texts(records))
	}
}

// TestRewriteOnAFailingDisk must leave the old records or the new, never none.
func TestRewriteOnAFailingDisk(t *testing.T) {
	for _, step := range []Step{StepCreate, StepWrite, StepSync, StepRename, StepSyncDir} {
		t.Run(string(step), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.log")
			fill(t, path, "old")
			p := &plant{step: step, nth: 1}
			l, _, err := p.disk().OpenLog(path, 0o600)
			if err != nil {
				t.Fatal(err)
			}
			if err := l.Rewrite([][]byte{[]byte("new")}); !errors.Is(err, errPlanted) || p.fired != 1 {
				t.Fatalf("got %v, fired %d", err, p.fired)
			}
			if err := l.Append([]byte("more")); err != nil {
				t.Fatal(err)
			}
			_ = l.Close()
			want := `["old" "more"]`
			if step == StepSyncDir {
				want = `["new" "more"]`
			}
			if _, records := open(t, path); texts(records) != want {
				t.Errorf("got %s, want %s", texts(records), want)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	l, _ := open(t, path)
	if err := l.Append(make([]byte, MaxRecord)); err != nil {
		t.Errorf("largest record: %v", err)
	}
	if err := l.Append(make([]byte, MaxRecord+1)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("one byte more: %v", err)
	}
	if err := l.Rewrite([][]byte{make([]byte, MaxRecord), make([]byte, MaxRecord), {}}); err != nil {
		t.Errorf("rewrite over one frame: %v", err)
	}
	_ = l.Close()
	if _, records := open(t, path); len(records) != 3 || len(records[1]) != MaxRecord {
		t.Errorf("got %d records", len(records))
	}
	huge := filepath.Join(t.TempDir(), "huge.log")
	fill(t, huge, "x")
	if err := os.Truncate(huge, maxLog+1); err != nil {
		t.Fatal(err)
	}
	if _, _, err := OpenLog(huge, 0o600); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a log over the bound: %v", err)
	}
}

func TestPrivateFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b")
	for range 2 {
		if err := MkdirPrivate(dir); err != nil {
			t.Fatal(err)
		}
		checkMode(t, dir, 0o700)
	}
	file := filepath.Join(dir, "file")
	if err := WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := MkdirPrivate(file); err == nil {
		t.Error("a file is no folder")
	}
}
