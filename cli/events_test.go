package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// What a save left out is told, each by its name.
func TestEndedTellsWhatWasLeftOut(t *testing.T) {
	var out bytes.Buffer
	a := &app{env: environment{out: &out}, language: "en"}
	err := a.ended(api.Event{Type: api.EventSaveResult, Envelope: api.Envelope{Params: map[string]string{
		"status": "success", "version": "2", "skipped": "~$pump.sldasm\nsub/ev\x1bil.lck"}}})
	want := "Saved as version 2.\nLeft out, because an application's lock: ~$pump.sldasm\nLeft out, because an application's lock: sub/ev?il.lck\n"
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// The end of an operation that failed tells its detail: which file, which limit, whose disk.
func TestEndedTellsDetail(t *testing.T) {
	for _, c := range []struct{ name, queued, detail, want string }{
		{"refused", "", "ev\x1b[2Jil in /home/e/asm", "detail: ev?[2Jil in /home/e/asm\n"},
		{"queued", "true", "storage_full", "detail: The name. (storage_full)\n"},
		{"queued, no detail", "true", "", "iscdesk: Kept on this computer; it is uploaded when the cloud can take it (operation 1028).\n  what to do: Another.\n  detail: The name.\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{env: environment{err: &out}, language: "en"}
			code := a.report(a.ended(api.Event{Type: api.EventSaveResult, Operation: 1028, Envelope: api.Envelope{Params: map[string]string{
				"status": "failed", "code": "-65", "reason": "The name.", "hint": "Another.", "queued": c.queued, "detail": c.detail}}}))
			if code != exitRefused || !strings.Contains(out.String(), c.want) {
				t.Errorf("exit %d:\n%s", code, out.String())
			}
		})
	}
}
