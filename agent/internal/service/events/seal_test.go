package events

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/iscdesk/iscdesk/internal/clock/clocktest"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// sealer hides records under a key of one byte: enough to see who seals and opens.
type sealer byte

func (k sealer) seal(b []byte) ([]byte, error) {
	out := []byte{byte(k)}
	for _, c := range b {
		out = append(out, c^byte(k))
	}
	return out, nil
}

func (k sealer) open(b []byte) ([]byte, error) {
	if len(b) == 0 || b[0] != byte(k) {
		return nil, errors.New("planted: sealed by another state")
	}
	plain, err := k.seal(b[1:])
	return plain[1:], err
}

func openSealed(t *testing.T, dir string, c *clocktest.Clock, k sealer) *Events {
	t.Helper()
	e, err := Open(Config{Dir: dir, Clock: c, Seal: k.seal, Open: k.open})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e
}

func TestLedgerIsSealed(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	e := openSealed(t, dir, c, 0x5a)
	s := attach(t, e, alice, "")
	op := begin(t, e, of(alice, s))
	if err := op.SetData(map[string]string{"path": "/home/li/secret"}); err != nil {
		t.Fatal(err)
	}
	end(t, op, map[string]string{"LicenseContent": "secret licence"})
	kept := begin(t, e, of(alice, s))
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "operations.log"))
	if err != nil {
		t.Fatal(err)
	}
	for _, clear := range []string{"secret", "uid", api.MethodSave} {
		if bytes.Contains(raw, []byte(clear)) {
			t.Errorf("%q can be read on the disk", clear)
		}
	}
	again := openSealed(t, dir, c, 0x5a)
	if st := again.Get(alice, op.ID()); st.Event == nil || st.Event.Envelope.Params["LicenseContent"] != "secret licence" {
		t.Errorf("after a restart: %+v", st)
	}
	if open := again.Unfinished(); len(open) != 1 || open[0].ID() != kept.ID() {
		t.Errorf("unfinished: %v", open)
	}
}

// TestRecordsThatDoNotOpen: what another state sealed is kept beside, what opens
// goes on, and no number comes back, whichever files are left.
func TestRecordsThatDoNotOpen(t *testing.T) {
	for _, next := range []string{"kept", "lost"} {
		t.Run("operations.next "+next, func(t *testing.T) {
			dir, c := t.TempDir(), newClock()
			e := openSealed(t, dir, c, 1)
			readable := begin(t, e, alice).ID()
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			mixed := sealer(2)
			e, err := Open(Config{Dir: dir, Clock: c, Seal: mixed.seal, Open: sealer(1).open})
			if err != nil {
				t.Fatal(err)
			}
			highest := begin(t, e, alice).ID()
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if next == "lost" {
				if err := os.Remove(filepath.Join(dir, "operations.next")); err != nil {
					t.Fatal(err)
				}
			}
			for round, k := range []sealer{1, 1, 3} {
				e = openSealed(t, dir, c, k)
				open := fmt.Sprint(len(e.Unfinished()))
				if want := []string{"1", "2", "0"}[round]; open != want {
					t.Errorf("round %d: %s operations go on, want %s", round, open, want)
				}
				if st := e.Get(alice, readable); round == 0 && st.State != api.OpRunning {
					t.Errorf("the readable one: %+v", st)
				}
				id := begin(t, e, alice).ID()
				if id <= highest {
					t.Errorf("round %d: number %d was given out before (up to %d)", round, id, highest)
				}
				highest = id
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
			}
			aside, err := filepath.Glob(filepath.Join(dir, "operations.log.damaged-*"))
			if err != nil || len(aside) != 2 {
				t.Errorf("set aside: %v, %v", aside, err)
			}
		})
	}
}

// TestNothingReadableAndNoNumbers: a ledger of another state alone must not begin at 1.
func TestNothingReadableAndNoNumbers(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	e := openSealed(t, dir, c, 1)
	highest := begin(t, e, alice).ID()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "operations.next")); err != nil {
		t.Fatal(err)
	}
	if id := begin(t, openSealed(t, dir, c, 2), alice).ID(); id <= highest {
		t.Errorf("number %d was given out before", id)
	}
}

func TestCompactedLedgerIsSealed(t *testing.T) {
	dir, c := t.TempDir(), newClock()
	e := openSealed(t, dir, c, 7)
	op := begin(t, e, alice)
	for n := range 20 {
		if err := op.SetData(map[string]string{"path": fmt.Sprintf("/secret/%d/%0100000d", n, 0)}); err != nil {
			t.Fatal(err)
		}
	}
	if size := e.ledger.log.Size(); size > compactAt {
		t.Fatalf("not compacted: %d bytes", size)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "operations.log"))
	if err != nil || bytes.Contains(raw, []byte("secret")) {
		t.Errorf("paths can be read on the disk (%v)", err)
	}
}
