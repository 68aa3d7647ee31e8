package metatest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Codes tries the contract of authorization codes and reported use. open makes an empty store.
func Codes(t *testing.T, open func(t *testing.T) meta.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *core)
	}{
		{"one code for a resource", codeOfResource},
		{"states", codeStates},
		{"activation of a batch", codeBatch},
		{"queries", codeQueries},
		{"use by clients", clientUse},
		{"usage records", usageRecords},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.run(t, &core{Store: open(t), ctx: t.Context(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)})
		})
	}
}

// code adds a code of merchant mer_a in a state.
func (c *core) code(t *testing.T, name, resource, state string) meta.Code {
	t.Helper()
	got, err := c.AddCode(c.ctx, meta.Code{Code: name, Merchant: "mer_a", Org: "org_a", Product: "cad", ProductID: "OFFI1", Resource: resource,
		Order: "CS1", Amount: 2, State: state, Created: c.now}, meta.Entry{})
	ok(t, err)
	return got
}

func codeOfResource(t *testing.T, c *core) {
	first := c.code(t, "PL1", "ins_1", meta.CodeMade)
	if again := c.code(t, "PL2", "ins_1", meta.CodeMade); again != first {
		t.Errorf("a second code of the resource: %+v", again)
	}
	counts := atOnce(8, func(i int) error {
		_, err := c.AddCode(c.ctx, meta.Code{Code: fmt.Sprint("PLR", i), Merchant: "mer_a", Resource: "ins_2", State: meta.CodeMade, Created: c.now}, meta.Entry{})
		return err
	})
	if counts[""] != 8 {
		t.Errorf("at once: %v", counts)
	}
	list, err := c.MerchantCodes(c.ctx, "mer_a", false, "", 10)
	ok(t, err)
	if len(list) != 2 {
		t.Errorf("codes %+v", list)
	}
	got, err := c.CodeOfResource(c.ctx, "ins_1")
	ok(t, err)
	if got != first {
		t.Errorf("code of the resource %+v", got)
	}
	_, err = c.CodeOfResource(c.ctx, "ins_9")
	code(t, "resource without a code", err, cloudapi.ErrNotFound)
	_, err = c.AddCode(c.ctx, meta.Code{Code: "PLT1", Merchant: "mer_a", Test: true, State: meta.CodeCollected, Created: c.now}, meta.Entry{})
	ok(t, err)
	_, err = c.AddCode(c.ctx, meta.Code{Code: "PLT2", Merchant: "mer_a", Test: true, State: meta.CodeCollected, Created: c.now}, meta.Entry{})
	ok(t, err) // test codes have no resource that could be the same
	list, err = c.MerchantCodes(c.ctx, "mer_a", true, "PLT1", 10)
	ok(t, err)
	if len(list) != 1 || list[0].Code != "PLT2" || !list[0].Test {
		t.Errorf("test codes behind the first %+v", list)
	}
}

func codeStates(t *testing.T, c *core) {
	c.code(t, "PL1", "ins_1", meta.CodeMade)
	move := func(to string, expire time.Time, from ...string) error {
		_, err := c.ChangeCode(c.ctx, meta.CodeChange{Code: "PL1", From: from, To: to, Expire: expire, Why: c.why("code.changed")})
		return err
	}
	code(t, "collected before delivered", move(meta.CodeCollected, time.Time{}, meta.CodeDelivered), cloudapi.ErrConflict)
	ok(t, move(meta.CodeDelivered, time.Time{}, meta.CodeMade))
	ok(t, move(meta.CodeDelivered, time.Time{}, meta.CodeMade)) // again
	end := c.now.Add(time.Hour)
	ok(t, move(meta.CodeAlive, end, meta.CodeDelivered))
	later := end.Add(time.Hour)
	ok(t, move(meta.CodeAlive, later)) // a renewal: the same state with a new end
	got, err := c.Code(c.ctx, "PL1")
	ok(t, err)
	if got.State != meta.CodeAlive || !got.Expire.Equal(later) {
		t.Errorf("after the renewal %+v", got)
	}
	_, err = c.ChangeCode(c.ctx, meta.CodeChange{Code: "none", To: meta.CodeAlive})
	code(t, "unknown code", err, cloudapi.ErrNotFound)
	entries, err := c.Audit(c.ctx, "org_a", 0, 100)
	ok(t, err)
	if len(entries) != 3 {
		t.Errorf("%d audit entries for three changes", len(entries))
	}
}

