package files

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/blob"
)

var (
	killRounds = flag.Int("kills", 12, "how many times the kill loop kills")
	saverDir   = flag.String("saver-dir", "", "internal: be the process that is killed, in this folder")
	saverRound = flag.Int("saver-round", 0, "internal: the round, part of the names")
)

// perRound is more saves than a round can finish.
const perRound = 10_000

func killSave(t testing.TB, round, i int) saved {
	data := bytes.Repeat([]byte(fmt.Sprintf("round %d save %d\n", round, i)), 20_000)
	return newSave(t, fmt.Sprintf("%03d-%05d.stl", round, i), data)
}

// TestSaver is the process that TestKillLoop kills: it saves without end and says what was
// acknowledged.
func TestSaver(t *testing.T) {
	if *saverDir == "" {
		t.Skip("only as the kill loop's child")
	}
	r := open(t, *saverDir)
	for i := range perRound {
		s := killSave(t, *saverRound, i)
		must(t, r.PutPack(t.Context(), r.space, s.packSum, bytes.NewReader(s.pack)))
		fmt.Printf("packed %d\n", i)
		must(t, r.PutManifest(t.Context(), r.space, s.manifestS, bytes.NewReader(s.manifest)))
		_, err := r.commit(t.Context(), s)
		must(t, err)
		fmt.Printf("saved %d\n", i)
	}
}

// TestKillLoop kills a saving process at random moments. Whatever it had acknowledged is
// there afterwards, and whatever is visible is whole.
func TestKillLoop(t *testing.T) {
	rounds := *killRounds
	if testing.Short() {
		rounds = 3
	}
	dir := t.TempDir()
	open := func(t *testing.T) *room { return open(t, dir) }
	t.Run("make", func(t *testing.T) { open(t) })
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	between, total := 0, 0
	for round := range rounds {
		packed, done := kill(t, dir, round, time.Duration(random.IntN(60_000))*time.Microsecond)
		if packed > done {
			between++
		}
		total += done
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) { check(t, open(t), round, packed, done) })
	}
	t.Logf("%d kills, %d acknowledged saves, %d kills between pack and version", rounds, total, between)
	if total == 0 {
		t.Error("nothing was ever acknowledged: the loop tried nothing")
	}
}

// kill runs a saver and kills it some time after its first word. It returns how many packs and how
// many saves were acknowledged.
func kill(t *testing.T, dir string, round int, after time.Duration) (packed, done int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestSaver$", "-test.v=false", "-saver-dir="+dir, "-saver-round="+strconv.Itoa(round))
	out, err := cmd.StdoutPipe()
	must(t, err)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	must(t, cmd.Start())
	timer := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if packed+done == 0 {
			time.AfterFunc(after, func() { _ = cmd.Process.Kill() })
		}
		switch word, n, _ := strings.Cut(lines.Text(), " "); word {
		case "packed":
			packed++
		case "saved":
			done++
		default:
			t.Fatalf("the saver says %q %q", word, n)
		}
	}
	if err := cmd.Wait(); err == nil || stderr.Len() > 0 || packed == 0 {
		t.Fatalf("the saver ended by itself: %v %s", err, stderr.String())
	}
	return packed, done
}

func check(t *testing.T, r *room, round, packed, done int) {
	ctx := t.Context()
	_, entries, _, err := r.store.Folder(ctx, r.who, r.space, "", "", 1_000_000)
	must(t, err)
	seen := map[string]bool{}
	for _, e := range entries {
		seen[e.Name] = true
		var rn, i int
		if _, err := fmt.Sscanf(e.Name, "%03d-%05d.stl", &rn, &i); err != nil {
			t.Fatalf("an entry %q that nobody made", e.Name)
		}
		if rn != round {
			continue // looked at in its own round
		}
		if got, err := r.content(ctx, e.ID); err != nil || !bytes.Equal(got, killSave(t, rn, i).data) {
			t.Errorf("%s is visible with %d bytes: %v", e.Name, len(got), err)
		}
	}
	for i := range packed {
		s := killSave(t, round, i)
		if i < done && !seen[s.name] {
			t.Errorf("%s was acknowledged and is gone", s.name)
		}
		have, err := r.store.HasPack(ctx, r.space, s.packSum)
		if err != nil || !have {
			t.Errorf("pack of %s was acknowledged and is not indexed: %v", s.name, err)
		}
	}
	// The pack that was on its way is indexed with its bytes or not at all, and both can be repeated.
	next := killSave(t, round, packed)
	have, err := r.store.HasPack(ctx, r.space, next.packSum)
	must(t, err)
	_, err = r.blobs.Stat(ctx, blob.Name{Space: r.space, Kind: blob.Pack, Sum: next.packSum})
	if have && errors.Is(err, blob.ErrNotFound) {
		t.Error("a pack is indexed without its bytes")
	}
	last := killSave(t, round, done)
	again, err := r.save(ctx, last)
	must(t, err)
	if got, err := r.content(ctx, again.Object); err != nil || !bytes.Equal(got, last.data) {
		t.Errorf("the interrupted save, repeated: %d bytes, %v", len(got), err)
	}
}
