package state

import (
	"bytes"
	"path/filepath"
	"testing"
)

func TestLinesOpenOnlyAsTheirOwn(t *testing.T) {
	machine := map[string]string{"machine-id": "m"}
	s, err := Open(Config{Dir: filepath.Join(t.TempDir(), "state"), Machine: machine})
	if err != nil {
		t.Fatal(err)
	}
	other, err := Open(Config{Dir: filepath.Join(t.TempDir(), "state"), Machine: machine})
	if err != nil {
		t.Fatal(err)
	}
	seal, open := s.Lines("operations")
	plain := []byte("secret licence")
	sealed, err := seal(plain)
	if err != nil || bytes.Contains(sealed, plain) {
		t.Fatalf("sealed as %q, %v", sealed, err)
	}
	if got, err := open(sealed); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("opened as %q, %v", got, err)
	}
	_, reports := s.Lines("reports")
	_, foreign := other.Lines("operations")
	for name, open := range map[string]func([]byte) ([]byte, error){"another log": reports, "another state": foreign} {
		if _, err := open(sealed); err == nil {
			t.Errorf("it opens as a line of %s", name)
		}
	}
	flipped := bytes.Clone(sealed)
	flipped[len(flipped)-1] ^= 1
	for _, bad := range [][]byte{flipped, sealed[:len(sealed)-1], plain, nil} {
		if _, err := open(bad); err == nil {
			t.Errorf("%q opens", bad)
		}
	}
}
