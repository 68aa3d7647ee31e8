// Package e2e holds scenarios over the real programs: cloud, agent, workers, the
// command line and C programs, on loopback, as root with two unprivileged users, and
// with all but the tests themselves as Windows programs.
package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/e2e/browserless"
)

// The test program is also what engineers run in some tests, on either system: an
// application, a browser, and a hostile program.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		if play := roles()[os.Args[1]]; play != nil {
			if err := play(os.Args[2:]); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
				os.Exit(1)
			}
			return
		}
	}
	os.Exit(m.Run())
}

// answerPage is an engineer's browser and the engineer: it does a task, in JSON, at the
// address of a page.
func answerPage(args []string) error {
	if len(args) != 2 {
		return errors.New("usage: answer-page ADDRESS TASK")
	}
	var task browserless.Task
	if err := json.Unmarshal([]byte(args[1]), &task); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if r := browserless.Run(ctx, args[0], task); r.Error != "" || r.Refused != "" {
		return fmt.Errorf("page %q: %s%s", r.Title, r.Error, r.Refused)
	}
	return nil
}
