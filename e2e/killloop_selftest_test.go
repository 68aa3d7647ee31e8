//go:build linux

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// result is a save's result as the agent tells it.
func result(n int, op api.Operation, params string) api.Event {
	e := api.Event{Type: api.EventSaveResult, Operation: op}
	e.Envelope.ComeBack = fmt.Appendf(nil, `{"n":%d}`, n)
	e.Envelope.Params = map[string]string{}
	for _, p := range strings.Fields(params) {
		name, value, _ := strings.Cut(p, "=")
		e.Envelope.Params[name] = value
	}
	return e
}

// The checker of the kill loop sees each fault that is planted, and none in a run
// that is right.
func TestKillLoopChecker(t *testing.T) {
	ok := func(n, version int) string {
		return fmt.Sprintf("status=success object=o1 version=%d", version)
	}
	for _, c := range []struct {
		name  string
		plant func(k *knowledge, o *visible) []visible // nil: only o is seen
		want  string                                   // part of a fault; empty: none
	}{
		{"right", func(*knowledge, *visible) []visible { return nil }, ""},
		{"lost acknowledgement", func(_ *knowledge, o *visible) []visible {
			o.numbers, o.digests = o.numbers[:2], o.digests[:2]
			return nil
		}, "which does not exist"},
		{"other bytes", func(k *knowledge, o *visible) []visible { o.digests[2] = "a3"; return nil }, "which holds other bytes"},
		{"mixed version", func(_ *knowledge, o *visible) []visible { o.digests[0] = "a1+a2"; return nil }, "that nobody saved"},
		{"doubled object", func(_ *knowledge, o *visible) []visible {
			return []visible{*o, {name: "a", id: "o2", numbers: []int64{1}, digests: []string{"a1"}}}
		}, "two objects"},
		{"other object", func(_ *knowledge, o *visible) []visible { o.id = "o2"; return nil }, "acknowledged as object o1"},
		{"object of nobody", func(_ *knowledge, o *visible) []visible {
			return []visible{*o, {name: "b", id: "o2", numbers: []int64{1}, digests: []string{"a1"}}}
		}, "that nobody saved"},
		{"empty object", func(_ *knowledge, o *visible) []visible { return []visible{*o, {name: "b"}} }, "has no version"},
		{"doubled version", func(_ *knowledge, o *visible) []visible {
			o.numbers, o.digests = append(o.numbers, 4), append(o.digests, "a4")
			return nil
		}, "is two versions"},
		{"wrong order", func(_ *knowledge, o *visible) []visible { slices.Reverse(o.digests); return nil }, "comes behind the later"},
		{"gap of numbers", func(_ *knowledge, o *visible) []visible { o.numbers[2] = 5; return nil }, "stands in place"},
		{"failure that was stored", func(k *knowledge, _ *visible) []visible {
			k.told(result(2, 12, "status=failed code=-67"), false)
			return nil
		}, "was told failure"},
		{"two ends", func(k *knowledge, _ *visible) []visible { k.told(result(1, 11, ok(1, 1)), false); return nil }, "its end twice"},
		{"ends that differ", func(k *knowledge, _ *visible) []visible { k.told(result(1, 11, ok(1, 2)), true); return nil }, "then success"},
		{"queued after the end", func(k *knowledge, _ *visible) []visible {
			k.told(result(1, 11, "status=failed queued=true"), false)
			return nil
		}, "then that it is queued"},
		{"no end", func(k *knowledge, _ *visible) []visible { k.given(3, 13); return nil }, "and no end"},
		{"forgotten number", func(k *knowledge, _ *visible) []visible {
			k.given(3, 13)
			k.answered([]api.OperationState{{Operation: 13, State: api.OpUnknown}})
			return nil
		}, "does not know"},
		{"one number for two", func(k *knowledge, _ *visible) []visible { k.given(3, 11); return nil }, "of the saves 1 and 3"},
		{"two numbers for one", func(k *knowledge, _ *visible) []visible { k.given(1, 19); return nil }, "has the numbers"},
		{"broken promise", func(k *knowledge, _ *visible) []visible {
			k.told(result(3, 13, "status=failed queued=true"), false)
			k.told(result(3, 13, "status=failed code=-63"), false)
			return nil
		}, "promised to be sent"},
		{"an end that the agent did not make", func(k *knowledge, _ *visible) []visible {
			k.told(api.Event{Type: api.EventSaveResult, Operation: 13}, false)
			return nil
		}, "did not make"},
	} {
		t.Run(c.name, func(t *testing.T) {
			// Saves 1 and 4 were acknowledged, 2 was stored and nobody told so, 3 was
			// cut before it reached the agent.
			k := newKnowledge()
			for n := range 4 {
				k.try(saveFile, "a", fmt.Sprint("a", n+1))
			}
			k.given(1, 11)
			k.told(result(1, 11, ok(1, 1)), false)
			k.told(result(4, 14, "status=failed queued=true"), false)
			k.told(result(4, 14, ok(4, 3)), false)
			k.told(result(4, 14, ok(4, 3)), true)
			o := visible{name: "a", id: "o1", numbers: []int64{1, 2, 3}, digests: []string{"a1", "a2", "a4"}}
			seen := c.plant(k, &o)
			if seen == nil {
				seen = []visible{o}
			}
			k.compare(seen, k.acknowledged())
			k.final()
			got := strings.Join(k.faults, "\n")
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("faults: %q, wanted %q among them", got, c.want)
			}
		})
	}
}
