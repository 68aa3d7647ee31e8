package merchant

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// killVar makes TestKillChild an ISV's server; it names the database.
const killVar = "MERCHANT_TEST_DATABASE"

// TestKillChild is the process that TestKill starts and kills: an ISV's server with two ways of making
// instances. Orders U… go into a table where the instance id is unique; orders R… go into one that has no
// unique key at all, in the transaction of Attempt.Record.
func TestKillChild(t *testing.T) {
	path := os.Getenv(killVar)
	if path == "" {
		t.Skip("only TestKill runs this, as a process of its own")
	}
	db, err := sql.Open("sqlite", sqlite.DSN(path))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE IF NOT EXISTS by_key (id TEXT PRIMARY KEY, line TEXT);
		CREATE TABLE IF NOT EXISTS by_record (id TEXT, line TEXT);
		CREATE TABLE IF NOT EXISTS uploads (event TEXT, content TEXT)`); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Use(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	pause := func() { // every fourth one is longer than an answer may take
		time.Sleep(time.Duration(rand.IntN(3000)) * time.Microsecond)
		if rand.IntN(4) == 0 {
			time.Sleep(10 * time.Millisecond)
		}
	}
	fault := func() error { // before the work, or after it: then only its answer is lost
		if rand.IntN(4) == 0 {
			return errPlanted
		}
		return nil
	}
	upload := func(ctx context.Context, event string, l License) error {
		if err := fault(); err != nil {
			return err
		}
		_, err := db.ExecContext(ctx, `INSERT INTO uploads (event, content) VALUES (?, ?)`, event, string(l.Content))
		pause()
		return errors.Join(err, fault())
	}
	h, err := New(Options{Keys: Keys{Base: []string{baseKey}}, Store: s, Upload: upload, AnswerWithin: 5 * time.Millisecond, RetryAfter: 2 * time.Millisecond, longest: 50 * time.Millisecond, Calls: Callbacks{
		GetLicenseAsync: func(context.Context, wire.GetLicenseAsync, Attempt) (License, error) {
			pause()
			return License{Content: []byte(sign.NewNonce())}, fault() // another one each time: only one may ever be seen
		},
		NewInstance: func(ctx context.Context, r wire.NewInstance, a Attempt) (Provision, error) {
			pause()
			if err := fault(); err != nil {
				return 0, err
			}
			if strings.HasPrefix(r.OrderID, "U") {
				_, err := db.ExecContext(ctx, `INSERT INTO by_key (id, line) VALUES (?, ?) ON CONFLICT DO NOTHING`, a.InstanceID, r.OrderLineID)
				pause()
				return Provisioned, errors.Join(err, fault())
			}
			tx, err := db.BeginTx(ctx, nil)
			if err != nil {
				return 0, err
			}
			defer tx.Rollback()
			if _, err := tx.ExecContext(ctx, `INSERT INTO by_record (id, line) VALUES (?, ?)`, a.InstanceID, r.OrderLineID); err != nil {
				return 0, err
			}
			if err := a.Record(ctx, tx); err != nil {
				return 0, err
			}
			err = tx.Commit()
			pause()
			return Provisioned, errors.Join(err, fault())
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println("listening", l.Addr())
	t.Fatal(http.Serve(l, h)) // only a kill ends it
}

// TestKill kills the server at random moments in 200 rounds, while several callers ask for new order
// lines. A fourth of all callbacks and uploads fails. The callers do what the marketplace does: what was answered with success or
// 000004 is never asked for again; instances are polled, licences waited for. At the end a look into the ISV's own tables, past the handler, finds
// exactly one instance for each line, under the id that every answer named, and one licence for each
// application, whatever was uploaded how often.
func TestKill(t *testing.T) {
	rounds := killRounds
	if testing.Short() || runtime.GOOS == "windows" { // there the programs run under Wine, which starts them slowly
		rounds = 20
	}
	path := filepath.Join(t.TempDir(), "isv.db")
	var mu sync.Mutex // guards what is below
	told := map[string]string{}
	accepted := map[int]bool{}
	answers := map[wire.Code]int{}
	known := func(n int) (bool, string) {
		mu.Lock()
		defer mu.Unlock()
		_, line := orderOf(n)
		return accepted[n], told[line]
	}
	note := func(n int, a wire.Answer) {
		mu.Lock()
		defer mu.Unlock()
		answers[a.ResultCode]++
		if a.ResultCode == wire.Success || a.ResultCode == wire.Processing {
			accepted[n] = true
		}
		_, line := orderOf(n)
		if a.InstanceID == "" {
			return
		}
		if was, known := told[line]; known && was != a.InstanceID {
			t.Errorf("line %s: instance %s, then %s", line, was, a.InstanceID)
		}
		told[line] = a.InstanceID
	}
	// step asks for the n-th once, or polls for it when it was accepted; done says that there is nothing more to ask.
	step := func(ctx context.Context, url string, n int) (done bool, err error) {
		was, id := known(n)
		if was && n%3 == 0 {
			return true, nil
		}
		request := requestOf(n)
		if was {
			request = wire.QueryInstance{InstanceID: id}
		}
		a, err := send(ctx, url, request)
		if err == nil {
			note(n, a)
		}
		return err == nil && (a.ResultCode == wire.Success || n%3 == 0 && a.ResultCode == wire.Processing), err
	}
	lines := 0
	for range rounds {
		url, kill := startChild(t, path)
		var wg sync.WaitGroup
		ctx, end := context.WithCancel(t.Context())
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					// Mostly the newest lines: those are the ones that a kill has cut.
					n := max(0, lines+1+rand.IntN(6)-rand.IntN(9))
					_, _ = step(ctx, url, n) // a kill cuts what it meets
				}
			})
		}
		time.Sleep(time.Duration(rand.IntN(25_000)) * time.Microsecond)
		kill()
		end()
		wg.Wait()
		lines += rand.IntN(4)
	}
	url, kill := startChild(t, path)
	defer kill()
	all := lines + 8
	for n := range all {
		for try := 0; ; try++ {
			done, err := step(t.Context(), url, n)
			if err != nil || try > 2000 {
				t.Fatalf("line %d: %v", n, err)
			}
			if done {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
	db, err := sql.Open("sqlite", sqlite.DSN(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for try := 0; ; try++ { // nobody asks any more: the server itself brings the rest
		var owed int
		if err := db.QueryRow(`SELECT count(*) FROM merchant_calls WHERE due IS NOT NULL`).Scan(&owed); err != nil || try > 2000 {
			t.Fatalf("%d licences are still owed: %v", owed, err)
		}
		if owed == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	rows, err := db.Query(`SELECT line, id FROM by_key UNION ALL SELECT line, id FROM by_record`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	made := map[string]int{}
	for rows.Next() {
		var line, id string
		if err := rows.Scan(&line, &id); err != nil {
			t.Fatal(err)
		}
		if made[line]++; made[line] > 1 || told[line] != id {
			t.Errorf("line %s has instance %s, number %d; the marketplace was told %s", line, id, made[line], told[line])
		}
	}
	var licences, differing int
	if err := db.QueryRow(`SELECT count(*), coalesce(sum(n > 1), 0) FROM (SELECT count(DISTINCT content) AS n FROM uploads GROUP BY event)`).Scan(&licences, &differing); err != nil {
		t.Fatal(err)
	}
	if licences != (all+2)/3 || differing != 0 {
		t.Errorf("%d applications have a licence, want %d; %d have two", licences, (all+2)/3, differing)
	}
	if err := rows.Err(); err != nil || len(made) != all-(all+2)/3 {
		t.Errorf("%d lines have an instance, want %d; %v", len(made), all-(all+2)/3, err)
	}
	var again int
	if err := db.QueryRow(`SELECT count(*) FROM merchant_calls WHERE attempts > 1`).Scan(&again); err != nil || again == 0 && rounds > 100 {
		t.Errorf("%d lines were cut and begun again: the kills hit nothing; %v", again, err)
	}
	t.Logf("%d rounds, %d lines, %d licences, %d begun again after a kill; answers %v", rounds, len(made), licences, again, answers)
}

// TestASecondProcessIsRefused while the first one lives, and not when it was killed.
func TestASecondProcessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "isv.db")
	_, kill := startChild(t, path)
	ctx, end := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer end()
	if s, err := sqlite.Open(ctx, path); err == nil {
		s.Close()
		t.Error("two processes have one store")
	}
	kill()
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// orderOf and requestOf make the n-th call: an application for a licence, an instance by key, an instance by record.
func orderOf(n int) (order, line string) {
	order = fmt.Sprintf("%cS%06d", "LUR"[n%3], n)
	return order, order + "-000001"
}

func requestOf(n int) wire.Request {
	order, line := orderOf(n)
	if n%3 == 0 {
		return wire.GetLicenseAsync{EventID: order, InstanceID: "i", EffectiveTime: "2026-01-01 00:00:00 z"}
	}
	return wire.NewInstance{BusinessID: sign.NewNonce(), OrderID: order, OrderLineID: line}
}

// send makes a call as the marketplace does.
func send(ctx context.Context, url string, request wire.Request) (a wire.Answer, err error) {
	body, err := wire.Encode(request)
	if err != nil {
		return a, err
	}
	query := sign.SignProduction(baseKey, sign.NewNonce(), clock.System{}.Now(), body).Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"?"+query, bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return a, err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err == nil {
		err = json.Unmarshal(text, &a)
	}
	return a, errors.Join(err, sign.VerifyBodySign(baseKey, w.Header.Get("Body-Sign"), text))
}

// startChild starts the server; kill ends it as a crash does.
func startChild(t *testing.T, path string) (url string, kill func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestKillChild$")
	cmd.Env = append(os.Environ(), killVar+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_, _ = io.Copy(io.Discard, out)
		_ = cmd.Wait() // killed: its error is expected
	})
	t.Cleanup(kill)
	var address string
	if _, err := fmt.Fscanf(out, "listening %s\n", &address); err != nil {
		rest, _ := io.ReadAll(out)
		t.Fatalf("start server: %v\n%s", err, rest)
	}
	return "http://" + address, kill
}
