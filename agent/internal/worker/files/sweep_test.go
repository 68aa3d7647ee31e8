package files

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// later is a clock that goes ahead.
type later struct {
	clock.Clock
	by time.Duration
}

func (l later) Now() time.Time { return l.Clock.Now().Add(l.by) }

func TestPartsOfOpensThatAreNotRepeated(t *testing.T) {
	const part = ".iscdesk-0123456789abcdef.part"
	w := newWorld(t)
	object := w.put("part.stl", []byte("one"))
	opened := w.fetch(object, 0, false)
	dir := filepath.Dir(opened.MainFile)
	gone := []string{
		filepath.Join(dir, part), filepath.Join(w.home, workspace, "Other", "deep", part), filepath.Join(dir, "x", part, "Pump.dxf"),
	}
	kept := []string{
		opened.MainFile, filepath.Join(dir, "mine.part"), filepath.Join(dir, part+".old"), filepath.Join(dir, ".iscdesk-3123456789ABCDEF.part"),
		filepath.Join(dir, ".iscdesk-1111111111111111.part"), // one side of a switch
		w.path(part),                         // not in the workspace
		filepath.Join(dir, "Tree", "a.part"), // of an assembly
		filepath.Join(dir, "Tree", part),
	}
	for _, p := range append(append([]string{}, gone...), kept[1:]...) {
		write(t, p, []byte("x"))
	}
	if err := os.Symlink(w.home, filepath.Join(dir, "home")); err != nil {
		t.Logf("without a link in the workspace: %v", err)
	}
	for _, e := range []entry{
		{Path: filepath.Join(dir, "switched.stl"), Object: "o", Space: "sp", Kind: cloudapi.KindFile, Version: 1,
			Aside: &aside{Temp: ".iscdesk-1111111111111111.part", Name: "x"}},
		{Path: filepath.Join(dir, "Tree"), Object: "t", Space: "sp", Kind: cloudapi.KindAssembly, Version: 1},
	} {
		if err := w.room.note(e); err != nil {
			t.Fatal(err)
		}
	}
	ahead := func(by time.Duration) {
		t.Helper()
		w.restart()
		w.room.cfg.Clock = later{clock.System{}, by}
		w.fetch(object, 0, false)
	}
	ahead(23 * time.Hour)
	for _, p := range append(append([]string{}, gone...), kept...) {
		if !exists(p) {
			t.Fatalf("%s was removed within a day", p)
		}
	}
	ahead(25 * time.Hour)
	for _, p := range kept {
		if !exists(p) {
			t.Errorf("%s was removed", p)
		}
	}
	for _, p := range gone {
		if exists(p) {
			t.Errorf("%s was left", p)
		}
	}
	// With a ledger that was damaged nobody knows what a part holds.
	write(t, gone[0], []byte("x"))
	write(t, filepath.Join(privateDir(w.home), "ledger.log.damaged-1"), nil)
	ahead(25 * time.Hour)
	if !exists(gone[0]) {
		t.Error("removed without a ledger")
	}
	if _, err := w.room.Pending(context.Background()); err != nil {
		t.Fatal(err)
	}
}
