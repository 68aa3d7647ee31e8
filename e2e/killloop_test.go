//go:build linux

package e2e

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"
)

var (
	killCount = flag.Int("kills", 300, "how many programs the kill loop kills; the asserted minimums are for 300 and more")
	killSeed  = flag.Uint64("kill-seed", 0, "what the kill loop draws from; 0 takes a new one, which is printed")
)

// Least numbers of a run of 300 kills.
const (
	leastOfKind = 15  // acknowledged saves of each kind
	leastLive   = 0.7 // share of kills that hit an operation that had no end
)

// Nothing that was acknowledged is lost, no version holds anything but exactly one
// of the contents that were saved, no save is stored twice and every number gets
// one end, whatever is killed and when: agent, worker, cloud or the application,
// each with SIGKILL, at moments spread over the measured length of a save of its
// kind, sometimes two at once, sometimes again while the first one is mended.
//
//	go test ./e2e -run 'TestKillLoop$' -v -kills 1000 -kill-seed 7
//
// The seed repeats what is saved and who is to be killed after which part of a
// save; what the programs have done by then is the machine's own.
func TestKillLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("300 kills take two minutes: not with -short")
	}
	killLoop(t, stage(t, "isckill", true), *killCount)
}

// killLoop kills want programs of a desk, or some more.
func killLoop(t *testing.T, s *theStage, want int) {
	seed := *killSeed
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("-kill-seed %d", seed)
	ctx, cancel := context.WithTimeout(context.Background(), 12*time.Minute)
	defer cancel()
	l := newLoop(ctx, t, s, want)
	defer func() { t.Log(l.summary()) }()
	draw := func(n uint64) { l.r = rand.New(rand.NewPCG(seed, n)) } // whatever was drawn before, the same
	draw(0)
	l.begin()
	begin := time.Now()
	for n := uint64(1); l.kills() < want || l.lacking() != "" && l.kills() < want*5/4; n += 100 {
		draw(n)
		for i, kind := range l.r.Perm(len(saveKinds)) { // each as often as the others
			draw(n + uint64(i) + 1)
			l.episode(saveKinds[kind])
		}
	}
	t.Logf("%d kills in %.1f s", l.kills(), time.Since(begin).Seconds())
	l.end()
	if want >= 300 && !t.Failed() {
		l.enough()
	}
	for _, v := range []victim{agent, worker, cloud, application} {
		if l.killed[v] == 0 {
			t.Errorf("the %s was never killed", v)
		}
	}
}

// begin makes the documents and measures each kind of save, undisturbed.
func (l *loop) begin() {
	l.startApp()
	l.send(order{Do: "signIn"})
	l.until("signed in", func() bool { return l.signedIn })
	for i := range 2 {
		l.docs = append(l.docs, l.document(fmt.Sprintf("part%d.stl", i), false), l.document(fmt.Sprint("machine", i), true))
		l.again = append(l.again, l.document(fmt.Sprintf("again%d.stl", i), false), l.document(fmt.Sprint("engine", i), true))
	}
	for _, d := range append(slices.Clone(l.docs), l.again...) {
		kind := saveAsFile
		if d.assembly {
			kind = saveAsAssembly
		}
		l.calm(kind, d)
	}
	for range 3 {
		for _, kind := range []string{saveFile, saveAssembly, saveReopened} {
			l.calm(kind, l.pick(kind))
		}
	}
	l.lengths[saveAway], l.lengths[saveAsAway] = l.lengths[saveFile], l.lengths[saveAsAssembly]
}

// calm makes a save that nobody disturbs, and notes how long it took.
func (l *loop) calm(kind string, d *document) {
	a := l.try(kind, d)
	begin := time.Now()
	l.until("an undisturbed save", func() bool { return a.ended })
	if !a.success {
		l.t.Fatalf("undisturbed save %d (%s): code %s", a.n, kind, a.code)
	}
	l.lengths[kind] = append(l.lengths[kind], time.Since(begin))
	l.look()
}

