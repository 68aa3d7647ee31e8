//go:build linux

package e2e

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// kill ends a program with SIGKILL and notes what it hit.
func (l *loop) kill(kind string, v victim) {
	switch v {
	case agent:
		l.s.Agent.Kill() // its worker dies with it
	case cloud:
		l.s.Cloud.Kill()
	case application:
		l.app.kill()
	case worker:
		if !l.killWorker() {
			return // none lived
		}
	}
	l.down[v] = v == agent || v == cloud
	l.mu.Lock()
	defer l.mu.Unlock()
	l.killed[v]++
	l.killedOf[kind]++
	switch a := l.now; {
	case !a.ended && !a.promised && !l.refused:
		l.live++
		l.hits[l.phase]++
	case len(l.k.open()) > 0:
		l.live++
		l.hits["waiting for the cloud"]++
	default:
		l.hits["nothing"]++
	}
}

// killWorker kills the worker, which may be about to start.
func (l *loop) killWorker() bool {
	for range 10 {
		if l.s.KillWorker() {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// start starts a program again.
func (l *loop) start(v victim) {
	l.t.Helper()
	begin := l.s.Cloud.Start
	if v == agent {
		begin = l.s.Agent.Start
	}
	if err := begin(l.ctx); err != nil {
		l.t.Fatalf("after %d kills: start %s: %v", l.kills(), v, err)
	}
	l.down[v] = false
}

// restart starts those of the programs that were killed, at once.
func (l *loop) restart(of []victim) {
	time.Sleep(time.Duration(l.r.IntN(30)) * time.Millisecond)
	var both sync.WaitGroup
	var errs [2]error
	if l.down[cloud] && slices.Contains(of, cloud) {
		both.Go(func() { errs[0] = l.s.Cloud.Start(l.ctx) })
		l.down[cloud] = false
	}
	if l.down[agent] && slices.Contains(of, agent) {
		both.Go(func() { errs[1] = l.s.Agent.Start(l.ctx) })
		l.down[agent] = false
	}
	both.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		l.t.Fatalf("after %d kills: %v", l.kills(), err)
	}
}

// mend starts all that was killed.
func (l *loop) mend() {
	l.restart([]victim{agent, cloud})
	l.mendApp()
}

// mendApp starts the application again if it was killed; it asks then what became
// of its saves.
func (l *loop) mendApp() (anew bool) {
	if anew = l.app.dead(); anew {
		l.startApp()
		l.settle()
	}
	return anew
}

// settle has the application ask what became of everything without an end.
func (l *loop) settle() {
	l.t.Helper()
	l.mu.Lock()
	l.settled = false
	ops := l.k.open()
	l.mu.Unlock()
	l.send(order{Do: "settle", Ops: ops})
	l.until("answers about operations", func() bool { return l.settled })
}

// look reads what the cloud shows, with a client of our own, and holds it against
// all that was told; versions that were not seen before are read whole. Then it
// looks whether the documents lie where they were saved.
func (l *loop) look() {
	l.t.Helper()
	l.mu.Lock()
	acked := l.k.acknowledged()
	l.mu.Unlock()
	var objects []visible
	var err error
	for range 3 { // connections to a cloud that was killed are cut
		if objects, err = l.see(); err == nil {
			break
		}
	}
	if err != nil {
		l.t.Fatalf("read the cloud: %v", err)
	}
	l.looks++
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shown = objects
	l.k.compare(objects, acked)
	for _, o := range objects {
		if d := l.of[o.name]; d != nil {
			d.object = o.id
		}
	}
	l.local()
	for _, f := range l.k.faults {
		l.t.Error(f)
	}
	if l.t.Failed() {
		l.t.Fatalf("after save %+v, killed %v; notes: %q", *l.now, l.killed, l.notes)
	}
}

// see lists all objects of the space with all their versions.
func (l *loop) see() ([]visible, error) {
	var objects []visible
	for after := ""; ; {
		var page cloudapi.Listing
		if err := l.owner.Call(l.ctx, "GET", "/v1/spaces/"+l.s.Space+"/entries"+after, nil, &page); err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			// Old versions are read again at the end.
			o, known := l.known[e.ID]
			if !known || o.name != e.Name || len(o.numbers) == 0 || o.numbers[len(o.numbers)-1] != e.Version {
				var err error
				if o, err = l.seeObject(e); err != nil {
					return nil, err
				}
				l.known[e.ID] = o
			}
			objects = append(objects, o)
		}
		if page.Next == "" {
			return objects, nil
		}
		after = "?after=" + url.QueryEscape(page.Next)
	}
}

func (l *loop) seeObject(e cloudapi.Entry) (visible, error) {
	o := visible{name: e.Name, id: e.ID}
	versions, err := l.owner.Versions(l.ctx, e.ID)
	if err != nil {
		return o, err
	}
	slices.Reverse(versions)
	for _, v := range versions {
		key := fmt.Sprintf("%s %d %s", e.ID, v.Number, v.Manifest)
		if l.stored[key] == "" { // read whole
			files, err := l.owner.Content(l.ctx, l.s.Space, e.ID, v)
			if err != nil {
				return o, fmt.Errorf("version %d of %s: %w", v.Number, e.Name, err)
			}
			l.stored[key] = digest(files)
		}
		o.numbers, o.digests = append(o.numbers, v.Number), append(o.digests, l.stored[key])
	}
	return o, nil
}

func (l *loop) versions() int {
	n := 0
	for _, o := range l.shown {
		n += len(o.digests)
	}
	return n
}
