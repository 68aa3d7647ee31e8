package eventlog

import (
	"log/slog"
	"testing"
)

// What Windows keeps is read by LastError; Wine 8 takes a message and keeps none.
func TestEventLogTakesMessages(t *testing.T) {
	l, err := Open("iscdesk-agent-test")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, level := range []slog.Level{slog.LevelInfo, slog.LevelWarn, slog.LevelError} {
		if err := l.Report(level, "a message\x00 of 100%1 界"); err != nil {
			t.Errorf("%v: %v", level, err)
		}
	}
	text, err := LastError("iscdesk-agent-test")
	if err != nil || text != "" && text != "a message  of 100% 1 界" {
		t.Errorf("%q, %v", text, err)
	}
	t.Logf("the event log gave back %q", text)
}
