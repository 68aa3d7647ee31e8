package signin

import (
	"log/slog"
	"strings"
	"testing"
)

func TestADefectEndsOneRequestOnly(t *testing.T) {
	var log strings.Builder
	r := &Room{cfg: Config{Log: slog.New(slog.NewTextHandler(&log, nil))}}
	r.spawn(func() { panic("planted") })
	r.work.Wait()
	if !strings.Contains(log.String(), "planted") {
		t.Errorf("the defect was not logged: %q", log.String())
	}
}
