//go:build linux

package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// local looks for the bytes of the last save of each document: they lie where the
// application wrote them, or, where an open has put another version there, in the
// cloud or in a conflict copy beside it. Called with mu held.
func (l *loop) local() {
	last := make(map[string]*attempt)
	for _, a := range l.k.attempts {
		if a.tried {
			last[a.doc] = a
		}
	}
	for name, a := range last {
		d := l.of[name]
		if d.checked == a || d.torn {
			continue
		}
		files, err := readTree(d.path, d.assembly)
		there := digest(files)
		switch {
		case err == nil && there == a.digest:
			d.checked = a
		case err != nil:
			l.k.fault("%s: what was saved cannot be read: %v", d.path, err)
		case has(l.shown, name, a.digest) && has(l.shown, name, there) && slices.Contains(l.again, d) || l.besides(d, a.digest):
		default:
			l.k.fault("%s: the bytes of save %d (%s) are gone", d.path, a.n, a.kind)
		}
	}
}

// staged lists the saves of the outbox, or the folders in it that are none.
func (l *loop) staged(saves bool) []string {
	all, _ := filepath.Glob(filepath.Join(l.s.Users[0].Home, l.s.data, "outbox/*"))
	return slices.DeleteFunc(all, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, "store.json"))
		return (err == nil) != saves
	})
}

// besides says that some file or folder beside a document has a content.
func (l *loop) besides(d *document, want string) bool {
	beside, _ := filepath.Glob(filepath.Join(filepath.Dir(d.path), "*"))
	for _, path := range beside {
		files, err := readTree(path, d.assembly)
		if !d.assembly {
			files = map[string][]byte{d.name: files[filepath.Base(path)]}
		}
		if err == nil && digest(files) == want {
			return true
		}
	}
	return false
}

// end waits until nothing is under way, holds all against all once more, with
// every version read anew, and looks for what was left behind.
func (l *loop) end() {
	if l.t.Failed() {
		return
	}
	for late := time.Now().Add(patience); ; {
		l.send(order{Do: "signIn"}) // sends what waits for the cloud
		l.settle()
		l.mu.Lock()
		open := len(l.k.open())
		l.mu.Unlock()
		if open == 0 || time.Now().After(late) {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	// What a kill left between a result and its clean-up goes at the user's next
	// request to an agent that starts anew.
	l.kill(saveFile, agent)
	l.start(agent)
	l.settle() // the application has found it
	l.calm(saveFile, l.docs[0])
	for late := time.Now().Add(patience); len(l.staged(true)) > 0 && time.Now().Before(late); {
		time.Sleep(50 * time.Millisecond)
	}
	clear(l.stored)
	clear(l.known)
	for _, d := range l.of {
		d.checked = nil
	}
	l.mu.Lock()
	l.k.final()
	l.mu.Unlock()
	l.look()
	_ = l.app.in.Close()
	<-l.app.ended
	if err := l.s.Agent.Stop(); err != nil {
		l.t.Errorf("stop the agent: %v", err)
	}
	l.leftovers()
}

// leftovers finds what kills have left in the folders that are for a while only.
func (l *loop) leftovers() {
	home := l.s.Users[0].Home
	for _, dir := range l.staged(true) {
		l.t.Errorf("%s: a save that has ended is still staged", dir)
	}
	// A folder that is no save yet, or no more, goes after a day (worker/files).
	cut := l.staged(false)
	l.t.Logf("%d folders of the outbox wait for their day", len(cut))
	if len(cut) > l.kills()/20 {
		l.t.Errorf("kills have left %q", cut)
	}
	var blobs int64
	l.walk(home, func(path string, d fs.DirEntry) string {
		switch {
		case strings.HasPrefix(d.Name(), ".iscdesk-"):
			return "a part of an open"
		case strings.Contains(d.Name(), ".tmp-"):
			return "a file that was being written"
		}
		return ""
	})
	l.walk(l.s.Agent.Dir, func(_ string, d fs.DirEntry) string {
		if strings.Contains(d.Name(), ".tmp-") {
			return "a file that was being written"
		}
		return ""
	})
	l.walk(l.s.Cloud.Dir, func(path string, d fs.DirEntry) string {
		if st, err := d.Info(); err == nil && st.Mode().IsRegular() && strings.Contains(path, "/blobs/") {
			blobs += st.Size()
		}
		if filepath.Base(filepath.Dir(path)) == "unfinished" {
			return "a blob that was being written"
		}
		return ""
	})
	// What is not in a version was sent by a save that was cut: at most each save once.
	l.t.Logf("%d MB in the cloud's blobs, of %d MB that were saved", blobs>>20, l.tries>>20)
	if blobs == 0 || blobs > l.tries {
		l.t.Errorf("the cloud holds %d bytes of blobs, %d were saved", blobs, l.tries)
	}
}

func (l *loop) walk(dir string, wrong func(path string, d fs.DirEntry) string) {
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if w := wrong(path, d); w != "" {
			l.t.Errorf("%s: %s", path, w)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		l.t.Error(err)
	}
}
