package atomicfile

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"
)

// childVar makes the test binary the child of a kill test; it names the folder.
const childVar = "ATOMICFILE_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		child(dir)
		os.Exit(1) // only a kill ends a child
	}
	os.Exit(m.Run())
}

// child appends numbers from several goroutines and replaces a file, and prints
// each thing that was acknowledged.
func child(dir string) {
	l, records, err := OpenLog(filepath.Join(dir, "x.log"), 0o600)
	if err != nil {
		fmt.Println("error", err)
		return
	}
	var out sync.Mutex // one line at a time
	say := func(kind string, n int) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(kind, n)
	}
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := (len(records) + g + 1) * 1000; ; n++ {
				if err := l.Append([]byte(strconv.Itoa(g*1_000_000_000 + n))); err != nil {
					fmt.Println("error", err)
					return
				}
				say("log", g*1_000_000_000+n)
			}
		})
	}
	wg.Go(func() {
		for n := 1; ; n++ {
			if err := WriteFile(filepath.Join(dir, "file"), []byte(fmt.Sprintf("%d %0*d", n, n%3000, 0)), 0o600); err != nil {
				fmt.Println("error", err)
				return
			}
			say("file", n)
		}
	})
	wg.Wait()
}

// TestKill kills a writer at random moments: all that it acknowledged must be
// there, and nothing may be half there.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	acked := map[string]bool{}
	for round := range 12 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), childVar+"="+dir)
		cmd.Stderr = os.Stderr
		pipe, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lastFile, lines, kill := 0, 0, 1+rand.IntN(200)
		in := bufio.NewScanner(pipe)
		for in.Scan() {
			var kind string
			var n int
			if _, err := fmt.Sscan(in.Text(), &kind, &n); err != nil || kind == "error" {
				if in.Err() == nil && kind == "error" {
					t.Fatal(in.Text())
				}
				continue // a line cut by the kill
			}
			if kind == "log" {
				acked[strconv.Itoa(n)] = true
			} else {
				lastFile = n
			}
			if lines++; lines == kill {
				time.AfterFunc(time.Duration(rand.IntN(2000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			}
		}
		_, _ = io.Copy(io.Discard, pipe)
		_ = cmd.Wait() // killed: its error is expected
		if err := Clean(dir); err != nil {
			t.Fatal(err)
		}
		l, records, err := OpenLog(filepath.Join(dir, "x.log"), 0o600)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		have := map[string]bool{}
		for _, r := range records {
			have[string(r)] = true
		}
		for r := range acked {
			if !have[r] {
				t.Fatalf("round %d: acknowledged record %s is lost", round, r)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if b, err := ReadFile(filepath.Join(dir, "file"), 1<<20); err == nil {
			var n, zero int
			if _, err := fmt.Sscan(string(b), &n, &zero); err != nil || n < lastFile ||
				string(b) != fmt.Sprintf("%d %0*d", n, n%3000, 0) {
				t.Fatalf("round %d: the file is %.40q after %d was acknowledged", round, b, lastFile)
			}
		} else if lastFile > 0 {
			t.Fatalf("round %d: %v", round, err)
		}
	}
	if len(acked) < 100 {
		t.Errorf("only %d appends were acknowledged: the test proves little", len(acked))
	}
}
