package guard

import (
	"log/slog"
	"strings"
	"testing"
)

func TestADefectEndsOneRequestOnly(t *testing.T) {
	var log strings.Builder
	Run(slog.New(slog.NewTextHandler(&log, nil)), func() { panic("planted") })
	if !strings.Contains(log.String(), "planted") || !strings.Contains(log.String(), "guard_test.go") {
		t.Errorf("the defect was not logged with its place: %q", log.String())
	}
}
