package api

import (
	"maps"
	"os"
	"strconv"
	"strings"
	"testing"
)

// docs/protocol.md is the only description of the wire for people who write a
// client of their own: it must name everything.
func TestProtocolDocumentIsWhole(t *testing.T) {
	text, err := os.ReadFile("../../docs/protocol.md")
	if err != nil {
		t.Fatal(err)
	}
	doc := string(text)
	for _, prefix := range []string{"Method", "Event", "Operate"} {
		for name, value := range constants(t, prefix) {
			if !strings.Contains(doc, "`"+value+"`") {
				t.Errorf("%s (%s) is not in docs/protocol.md", value, name)
			}
		}
	}
	all := maps.Clone(eventSamples)
	maps.Copy(all, eventVariants)
	for value, e := range all {
		for param := range e.Envelope.Params {
			if !strings.Contains(doc, "`"+param+"`") {
				t.Errorf("param %s of %s is not in docs/protocol.md", param, value)
			}
		}
	}
	for _, limit := range []int{
		MaxRequestFrame >> 10, MaxAnswerFrame >> 20, MaxInFlight, MaxConnections, MaxSessions, MaxOperations,
		MaxDevInfo, MaxPath, MaxText, MaxLicenseText, MaxComeBack, RingEvents,
		int(HeartbeatPeriod.Seconds()), int(SessionKeep.Minutes()), int(OperationKeep.Hours()) / 24,
		int(WriteTimeout.Seconds()), int(HelloTimeout.Seconds()),
	} {
		if !strings.Contains(doc, " "+strconv.Itoa(limit)+" ") {
			t.Errorf("the limit %d is not in docs/protocol.md", limit)
		}
	}
	for name := range declared(t) {
		if _, isParam := samples[name]; isParam && strings.HasSuffix(name, "Result") && !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("type %s is not in docs/protocol.md", name)
		}
	}
}
