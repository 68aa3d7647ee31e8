//go:build linux

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// victim is a program that is killed.
type victim string

const (
	agent       victim = "agent"
	worker      victim = "worker"
	cloud       victim = "cloud"
	application victim = "application"
)

// patience bounds every wait of the loop.
const patience = 60 * time.Second

// loop is a run of the kill loop. Its methods are for the test's goroutine.
type loop struct {
	t       *testing.T
	ctx     context.Context
	s       *theStage
	r       *rand.Rand // of the episode
	want    int        // kills
	dir     string     // the application's own folder
	app     *app
	docs    []*document // saved again and again
	again   []*document // given back and opened before each save
	made    int
	of      map[string]*document // by name, all
	lengths map[string][]time.Duration
	tries   int64 // bytes of all contents
	down    map[victim]bool

	owner  *desk.Account
	shown  []visible          // at the last look
	known  map[string]visible // by id, as it was last read
	stored map[string]string  // "object version manifest" -> digest
	looks  int

	mu       sync.Mutex // guards what follows: the application's lines arrive meanwhile
	k        *knowledge
	now      *attempt // the save that was last ordered
	phase    string   // how far it is
	refused  bool     // its call was refused
	signedIn bool
	settled  bool
	notes    []string
	killed   map[victim]int
	killedOf map[string]int
	hits     map[string]int
	live     int

	news chan struct{} // holds one element: a line came
}

func newLoop(ctx context.Context, t *testing.T, s *theStage, want int) *loop {
	dir := filepath.Join(s.Users[0].Home, "work")
	if out, err := s.Command(0, "mkdir", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	owner, err := s.Cloud.Login(ctx, desk.Engineer1)
	if err != nil {
		t.Fatal(err)
	}
	l := &loop{
		t: t, ctx: ctx, s: s, want: want, dir: dir, owner: owner,
		k: newKnowledge(), of: map[string]*document{}, lengths: map[string][]time.Duration{}, stored: map[string]string{}, known: map[string]visible{},
		down: map[victim]bool{}, killed: map[victim]int{}, killedOf: map[string]int{}, hits: map[string]int{}, news: make(chan struct{}, 1),
	}
	t.Cleanup(func() { l.app.kill() })
	return l
}

// app is the application's process.
type app struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	ended chan struct{} // closed when all its lines were taken
}

func (a *app) dead() bool {
	select {
	case <-a.ended:
		return true
	default:
		return false
	}
}

func (a *app) kill() {
	if a != nil {
		_ = a.cmd.Process.Kill()
		<-a.ended
	}
}

// startApp starts the application, as the engineer.
func (l *loop) startApp() {
	l.t.Helper()
	cmd := l.s.Command(0, l.s.player, "drive-saves", l.s.Agent.Socket, l.s.Space)
	in, err := cmd.StdinPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	a := &app{cmd: cmd, in: in, ended: make(chan struct{})}
	l.app = a
	ready := make(chan struct{})
	go func() {
		defer close(a.ended)
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 4<<20)
		for lines.Scan() {
			var r report
			if json.Unmarshal(lines.Bytes(), &r) != nil {
				continue // cut by a kill
			}
			if r.What == "ready" {
				close(ready)
			}
			r.Path = l.s.Linux(r.Path)
			l.take(r)
		}
		_ = cmd.Wait() // killed, mostly
	}()
	select {
	case <-ready:
	case <-a.ended:
		l.t.Fatal("the application ended before it was ready")
	case <-time.After(patience):
		l.t.Fatal("the application did not become ready")
	}
}

func (l *loop) send(o order) {
	o.Path = l.s.Named(o.Path)
	line, err := json.Marshal(o)
	if err != nil {
		l.t.Fatal(err)
	}
	_, _ = l.app.in.Write(append(line, '\n')) // that the application is dead shows in its lines
}

