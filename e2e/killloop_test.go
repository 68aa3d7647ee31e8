//go:build linux

package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kills is how often a program is killed; every one is a SIGKILL at a random moment.
const kills = 300

// promises is what the driver was told, read by the checker outside.
type promises struct {
	object string
	tried  map[string]bool   // sha of every content that was handed to a save
	acked  map[int64]string  // version -> sha
	lines  map[string]int    // first word -> count
	queued map[string]string // i -> sha
	left   map[string]string // i -> where the refused content was laid
	notes  []string
	ended  bool
}

// Nothing that was acknowledged is lost, and no version holds anything but one of
// the contents that were saved, whatever is killed and when.
func TestKillLoop(t *testing.T) {
	if testing.Short() {
		t.Skip("300 kills take most of a minute: not with -short")
	}
	s := stage(t, "isckill", false)
	program, err := s.CopyProgram(os.Args[0], "driver")
	if err != nil {
		t.Fatal(err)
	}
	work := filepath.Join(s.Users[0].Home, "work")
	cmd := s.Command(0, program, "drive-saves", s.Agent.Socket, s.Space, work)
	if out, err := s.Command(0, "mkdir", work).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })

	p := &promises{tried: map[string]bool{}, acked: map[int64]string{}, lines: map[string]int{}, queued: map[string]string{}, left: map[string]string{}}
	started, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			p.take(lines.Text())
			if p.lines["ACK"] == 1 && strings.HasPrefix(lines.Text(), "ACK") {
				close(started)
			}
		}
	}()
	select {
	case <-started:
	case <-ended:
		t.Fatalf("the driver ended early: %v", p.notes)
	case <-time.After(time.Minute):
		t.Fatal("the first save did not come back")
	}

	ctx, cancel := context.WithTimeout(context.Background(), 12*time.Minute)
	defer cancel()
	killed := map[string]int{}
	for n := 0; n < kills; {
		time.Sleep(time.Duration(rand.IntN(150)) * time.Millisecond)
		switch victim := rand.IntN(3); victim {
		case 0:
			s.Agent.Kill()
			if err := s.Agent.Start(ctx); err != nil {
				t.Fatalf("after %d kills: %v", n, err)
			}
			killed["agent"]++
		case 1:
			if !s.KillWorker() {
				continue
			}
			killed["worker"]++
		case 2:
			s.Cloud.Kill()
			if err := s.Cloud.Start(ctx); err != nil {
				t.Fatalf("after %d kills: %v", n, err)
			}
			killed["cloud"]++
		}
		n++
	}
	_ = stdin.Close()
	select {
	case <-ended:
	case <-time.After(4 * time.Minute):
		t.Fatal("the driver did not come to an end")
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("driver: %v", err)
	}
	t.Logf("killed %v; driver saw %v", killed, p.lines)
	check(t, s.check(t, ctx, p.object), p)
}

// check compares what the cloud holds with what was promised.
func check(t *testing.T, stored map[int64]string, p *promises) {
	t.Helper()
	if !p.ended {
		t.Error("the driver did not say END")
	}
	for version, sum := range p.acked {
		if stored[version] != sum {
			t.Errorf("version %d was acknowledged with content %.12s, the cloud has %.12s", version, sum, stored[version])
		}
	}
	for version, sum := range stored {
		if !p.tried[sum] {
			t.Errorf("version %d holds content %.12s that nobody saved", version, sum)
		}
	}
	have := map[string]bool{}
	for _, sum := range stored {
		have[sum] = true
	}
	for i, sum := range p.queued {
		if path, refused := p.left[i]; refused {
			b, err := os.ReadFile(path)
			if h := sha256.Sum256(b); path != "" && (err != nil || hex.EncodeToString(h[:]) != sum) {
				t.Errorf("content %s (%.12s) was queued, refused and said to lie in %s, which does not hold it: %v", i, sum, path, err)
			}
			continue
		}
		if !have[sum] {
			t.Errorf("content %s (%.12s) was promised as queued and is not in the cloud", i, sum)
		}
	}
	if p.lines["ACK"] < 20 {
		t.Errorf("only %d saves were acknowledged: the loop tried too little; notes: %v", p.lines["ACK"], p.notes)
	}
	for _, n := range p.notes {
		t.Log(n)
	}
}

func (p *promises) take(line string) {
	w := strings.Fields(line)
	if len(w) == 0 {
		return
	}
	p.lines[w[0]]++
	switch {
	case w[0] == "OBJECT" && len(w) == 2:
		p.object = w[1]
	case w[0] == "TRY" && len(w) == 3:
		p.tried[w[2]] = true
	case w[0] == "ACK" && len(w) == 4:
		version, err := strconv.ParseInt(w[2], 10, 64)
		if err != nil {
			p.notes = append(p.notes, line)
		}
		p.acked[version] = w[3]
		delete(p.queued, w[1])
	case w[0] == "QUEUED" && len(w) == 3:
		p.queued[w[1]] = w[2]
	case w[0] == "LEFT" && len(w) >= 4:
		_, quoted, _ := strings.Cut(line, w[2]+" ")
		path, err := strconv.Unquote(quoted)
		if err != nil {
			p.notes = append(p.notes, line)
		}
		p.left[w[1]] = path
	case w[0] == "END":
		p.ended = true
	case len(p.notes) < 60:
		p.notes = append(p.notes, line)
	}
}

// check reads every version of the object and returns version -> sha.
func (s *theStage) check(t *testing.T, ctx context.Context, object string) map[int64]string {
	t.Helper()
	owner, err := s.Cloud.Login(ctx, "zhang")
	if err != nil {
		t.Fatal(err)
	}
	versions, err := owner.Versions(ctx, object)
	if err != nil {
		t.Fatal(err)
	}
	stored := map[int64]string{}
	for _, v := range versions {
		files, err := owner.Content(ctx, s.Space, object, v)
		if err != nil {
			t.Errorf("version %d cannot be read: %v", v.Number, err)
			continue
		}
		if len(files) != 1 {
			t.Errorf("version %d has %d files, want 1", v.Number, len(files))
		}
		for _, b := range files {
			h := sha256.Sum256(b)
			stored[v.Number] = hex.EncodeToString(h[:])
		}
	}
	if len(stored) == 0 {
		t.Fatal(fmt.Errorf("object %s has no version", object))
	}
	return stored
}
