package eventlog

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"
)

type entry struct {
	level slog.Level
	text  string
}

func collect(level slog.Level) (*slog.Logger, *Handler, *[]entry) {
	var got []entry
	h := NewHandler(level, func(level slog.Level, text string) error {
		got = append(got, entry{level, text})
		return nil
	})
	return slog.New(h), h, &got
}

func TestHandlerWritesWhatMatters(t *testing.T) {
	log, _, got := collect(slog.LevelWarn)
	log.Info("not this")
	log.With("user", "S-1-5-21").WithGroup("g").Warn("a thing", "cause", errors.New("two words"))
	log.Error("worse\nand worse\x00", "address", "fe80::1%1")
	want := []entry{
		{slog.LevelWarn, `msg="a thing" user=S-1-5-21 g.cause="two words"`},
		{slog.LevelError, `msg="worse\nand worse\x00" address=fe80::1% 1`},
	}
	if len(*got) != len(want) {
		t.Fatalf("got %v", *got)
	}
	for i, w := range want {
		if (*got)[i] != w {
			t.Errorf("got %v, want %v", (*got)[i], w)
		}
	}
}

func TestMessagesAreBounded(t *testing.T) {
	for _, c := range []struct {
		name, text string
		most       int
	}{
		{"nothing", "", 0}, {"the most", strings.Repeat("a", maxText), maxText},
		{"one more", strings.Repeat("a", maxText+1), maxText + 4}, {"cut inside a sign", strings.Repeat("界", maxText), maxText + 4},
	} {
		got := bound(c.text)
		if len(got) > c.most || !strings.HasPrefix(c.text, strings.TrimSuffix(got, " …")) {
			t.Errorf("%s: %d bytes", c.name, len(got))
		}
	}
}

func TestFloodIsCutAndCounted(t *testing.T) {
	_, h, got := collect(slog.LevelWarn)
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	say := func() {
		if err := h.Handle(t.Context(), slog.NewRecord(now, slog.LevelWarn, "flood", 0)); err != nil {
			t.Fatal(err)
		}
	}
	for range burst + 7 {
		say()
	}
	if len(*got) != burst {
		t.Fatalf("%d were written, want %d", len(*got), burst)
	}
	now = now.Add(interval)
	say()
	if last := (*got)[len(*got)-1].text; len(*got) != burst+1 || !strings.Contains(last, "7 messages before this one were left out") {
		t.Errorf("%d, the last %q", len(*got), last)
	}
}

func TestLogThatDoesNotTakeIt(t *testing.T) {
	planted := errors.New("planted")
	h := NewHandler(slog.LevelWarn, func(slog.Level, string) error { return planted })
	if err := h.Handle(t.Context(), slog.NewRecord(time.Time{}, slog.LevelWarn, "x", 0)); !errors.Is(err, planted) {
		t.Errorf("got %v", err)
	}
}
