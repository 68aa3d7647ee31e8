package need

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// NoLeak fails t when goroutines of this module that were not there now still
// run at the test's end. Call it first, so that its look comes after all other
// clean-ups. Tests that run in parallel with others cannot use it.
func NoLeak(t testing.TB) {
	t.Helper()
	before := ours()
	t.Cleanup(func() {
		var left []string
		for wait := time.Millisecond; wait < 3*time.Second; wait *= 2 { // ends are seen a little late
			if left = ours(); len(left) <= len(before) {
				return
			}
			time.Sleep(wait)
		}
		t.Errorf("%d goroutines of ours before, %d after:\n%s", len(before), len(left), strings.Join(left, "\n\n"))
	})
}

// ours lists the stacks of goroutines that this module started or runs in,
// the test's own left out.
func ours() []string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var list []string
	for _, stack := range strings.Split(string(buf), "\n\n") {
		if strings.Contains(stack, "github.com/iscdesk/iscdesk/") && !strings.Contains(stack, "testing.tRunner") {
			list = append(list, stack)
		}
	}
	return list
}
