package events

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// compactingProgram is this test program as one that begins and ends operations, with
// so much data that the ledger is rewritten again and again, until it is killed.
const compactingProgram = "ISCDESK_TEST_COMPACTING"

// acknowledged is a line of that program: what is on disk from then on.
type acknowledged struct {
	ID    api.Operation
	Ended bool
}

const heldOpen = 4 // operations of each user that stay unfinished

func beginAndEnd(dir string) {
	k := sealer(9)
	e, err := Open(Config{Dir: dir, Clock: newClock(), Seal: k.seal, Open: k.open})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	out := make(chan acknowledged)
	for _, uid := range []caller.UID{"0", "1", "2"} {
		go func() {
			var open []*Op
			for n := 0; ; n++ {
				op, err := e.Begin(Owner{UID: uid}, api.MethodSave, largeNote, strings.Repeat("<", 60<<10))
				if err != nil {
					os.Exit(1)
				}
				out <- acknowledged{ID: op.ID()}
				if open = append(open, op); len(open) <= heldOpen {
					continue
				}
				if err := open[0].End("X", "X", map[string]string{"n": fmt.Sprint(n)}, false); err != nil {
					os.Exit(1)
				}
				out <- acknowledged{ID: open[0].ID(), Ended: true}
				open = open[1:]
			}
		}()
	}
	for a := range out {
		line, _ := json.Marshal(a) // plain data
		fmt.Println(string(line))
	}
}

// TestKilledWhileTheLedgerIsRewritten: whatever was acknowledged is there after a
// kill, and the temporary files that it leaves do not matter.
func TestKilledWhileTheLedgerIsRewritten(t *testing.T) {
	rewritten := false
	for kill := range 6 {
		dir := t.TempDir()
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), compactingProgram+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(map[api.Operation]bool)
		bytes := int64(0)
		dec := json.NewDecoder(out)
		for n := 0; ; n++ {
			var a acknowledged
			if err := dec.Decode(&a); err != nil {
				break
			}
			ended[a.ID] = a.Ended
			if !a.Ended {
				bytes += 60 << 10
			}
			if n == 50+kill*11 {
				_ = cmd.Process.Kill() // what it printed before is read to its end
			}
		}
		_ = cmd.Wait()
		if len(ended) < 25 {
			t.Fatalf("kill %d: only %d operations were begun", kill, len(ended))
		}
		if st, err := os.Stat(filepath.Join(dir, "operations.log")); err == nil && st.Size() < bytes {
			rewritten = true
		}
		k := sealer(9)
		var e *Events
		if e, err = Open(Config{Dir: dir, Clock: newClock(), Seal: k.seal, Open: k.open}); err != nil {
			t.Fatal(err)
		}
		for id, done := range ended {
			e.mu.Lock()
			op := e.ops[id]
			e.mu.Unlock()
			switch {
			case op == nil:
				t.Errorf("kill %d: operation %d is lost", kill, id)
			case done && op.r.State != api.OpDone:
				t.Errorf("kill %d: the end of operation %d is lost", kill, id)
			case string(op.comeBack) != largeNote:
				t.Errorf("kill %d: operation %d comes back with %.40q", kill, id, op.comeBack)
			}
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !rewritten {
		t.Error("no ledger was rewritten before its kill")
	}
}