// episode saves once and kills around it.
func (l *loop) episode(kind string) {
	d := l.pick(kind)
	if kind != saveAway && kind != saveAsAway {
		l.disturb(l.try(kind, d), agent, worker, cloud, application)
		l.look()
		return
	}
	l.s.Cloud.Kill() // not one of those that are counted: nothing is under way
	a := l.try(kind, d)
	l.disturb(a, agent, worker, application)
	if kind == saveAsAway && l.so(func() bool { return a.promised }) {
		l.disturb(l.try(kind, d), agent, worker, application)
	}
	l.start(cloud)
	if l.r.IntN(2) == 0 {
		// An agent that starts sends at once what waits: now the sending is hit.
		l.kill(kind, agent)
		l.start(agent)
		l.wait(kind)
		l.strike(kind, agent, worker, cloud)
		l.mend()
	}
	l.look()
}

// disturb kills some of the victims while a is saved, mends, and waits until the
// application knows where it is.
func (l *loop) disturb(a *attempt, victims ...victim) {
	for strikes := 1; ; strikes++ {
		l.wait(a.kind)
		l.strike(a.kind, victims...)
		l.restart(victims)
		if strikes == 3 || l.app.dead() || l.so(func() bool { return a.ended || l.refused }) || l.r.IntN(3) > 0 {
			break
		}
	}
	if l.mendApp() {
		return
	}
	l.until("an end of the save", func() bool { return a.ended || a.promised || l.refused })
	if l.so(func() bool { return a.op == 0 }) {
		l.settle() // the call was cut: the agent may have taken it
	}
}

// wait sleeps for a part of the length of a save.
func (l *loop) wait(kind string) {
	time.Sleep(time.Duration(l.r.Float64() * 1.1 * float64(median(l.lengths[kind]))))
}

// strike kills one of the victims, or two at once.
func (l *loop) strike(kind string, victims ...victim) {
	order := l.r.Perm(len(victims))
	l.kill(kind, victims[order[0]])
	if l.r.IntN(6) == 0 {
		l.kill(kind, victims[order[1]])
	}
}

// enough demands that the loop has tried what it is for.
func (l *loop) enough() {
	if kind := l.lacking(); kind != "" {
		l.t.Errorf("%d saves of kind %q were acknowledged, want %d", l.acks()[kind], kind, leastOfKind)
	}
	if live := float64(l.live) / float64(l.kills()); live < leastLive {
		l.t.Errorf("%.0f %% of the kills hit an operation under way, want %.0f %%", 100*live, 100*leastLive)
	}
	for _, v := range []victim{agent, worker, cloud, application} {
		if l.killed[v] < l.want/10 {
			l.t.Errorf("the %s was killed %d times, want %d", v, l.killed[v], l.want/10)
		}
	}
}

// lacking is a kind of which too few saves were acknowledged, in a run of 300.
func (l *loop) lacking() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	acks := l.acks()
	for _, kind := range saveKinds {
		if l.want >= 300 && acks[kind] < leastOfKind {
			return kind
		}
	}
	return ""
}

func (l *loop) kills() int {
	n := 0
	for _, of := range l.killed {
		n += of
	}
	return n
}

func (l *loop) acks() map[string]int {
	n := make(map[string]int)
	for _, a := range l.k.attempts {
		if a.ended && a.success {
			n[a.kind]++
		}
	}
	return n
}

// summary is what the loop did, for the log.
func (l *loop) summary() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	ends := make(map[string]int)
	for _, a := range l.k.attempts {
		switch {
		case a.ended && a.success && a.promised:
			ends["stored, after it was queued"]++
		case a.ended && a.success:
			ends["stored"]++
		case a.ended:
			ends["failed with "+a.code]++
		case a.op != 0:
			ends["open"]++
		default:
			ends["never reached the agent"]++
		}
	}
	var b strings.Builder
	table := func(title string, counts map[string]int) {
		fmt.Fprintf(&b, "\n%s:", title)
		for _, name := range slices.Sorted(maps.Keys(counts)) {
			fmt.Fprintf(&b, "  %s %d", name, counts[name])
		}
	}
	victims := make(map[string]int)
	for v, n := range l.killed {
		victims[string(v)] = n
	}
	table("killed", victims)
	table("while saving", l.killedOf)
	table("hit", l.hits)
	table("acknowledged", l.acks())
	table("ends", ends)
	fmt.Fprintf(&b, "\n%d of %d kills hit an operation without an end; %d contents, %d of them visible; %d repeats of the look",
		l.live, l.kills(), len(l.k.attempts), l.versions(), l.looks)
	return b.String()
}
