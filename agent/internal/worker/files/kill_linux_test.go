package files

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/worker/transfer/transfertest"
	"github.com/iscdesk/iscdesk/agent/internal/workerapi"
	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// killRounds is how often the loop kills a worker. The loop over agent, worker and
// cloud together is an end-to-end test of its own.
const killRounds = 50

// childEnv holds the request of a child: this test's program, run as a worker.
const childEnv = "ISCDESK_TEST_WORKER"

type childAsk struct {
	Home  string
	Start workerapi.Start
	Store *workerapi.Store
	Fetch *workerapi.Fetch
}

type childAnswer struct {
	Stored  workerapi.Stored
	Fetched workerapi.Fetched
	Code    api.Code
	Error   string
}

func TestMain(m *testing.M) {
	if ask := os.Getenv(childEnv); ask != "" {
		child(ask)
		return
	}
	os.Exit(m.Run())
}

func child(text string) {
	var ask childAsk
	var answer childAnswer
	err := json.Unmarshal([]byte(text), &ask)
	var r *Room
	if err == nil {
		r, err = New(Config{Home: ask.Home, Start: ask.Start, Service: silent{}, Clock: clock.System{}})
	}
	switch {
	case err != nil:
	case ask.Store != nil:
		answer.Stored, err = r.Store(context.Background(), *ask.Store)
	default:
		answer.Fetched, err = r.Fetch(context.Background(), *ask.Fetch)
	}
	if err != nil {
		answer.Code, answer.Error = api.CodeOf(err), err.Error()
	}
	_ = json.NewEncoder(os.Stdout).Encode(answer) // a parent that left reads nothing
}

// killer runs requests in children that it may kill.
type killer struct {
	t      *testing.T
	cloud  *transfertest.Real
	home   string
	span   time.Duration // the shortest that a whole request took
	killed int
}

