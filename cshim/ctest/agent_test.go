//go:build linux || windows

package ctest

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
	"github.com/iscdesk/iscdesk/sdk/sdktest"
)

// Row 33: the agent is not there, too old, or silent.
func TestAgentThatDoesNotServe(t *testing.T) {
	lib := library(t, plain)
	program := compile(t, lib, "agent.c", linked(lib)...)
	t.Run("absent", func(t *testing.T) {
		command(t, program, nobody(t), "absent").run(t, 0)
	})
	t.Run("old", func(t *testing.T) {
		agent := sdktest.NewAgent(t)
		agent.Hello(func(h *api.HelloResult) { h.Protocol = 0 })
		command(t, program, agent.Endpoint(), "old").run(t, 0)
	})
	t.Run("mute", func(t *testing.T) {
		command(t, program, mute(t), "mute").run(t, 0)
	})
}

// Row 33: the agent is killed in the middle and comes back. No operation's end
// is lost.
func TestAgentRestart(t *testing.T) {
	lib := library(t, plain)
	agent := sdktest.NewAgent(t)
	agent.Manual()
	h := command(t, compile(t, lib, "agent.c", linked(lib)...), agent.Endpoint(), "restart")
	defer h.cancel()
	in, lines := h.converse(t)
	steps := 0
	for ; lines.Scan(); steps++ {
		step, number, _ := strings.Cut(lines.Text(), " ")
		switch step {
		case "halt":
			agent.Halt()
		case "start":
			agent.Start()
		case "finish":
			op, err := strconv.ParseInt(number, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			agent.Finish(api.Operation(op), sdktest.Event{
				Type: api.EventLicenseVerify, Operate: api.OperateLicenseVerify,
				Params: map[string]string{"Status": "success", "LicenseType": "string", "LicenseContent": "x"},
			})
		}
		fmt.Fprintln(in, "done")
	}
	if err := h.cmd.Wait(); err != nil {
		t.Fatalf("%v after %d steps\n%s", err, steps, tail(h.err.String()))
	}
	if steps < 3 {
		t.Errorf("%d steps, want halt, start and finish", steps)
	}
}

// Events as no good agent sends them.
func TestHostileEvents(t *testing.T) {
	lib := library(t, plain)
	agent := sdktest.NewAgent(t)
	h := command(t, compile(t, lib, "hostile.c", linked(lib)...), agent.Endpoint())
	defer h.cancel()
	in, lines := h.converse(t)
	if lines.Scan() {
		agent.Emit(sdktest.Event{Type: "EVENT_FROM_THE_FUTURE", Operate: "Future", Params: map[string]string{
			"zero": "a\x00b", "k\x00ey": "v", "broken": "\xff\xfe", "": "no key", "empty": "", "zz": "last",
		}})
		agent.Emit(sdktest.Event{Type: "EVENT_HUGE", Operation: 1<<63 - 1, Params: map[string]string{"huge": strings.Repeat("h", 300000)}})
		agent.Emit(sdktest.Event{Type: api.EventSaveResult, ComeBack: `{"a":[1,"b"]}`})
		fmt.Fprintln(in, "done")
	}
	if err := h.cmd.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, tail(h.err.String()))
	}
}