func codeBatch(t *testing.T, c *core) {
	c.code(t, "PL1", "ins_1", meta.CodeCollected)
	c.code(t, "PL2", "ins_2", meta.CodeCollected)
	c.code(t, "PL3", "ins_3", meta.CodeDelivered)
	ends := map[string]time.Time{"PL1": c.now.Add(time.Hour)}
	code(t, "one was not collected", c.ActivateCodes(c.ctx, "mer_a", []string{"PL1", "PL3"}, c.now, c.now, ends), cloudapi.ErrConflict)
	code(t, "one is unknown", c.ActivateCodes(c.ctx, "mer_a", []string{"PL1", "PL9"}, c.now, c.now, ends), cloudapi.ErrNotFound)
	code(t, "another merchant", c.ActivateCodes(c.ctx, "mer_b", []string{"PL1"}, c.now, c.now, ends), cloudapi.ErrNotFound)
	if got, err := c.Code(c.ctx, "PL1"); err != nil || got.State != meta.CodeCollected {
		t.Errorf("a refused batch left %+v %v", got, err)
	}
	ok(t, c.ActivateCodes(c.ctx, "mer_a", []string{"PL1", "PL2"}, c.now.Add(-time.Hour), c.now, ends))
	one, err := c.Code(c.ctx, "PL1")
	ok(t, err)
	if one.State != meta.CodeAlive || !one.Expire.Equal(ends["PL1"]) || !one.Effect.Equal(c.now.Add(-time.Hour)) || !one.Activated.Equal(c.now) {
		t.Errorf("activated %+v", one)
	}
	code(t, "twice", c.ActivateCodes(c.ctx, "mer_a", []string{"PL2"}, c.now, c.now, nil), cloudapi.ErrConflict)
	c.code(t, "PL4", "ins_4", meta.CodeCollected)
	counts := atOnce(8, func(int) error { return c.ActivateCodes(c.ctx, "mer_a", []string{"PL4"}, c.now, c.now, nil) })
	if counts[""] != 1 || counts[cloudapi.ErrConflict] != 7 {
		t.Errorf("activated at once: %v", counts)
	}
}

func codeQueries(t *testing.T, c *core) {
	c.code(t, "PL1", "ins_1", meta.CodeAlive)
	c.code(t, "PL2", "ins_2", meta.CodeAlive)
	list, err := c.SeeCodes(c.ctx, "mer_a", []string{"PL2", "PL1"}, c.now)
	ok(t, err)
	if len(list) != 2 || list[0].Code != "PL2" || !list[1].Seen.Equal(c.now) {
		t.Errorf("queried %+v", list)
	}
	_, err = c.SeeCodes(c.ctx, "mer_b", []string{"PL1"}, c.now)
	code(t, "another merchant", err, cloudapi.ErrNotFound)
}

func clientUse(t *testing.T, c *core) {
	c.code(t, "PL1", "ins_1", meta.CodeAlive)
	day := c.now.Truncate(24 * time.Hour)
	uses := []meta.ClientUse{{Code: "PL1", Day: day, Client: "ann"}, {Code: "PL1", Day: day, Client: "bob"}, {Code: "PL1", Day: day.AddDate(0, 0, 1), Active: 7}}
	ok(t, c.AddClientUse(c.ctx, uses))
	ok(t, c.AddClientUse(c.ctx, uses)) // again
	ok(t, c.AddClientUse(c.ctx, []meta.ClientUse{{Code: "PL1", Day: day.AddDate(0, 0, 1), Active: 5}}))
	got, err := c.ClientUses(c.ctx, "PL1", day)
	ok(t, err)
	if want := map[time.Time]int{day: 2, day.AddDate(0, 0, 1): 7}; !reflect.DeepEqual(got, want) {
		t.Errorf("uses %v, want %v", got, want)
	}
	if got, err = c.ClientUses(c.ctx, "PL1", day.AddDate(0, 0, 1)); err != nil || len(got) != 1 {
		t.Errorf("since the second day %v %v", got, err)
	}
}

func usageRecords(t *testing.T, c *core) {
	record := func(serial, value string) meta.Usage {
		return meta.Usage{Merchant: "mer_a", Serial: serial, Instance: "i1", Value: value, Record: c.now, Begin: c.now.Add(-time.Hour), End: c.now}
	}
	add := func(want int, list ...meta.Usage) {
		t.Helper()
		conflicts, err := c.AddUsage(c.ctx, list)
		ok(t, err)
		if len(conflicts) != want {
			t.Errorf("conflicts %v, want %d", conflicts, want)
		}
	}
	add(0, record("s1", "1.5"), record("s2", "2"))
	add(0, record("s1", "1.5"))                    // again
	add(1, record("s1", "1.6"), record("s3", "3")) // another value under a serial that is taken
	add(1, record("s4", "1"), record("s4", "2"))   // the same in one call
	other := record("s1", "9")
	other.Merchant = "mer_b"
	add(0, other) // serials are each merchant's own
	list, err := c.Usages(c.ctx, "mer_a", "i1", 10)
	ok(t, err)
	if want := []meta.Usage{record("s1", "1.5"), record("s2", "2"), record("s3", "3"), record("s4", "1")}; !reflect.DeepEqual(list, want) {
		t.Errorf("records %+v, want %+v", list, want)
	}
}
