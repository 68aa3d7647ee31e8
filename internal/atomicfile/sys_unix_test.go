//go:build unix

package atomicfile

import (
	"os"
	"testing"
)

func checkMode(t *testing.T, path string, perm os.FileMode) {
	t.Helper()
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != perm {
		t.Errorf("mode %v, want %v, %v", st.Mode(), perm, err)
	}
}
