package main

import (
	"os"
	"testing"

	"github.com/iscdesk/iscdesk/installer/linux"
)

// asProgram makes this test program the agent itself.
const asProgram = "ISCDESK_TEST_AGENT"

func TestMain(m *testing.M) {
	// A worker and a service have an environment of their own: they are known by the argument.
	if os.Getenv(asProgram) != "" || len(os.Args) > 1 && (os.Args[1] == "worker" || os.Args[1] == "run") {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The service library takes its options as a map of any values, where a wrong
// type silently means the default.
func TestServiceOptionsHaveTheTypesThatAreRead(t *testing.T) {
	c := serviceConfig(func() {})
	for name, ok := range map[string]bool{
		"SystemdScript":          c.Option["SystemdScript"] == any(linux.UnitTemplate()),
		"OnFailure":              c.Option["OnFailure"] == any("restart"),
		"OnFailureDelayDuration": c.Option["OnFailureDelayDuration"] == any("1s"),
		"OnFailureResetPeriod":   c.Option["OnFailureResetPeriod"] == any(60),
	} {
		if !ok {
			t.Errorf("option %s is %v", name, c.Option[name])
		}
	}
	if _, ok := c.Option["RunWait"].(func()); !ok {
		t.Error("option RunWait is no func()")
	}
	if c.Name != "iscdesk-agent" || len(c.Arguments) != 1 || c.Arguments[0] != "run" {
		t.Errorf("service %+v", c)
	}
}