// take notes a line of the application.
func (l *loop) take(r report) {
	l.mu.Lock()
	defer l.mu.Unlock()
	current := l.now != nil && r.N == l.now.n
	switch r.What {
	case "signedIn":
		l.signedIn = true
	case "settled":
		l.settled = true
		l.k.answered(r.States)
	case "begun":
		l.phase = "before the save"
	case "writing":
		l.phase = "writing"
		l.of[l.now.doc].path, l.of[l.now.doc].torn = r.Path, true
	case "tried":
		l.phase, l.now.tried, l.of[l.now.doc].torn = "asking", true, false
	case "given":
		l.k.given(r.N, r.Op)
		if l.phase == "asking" {
			l.phase = "begun"
		}
	case "refused":
		l.refused = l.refused || current
		l.notes = append(l.notes, fmt.Sprintf("save %d refused while %s: %s", r.N, l.phase, r.Text))
	case "event":
		l.event(*r.Event)
	}
	select {
	case l.news <- struct{}{}:
	default:
	}
}

func (l *loop) event(e api.Event) {
	mine := l.now != nil && l.now.op == e.Operation
	switch e.Type {
	case api.EventSaveResult:
		l.k.told(e, false)
	case api.EventUploadStart:
		if mine {
			l.phase = "uploading"
		}
	case api.EventUploadEnd:
		if mine {
			l.phase = "reporting"
		}
	}
}

// try orders a save of the document's next state and waits until it has begun.
func (l *loop) try(kind string, d *document) *attempt {
	c := d.next(l.r)
	l.tries += c.size()
	o := order{Do: "save", Path: d.path, Assembly: d.assembly, Content: c}
	l.mu.Lock()
	a := l.k.try(kind, d.name, c.digest())
	l.now, l.phase, l.refused = a, "starting", false
	first := a.n
	for _, b := range l.k.attempts {
		if b.doc == d.name {
			first = b.n
			break
		}
	}
	l.mu.Unlock()
	o.N = a.n
	switch {
	case first == a.n:
		o.New = d.name
	case kind == saveReopened:
		o.Reopen = d.object
	}
	if l.app.dead() {
		l.startApp()
	}
	l.send(o)
	l.untilOr("the application's save", func() bool { return a.tried || l.refused || kind == saveReopened && l.phase != "starting" })
	return a
}

// document makes one that lies in the application's folder.
func (l *loop) document(name string, assembly bool) *document {
	d := &document{name: name, assembly: assembly, path: filepath.Join(l.dir, name)}
	l.of[name] = d
	return d
}

// pick chooses what is saved. A document that is given back and opened has no
// save that waits: the cloud would refuse that one, and rightly.
func (l *loop) pick(kind string) *document {
	l.made++
	switch kind {
	case saveFile:
		return l.docs[2*l.r.IntN(len(l.docs)/2)]
	case saveAssembly:
		return l.docs[2*l.r.IntN(len(l.docs)/2)+1]
	case saveAway:
		return l.docs[l.r.IntN(len(l.docs))]
	case saveReopened:
		return l.again[l.r.IntN(len(l.again))]
	}
	if kind == saveAsFile || kind == saveAsAway && l.r.IntN(2) == 0 {
		return l.document(fmt.Sprintf("new%d.stl", l.made), false)
	}
	return l.document(fmt.Sprint("new", l.made), true)
}

// so asks with mu held.
func (l *loop) so(ask func() bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return ask()
}

// until waits until what is so, which is asked with mu held; the test ends when it
// takes too long, or the application dies.
func (l *loop) until(what string, so func() bool) {
	l.t.Helper()
	if !l.untilOr(what, so) {
		l.t.Fatalf("the application died before %s", what)
	}
}

// untilOr is until for what a dead application need not come to.
func (l *loop) untilOr(what string, so func() bool) bool {
	l.t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		dead := l.app.dead() // before so: all its lines were taken then
		l.mu.Lock()
		yes := so()
		notes := l.notes
		l.mu.Unlock()
		if yes || dead {
			return yes
		}
		select {
		case <-l.news:
		case <-l.app.ended:
		case <-late.C:
			for _, pid := range append(l.s.Workers(), l.s.Agent.PID()) {
				_ = syscall.Kill(pid, syscall.SIGQUIT) // what they wait for stands in the log
			}
			l.t.Fatalf("no sign of %s in %v; save %+v; %v", what, patience, l.now, notes)
		}
	}
}
