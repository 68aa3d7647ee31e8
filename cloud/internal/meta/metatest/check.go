package metatest

import (
	"errors"
	"sync"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// code compares a refusal's code; "" stands for success.
func code(t *testing.T, what string, err error, want string) {
	t.Helper()
	if got := meta.CodeOf(err); got != want || (err != nil) != (want != "") {
		t.Errorf("%s: %v instead of %q", what, err, want)
	}
	var r *meta.Refusal
	if errors.As(err, &r) && r.Message == "" {
		t.Errorf("%s: no message", what)
	}
}

// atOnce runs f n times at the same moment and counts the codes of the results, "" for success.
func atOnce(n int, f func(i int) error) map[string]int {
	var wg sync.WaitGroup
	errs := make([]error, n)
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; errs[i] = f(i) })
	}
	close(start)
	wg.Wait()
	out := map[string]int{}
	for _, err := range errs {
		c := meta.CodeOf(err)
		if err != nil && c == "" {
			c = err.Error()
		}
		out[c]++
	}
	return out
}