// run asks a child. after < 0 lets it end; else it is killed then, and ok tells
// whether its answer came before.
func (k *killer) run(ask childAsk, after time.Duration) (answer childAnswer, ok bool) {
	k.t.Helper()
	ask.Home, ask.Start = k.home, workerapi.Start{Cloud: k.cloud.Base, CAPEM: string(k.cloud.CA), Proxy: "direct", Build: "test"}
	text, err := json.Marshal(ask)
	if err != nil {
		k.t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	if after >= 0 {
		t := time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		defer t.Stop()
	}
	err = cmd.Wait()
	if took := time.Since(began); err == nil {
		if k.span == 0 || took < k.span {
			k.span = took
		}
	} else {
		k.killed++
	}
	ok = json.Unmarshal(out.Bytes(), &answer) == nil
	return answer, ok
}

func (k *killer) moment() time.Duration { return time.Duration(rand.Int64N(int64(k.span)*11/10 + 1)) }

// cloudHolds fetches the newest version into a fresh home and returns it.
func (k *killer) cloudHolds(object string) (version int64, content []byte) {
	k.t.Helper()
	home, err := os.MkdirTemp(k.t.TempDir(), "checker")
	if err != nil {
		k.t.Fatal(err)
	}
	defer os.RemoveAll(home)
	v := k.cloud.Newest(object)
	r := newRoom(k.t, home, k.cloud.HTTP())
	key := fmt.Sprintf("checker-%016x", rand.Uint64())
	got, err := r.Fetch(context.Background(), workerapi.Fetch{Operation: 1, Token: k.cloud.Transfer("read", key, object), Space: k.cloud.Space,
		SpaceName: "Parts", Object: object, Name: "part.stl", Kind: "file", Version: v})
	if err != nil {
		k.t.Fatalf("the checker cannot read version %d: %v", v.Number, err)
	}
	return v.Number, read(k.t, got.MainFile)
}

// Workers are killed at random moments of saves and opens. Outside stands a
// checker that knows what was acknowledged: an acknowledged save is in the cloud,
// once; a save that is taken up ends as the snapshot that it was or says that it
// cannot; at a path stands the old or the new version, whole; unsaved work is there.
func TestKilledWorkers(t *testing.T) {
	k := &killer{t: t, cloud: transfertest.StartReal(t), home: t.TempDir()}
	path := filepath.Join(k.home, "work", "part.stl")
	content := random(1, 3<<20)
	write(t, path, content)
	key := "kill-loop-seed-000000"
	first, ok := k.run(childAsk{Store: &workerapi.Store{Operation: 1, Key: key, Token: k.cloud.Transfer("write", key, ""), Path: path,
		Space: k.cloud.Space, SpaceName: "Parts", Name: "part.stl", Account: transfertest.Account}}, -1)
	if !ok || first.Code != api.OK {
		t.Fatalf("%+v", first)
	}
	r := newRoom(t, k.home, k.cloud.HTTP())
	if err := r.Discard(context.Background(), workerapi.Staged{Key: key}); err != nil {
		t.Fatal(err)
	}
	rounds := killRounds
	if testing.Short() {
		rounds = killRounds / 5
	}
	object, version := first.Stored.Object, int64(1)
	for n := 1; n <= rounds; n++ {
		if n%2 == 0 {
			k.saveRound(r, n, path, object, &version, &content)
		} else {
			k.openRound(r, n, object, version, content)
		}
	}
	if k.killed < rounds/4 {
		t.Errorf("only %d of %d children were killed before they ended", k.killed, rounds)
	}
	t.Logf("%d children killed in %d rounds, newest version %d", k.killed, rounds, version)
}

// saveRound saves an edit, kills the worker, and takes the save up again. In every
// fifth round the file is changed in between, as an application that goes on does.
func (k *killer) saveRound(r *Room, n int, path, object string, version *int64, content *[]byte) {
	k.t.Helper()
	ctx := context.Background()
	in, err := r.Inspect(ctx, workerapi.Inspect{Path: path})
	if err != nil || in.Version != *version || in.Object != object {
		k.t.Fatalf("round %d: the ledger says %+v (%v), the cloud %d", n, in, err, *version)
	}
	saved := edit(*content, n)
	write(k.t, path, saved)
	s := workerapi.Store{Operation: api.Operation(n + 1), Key: fmt.Sprintf("kill-loop-round-%06d", n), Path: path, Space: k.cloud.Space, SpaceName: "Parts",
		Object: object, Base: in.Version, Fence: in.Fence, Name: "part.stl", Account: transfertest.Account}
	s.Token = k.cloud.Transfer("write", s.Key, object)
	answer, acknowledged := k.run(childAsk{Store: &s}, k.moment())
	now := saved
	if !acknowledged && n%5 == 0 {
		now = edit(saved, n+7)
		write(k.t, path, now)
	}
	if !acknowledged {
		s.Token = k.cloud.Transfer("write", s.Key, object)
		if answer, acknowledged = k.run(childAsk{Store: &s}, -1); !acknowledged {
			k.t.Fatalf("round %d: no answer", n)
		}
	}
	number, holds := k.cloudHolds(object)
	switch {
	case answer.Code == api.FileChanging && !bytes.Equal(now, saved):
		if number != *version || !bytes.Equal(holds, *content) {
			k.t.Fatalf("round %d: refused, but the cloud went on to version %d", n, number)
		}
	case answer.Code != api.OK || answer.Stored.Queued:
		k.t.Fatalf("round %d: %+v", n, answer)
	case number != *version+1 || answer.Stored.Version != number:
		k.t.Fatalf("round %d: version %d after %d, answered %d", n, number, *version, answer.Stored.Version)
	case !bytes.Equal(holds, saved) && !bytes.Equal(holds, now):
		k.t.Fatalf("round %d: the cloud holds neither state", n)
	default:
		*version, *content = number, holds
	}
	equalFile(k.t, path, now)
	if err := r.Discard(ctx, workerapi.Staged{Operation: s.Operation, Key: s.Key}); err != nil {
		k.t.Fatal(err)
	}
	if p, err := r.Pending(ctx); err != nil || len(p.Stores) != 0 {
		k.t.Fatalf("round %d: pending %+v, %v", n, p, err)
	}
	if !bytes.Equal(now, *content) { // later work is not taken for the base
		e, _, err := r.lookup(path)
		if err != nil || r.untouched(ctx, holding(k.t, path), e) {
			k.t.Fatalf("round %d: unsaved work counts as saved (%v)", n, err)
		}
	}
	write(k.t, path, *content)
}

// openRound opens the newest version into the workspace, over unsaved work in
// every third round, kills the worker, and opens again.
func (k *killer) openRound(r *Room, n int, object string, version int64, content []byte) {
	k.t.Helper()
	dest := filepath.Join(k.home, "ISCDesk", "Parts", "part.stl")
	old, err := os.ReadFile(dest)
	there := err == nil
	mine := there && n%3 == 0
	if mine {
		old = []byte(fmt.Sprint("unsaved work of round ", n))
		write(k.t, dest, old)
	}
	f := workerapi.Fetch{Operation: api.Operation(n + 1), Space: k.cloud.Space, SpaceName: "Parts", Object: object, Name: "part.stl", Kind: "file",
		Version: k.cloud.Newest(object), Account: transfertest.Account, Path: []string{}}
	key := fmt.Sprintf("kill-loop-open-%06d", n)
	f.Token = k.cloud.Transfer("read", key, object)
	answer, acknowledged := k.run(childAsk{Fetch: &f}, k.moment())
	if b, err := os.ReadFile(dest); err == nil || there {
		if err != nil || !bytes.Equal(b, old) && !bytes.Equal(b, content) {
			k.t.Fatalf("round %d: after a kill %d bytes stand at the path (%v): neither the old nor the new version", n, len(b), err)
		}
	}
	if !acknowledged {
		f.Token = k.cloud.Transfer("read", key, object)
		if answer, acknowledged = k.run(childAsk{Fetch: &f}, -1); !acknowledged {
			k.t.Fatalf("round %d: no answer", n)
		}
	}
	if answer.Code != api.OK {
		k.t.Fatalf("round %d: %+v", n, answer)
	}
	b := read(k.t, dest)
	switch {
	case answer.Fetched.KeptLocal && mine:
		if !bytes.Equal(b, old) {
			k.t.Fatalf("round %d: work that was to stay is gone", n)
		}
		write(k.t, dest, content)
	case !bytes.Equal(b, content):
		k.t.Fatalf("round %d: version %d did not land", n, version)
	case mine && answer.Fetched.ConflictCopy == "":
		k.t.Fatalf("round %d: unsaved work went somewhere: %+v", n, answer)
	case mine:
		equalFile(k.t, answer.Fetched.ConflictCopy, old)
	}
	for _, name := range list(k.t, filepath.Dir(dest)) {
		if strings.HasPrefix(name, hidden) {
			k.t.Fatalf("round %d: %s was left behind", n, name)
		}
	}
}
