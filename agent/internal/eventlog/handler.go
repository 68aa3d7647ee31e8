package eventlog

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Bounds of what is written.
const (
	maxText  = 8 << 10     // bytes of a message; Windows takes 31839 characters
	interval = time.Second // between messages, over a longer time
	burst    = 60          // messages at once
)

// Handler writes records as text, without their time, which the event log has itself.
type Handler struct {
	shared *shared
	text   slog.Handler
}

// shared is what a Handler and those made from it with attributes have in common.
type shared struct {
	level  slog.Level
	report func(slog.Level, string) error
	limit  *rate.Limiter

	mu   sync.Mutex // guards text and left, and is held while a message is written
	text bytes.Buffer
	left int // messages that were left out since the last one
}

// NewHandler gives records of level and above to report, one call at a time.
func NewHandler(level slog.Level, report func(slog.Level, string) error) *Handler {
	s := &shared{level: level, report: report, limit: rate.NewLimiter(rate.Every(interval), burst)}
	return &Handler{shared: s, text: slog.NewTextHandler(&s.text, &slog.HandlerOptions{Level: level, ReplaceAttr: untimed})}
}

func untimed(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
		return slog.Attr{}
	}
	return a
}

// Enabled reports whether a record of the level is written.
func (h *Handler) Enabled(_ context.Context, level slog.Level) bool { return level >= h.shared.level }

// WithAttrs is slog.Handler's.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Handler{h.shared, h.text.WithAttrs(attrs)}
}

// WithGroup is slog.Handler's.
func (h *Handler) WithGroup(name string) slog.Handler {
	return &Handler{h.shared, h.text.WithGroup(name)}
}

// Handle writes a record, or leaves it out when many came at once; the next one that is
// written says how many were.
func (h *Handler) Handle(ctx context.Context, r slog.Record) error {
	s := h.shared
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.limit.AllowN(r.Time, 1) {
		s.left++
		return nil
	}
	s.text.Reset()
	if err := h.text.Handle(ctx, r); err != nil {
		return err
	}
	text := bound(strings.TrimSuffix(s.text.String(), "\n"))
	if s.left > 0 {
		text += fmt.Sprintf("\r\n(%d messages before this one were left out)", s.left)
	}
	if err := s.report(r.Level, text); err != nil {
		return fmt.Errorf("write to the event log: %w", err)
	}
	s.left = 0
	return nil
}

// placeholder is what the viewer would replace by another part of the message: the
// address fe80::1%1 or the file a%20b.
var placeholder = regexp.MustCompile(`%([0-9])`)

// bound makes text one that the event log takes and its viewer shows as it is.
func bound(text string) string {
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + " …"
	}
	return placeholder.ReplaceAllString(strings.ReplaceAll(text, "\x00", " "), "% $1")
}
