package events

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestOperationFromBeginToEnd(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	s := attach(t, e, alice, "")
	op, err := e.Begin(of(alice, s), api.MethodSave, `{"window":7}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	op.Emit(api.EventUploadStart, api.OperateUploadStart, map[string]string{"path": "/x"})
	if got := e.Get(alice, op.ID()); got.State != api.OpRunning || got.Event != nil || got.Method != api.MethodSave {
		t.Errorf("running: %+v", got)
	}
	end(t, op, map[string]string{api.ParamStatus: api.StatusSuccess})
	end(t, op, map[string]string{api.ParamStatus: "a second end"})
	op.Emit("LATE", "LATE", nil)
	got, _, _ := read(t, s, 0)
	if len(got) != 2 || got[1].Operation != op.ID() || string(got[1].Envelope.ComeBack) != `{"window":7}` ||
		got[1].Envelope.Params[api.ParamStatus] != api.StatusSuccess {
		t.Errorf("events %+v", got)
	}
	if op.Context().Err() == nil {
		t.Error("the context outlives the operation")
	}
	if st := e.Get(alice, op.ID()); st.State != api.OpDone || st.Event == nil || st.Event.ID != 2 {
		t.Errorf("done: %+v", st)
	}
	if e.Find("1000", op.ID()) != nil {
		t.Error("an ended operation is found as live")
	}
}

func TestComeBack(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	tests := []struct {
		name, text string
		want       api.Code
	}{
		{"none", "", api.OK},
		{"an object", `{"a":[1,{"b":null}]}`, api.OK},
		{"at the limit", `{"a":"` + strings.Repeat("x", api.MaxComeBack-8) + `"}`, api.OK},
		{"over the limit", `{"a":"` + strings.Repeat("x", api.MaxComeBack-7) + `"}`, api.TooLarge},
		{"an array", `[1]`, api.InvalidArgument},
		{"null", `null`, api.InvalidArgument},
		{"cut", `{"a":`, api.InvalidArgument},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := e.Begin(alice, api.MethodSave, tt.text, nil); api.CodeOf(err) != tt.want {
				t.Errorf("got %v, want code %d", err, tt.want)
			}
		})
	}
}

func TestOperationsAreBounded(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	var last *Op
	for range api.MaxOperations {
		last = begin(t, e, alice)
	}
	if _, err := e.Begin(alice, api.MethodSave, "", nil); api.CodeOf(err) != api.Busy {
		t.Errorf("one too many: %v", err)
	}
	begin(t, e, Owner{UID: "1001"})
	end(t, last, nil)
	begin(t, e, alice)
	if err := last.SetData(strings.Repeat("x", maxData)); api.CodeOf(err) != api.TooLarge {
		t.Errorf("data over its limit: %v", err)
	}
}

func TestOtherUsersAndProductsSeeNothing(t *testing.T) {
	e := open(t, t.TempDir(), newClock())
	op := begin(t, e, alice)
	for name, o := range map[string]Owner{
		"another user":    {UID: "1001", Product: "cad"},
		"another product": {UID: "1000", Product: "cam"},
		"a tool":          {UID: "1000"},
	} {
		if got := e.Get(o, op.ID()); got.State != api.OpUnknown || got.Method != "" {
			t.Errorf("%s sees %+v", name, got)
		}
		if err := e.Cancel(o, op.ID()); api.CodeOf(err) != api.NotFound {
			t.Errorf("%s cancels: %v", name, err)
		}
		if n := len(e.List(o).Operations); n != 0 {
			t.Errorf("%s lists %d", name, n)
		}
	}
	if e.Find("1001", op.ID()) != nil {
		t.Error("another user's worker finds it")
	}
	if err := e.Cancel(alice, op.ID()); err != nil {
		t.Fatal(err)
	}
	if api.CodeOf(context.Cause(op.Context())) != api.Cancelled {
		t.Errorf("cause %v", context.Cause(op.Context()))
	}
}

func TestRestartKeepsWhatWasNotDelivered(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	e := open(t, dir, c)
	s := attach(t, e, alice, "")
	o := of(alice, s)
	running, queued, done := begin(t, e, o), begin(t, e, o), begin(t, e, o)
	if err := running.SetData(map[string]int{"try": 2}); err != nil {
		t.Fatal(err)
	}
	if err := queued.Queue(api.EventSaveResult, api.OperateSaveResult, map[string]string{"queued": "true"}); err != nil {
		t.Fatal(err)
	}
	end(t, done, map[string]string{api.ParamStatus: api.StatusSuccess})
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}

	again := open(t, dir, c)
	left := again.Unfinished()
	if len(left) != 2 || left[0].ID() != running.ID() || left[1].ID() != queued.ID() {
		t.Fatalf("unfinished %v", left)
	}
	var data map[string]int
	if err := left[0].Data(&data); err != nil || data["try"] != 2 {
		t.Errorf("data %v, %v", data, err)
	}
	if left[0].Owner() != o || left[0].Method() != api.MethodSave {
		t.Errorf("owner %+v method %s", left[0].Owner(), left[0].Method())
	}
	if st := again.Get(alice, queued.ID()).State; st != api.OpQueued || again.Queued("1000") != 1 {
		t.Errorf("queued is %s", st)
	}
	// The application comes back with the session of before.
	back, resumed, err := again.Attach(alice, s.Secret())
	if err != nil || resumed || back.ID() != s.ID() || back.Epoch() == s.Epoch() {
		t.Fatalf("resumed %v, %v", resumed, err)
	}
	got, _, _ := read(t, back, 0)
	if len(got) != 2 || got[1].Operation != done.ID() || got[1].Epoch != back.Epoch() || got[1].ID != 2 {
		t.Fatalf("the result of before is not in the new ring: %+v", got)
	}
	// The report that a save is queued may have been lost with the ring as well.
	if got[0].Operation != queued.ID() || got[0].Envelope.Params["queued"] != "true" || got[0].ID != 1 {
		t.Errorf("what is queued does not stand in the new ring: %+v", got[0])
	}
	end(t, left[0], nil)
	if got, _, _ = read(t, back, 2); len(got) != 1 || got[0].Operation != running.ID() {
		t.Errorf("an operation of before does not report to its session: %+v", got)
	}
}

func TestDelivery(t *testing.T) {
	c := newClock()
	tests := []struct {
		name string
		do   func(e *Events, s *Session, op *Op)
		kept map[time.Duration]bool // after this long, is the result there?
	}{
		{"nobody read it", func(*Events, *Session, *Op) {},
			map[time.Duration]bool{api.OperationKeep - time.Second: true, api.OperationKeep: false}},
		{"it was written", func(_ *Events, s *Session, _ *Op) { s.Written(1) },
			map[time.Duration]bool{deliveredKeep - time.Second: true, deliveredKeep: false}},
		{"it was asked for", func(e *Events, _ *Session, op *Op) { e.Get(alice, op.ID()) },
			map[time.Duration]bool{deliveredKeep - time.Second: true, deliveredKeep: false}},
		{"a cursor confirmed it", func(_ *Events, s *Session, _ *Op) { s.Subscribe(s.Epoch(), 1) },
			map[time.Duration]bool{0: false}},
		{"a cursor before it", func(_ *Events, s *Session, _ *Op) { s.Subscribe(s.Epoch(), 0) },
			map[time.Duration]bool{deliveredKeep: true}},
	}
	for _, tt := range tests {
		for after, kept := range tt.kept {
			t.Run(fmt.Sprint(tt.name, " ", after), func(t *testing.T) {
				dir := t.TempDir()
				e := open(t, dir, c)
				s := attach(t, e, alice, "")
				op := begin(t, e, of(alice, s))
				end(t, op, nil)
				tt.do(e, s, op)
				c.Advance(after)
				e.tick(c.Now())
				if got := e.Get(alice, op.ID()).State; (got != api.OpUnknown) != kept {
					t.Errorf("state %s, want kept %v", got, kept)
				}
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
				if got := open(t, dir, c).Get(alice, op.ID()).State; (got != api.OpUnknown) != kept {
					t.Errorf("after a restart: state %s, want kept %v", got, kept)
				}
			})
		}
	}
}

func TestLedgerIsRewrittenWhenItIsMostlyHistory(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	e := open(t, dir, c)
	kept := begin(t, e, alice)
	var wg sync.WaitGroup
	for w := range 4 { // concurrent changes while the ledger is rewritten
		wg.Go(func() {
			op, err := e.Begin(Owner{UID: caller.UID(strconv.Itoa(2000 + w))}, api.MethodSave, "", nil)
			if err != nil {
				t.Error(err)
				return
			}
			for i := range 40 {
				if err := op.SetData(strings.Repeat(string(rune('a'+i%26)), 10<<10)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if size := e.ledger.log.Size(); size > compactAt+200<<10 {
		t.Errorf("the ledger has grown to %d bytes", size)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir, c)
	if n := len(again.Unfinished()); n != 5 || again.Find("1000", kept.ID()) == nil {
		t.Errorf("%d operations after a rewrite, want 5", n)
	}
	var data string
	if err := again.Unfinished()[1].Data(&data); err != nil || data[0] != 'n' {
		t.Errorf("the last change is lost: %.10q, %v", data, err)
	}
}

// numbersProgram is this test program as one that gives out numbers until it is killed.
const numbersProgram = "ISCDESK_TEST_NUMBERS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(numbersProgram); dir != "" {
		giveOutNumbers(dir)
	}
	if dir := os.Getenv(compactingProgram); dir != "" {
		beginAndEnd(dir)
	}
	os.Exit(m.Run())
}

// giveOutNumbers prints each number once it was given out.
func giveOutNumbers(dir string) {
	e, err := Open(Config{Dir: dir, Clock: newClock()})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for {
		op, err := e.Begin(alice, api.MethodSave, "", nil)
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(op.ID())
		if err := op.End("X", "X", nil, false); err != nil {
			os.Exit(1)
		}
	}
}

func TestNumbersAreNotUsedAgainAfterKills(t *testing.T) {
	dir := t.TempDir()
	seen := make(map[api.Operation]bool)
	for kill := range 8 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), numbersProgram+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(out)
		for n := 0; ; n++ {
			var id api.Operation
			if err := dec.Decode(&id); err != nil {
				break
			}
			if seen[id] {
				t.Errorf("number %d was given out twice", id)
			}
			seen[id] = true
			if n == 3+kill*7 {
				_ = cmd.Process.Kill() // what it printed before is read to its end
			}
		}
		_ = cmd.Wait()
	}
	if len(seen) < 8 {
		t.Fatalf("only %d numbers were given out", len(seen))
	}
	if _, err := os.Stat(filepath.Join(dir, "operations.next")); err != nil {
		t.Error(err)
	}
}
