// Package need says what a test needs from the machine. A test that cannot run
// is skipped with a reason that the summary of make test prints; with CI=true a
// missing need is a failure, so that nothing is left untried in silence. Tests only.
package need

import (
	"os"
	"os/exec"
	"testing"
)

// Missing skips t, or fails it with CI=true. The list of skipped tests at the end
// of make test shows the reason.
func Missing(t testing.TB, reason string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("not run: %s (with CI=true that is a failure)", reason)
	}
	t.Skipf("not run: %s", reason)
}

// Root needs user 0: for tests that make or become unprivileged users.
func Root(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 {
		Missing(t, "needs root to make and become other users")
	}
}

// Command needs a program on the PATH and returns its path.
func Command(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, "needs the program "+name)
	}
	return path
}
