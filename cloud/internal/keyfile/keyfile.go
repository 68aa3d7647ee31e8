// Package keyfile reads and makes the cloud's files of one secret each, inside its data
// folder. The rooms that own a secret (issue, seal) call it. It never replaces a
// file that is there: a new secret in the place of a damaged one would void everything that
// the old one made, in silence.
package keyfile

import (
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

// Size is the bytes of a seed.
const Size = 32

// seedType is the PEM block of every key file: Size random bytes.
const seedType = "ISCDESK SEED"

// Seed reads the file at path, or makes it (0600) when it does not exist. A file that
// is damaged is an error.
func Seed(path string) ([]byte, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		s := make([]byte, Size)
		rand.Read(s) // never fails
		text := pem.EncodeToMemory(&pem.Block{Type: seedType, Bytes: s})
		if err := atomicfile.WriteFile(path, text, 0o600); err != nil {
			return nil, fmt.Errorf("make key %s: %w", filepath.Base(path), err)
		}
		return s, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read key: %w", err)
	}
	block, rest := pem.Decode(b)
	if block == nil || block.Type != seedType || len(block.Bytes) != Size || len(strings.TrimSpace(string(rest))) != 0 {
		return nil, fmt.Errorf("read key %s: the file is damaged; bring it back from a backup", filepath.Base(path))
	}
	return block.Bytes, nil
}
