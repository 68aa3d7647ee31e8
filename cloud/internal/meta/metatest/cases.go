package metatest

import (
	"fmt"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Cases tries the contract of saved cases, probes and test events. open makes an empty store.
func Cases(t *testing.T, open func(t *testing.T) meta.Store) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, s *core)
	}{
		{"saving", savedCases},
		{"too many", manyCases},
		{"probes", probes},
		{"test events", testEvents},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &core{Store: open(t), ctx: t.Context(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
			s.accounts(t)
			eve := s.account("eve", meta.RoleAdmin)
			eve.Org, eve.OrgName = "org_b", "Others"
			ok(t, s.AddOrganisation(s.ctx, eve, meta.Entry{}))
			ok(t, s.AddMerchant(s.ctx, meta.Merchant{ID: "mer_1", Org: "org_a", Name: "One", Created: s.now}, meta.Entry{}))
			ok(t, s.AddMerchant(s.ctx, meta.Merchant{ID: "mer_2", Org: "org_b", Name: "Two", Created: s.now}, meta.Entry{}))
			c.run(t, s)
		})
	}
}

func (c *core) saved(scene string) meta.Case {
	return meta.Case{ID: meta.NewID("cas"), Merchant: "mer_1", Product: "cad", Scene: scene, Params: `{"a":"b"}`, Instance: "i", Saved: c.now, Last: c.now,
		Passed: true, Verdict: "passed", Text: "Passed."}
}

func savedCases(t *testing.T, c *core) {
	first, err := c.PutCase(c.ctx, c.saved("newInstance"), meta.Entry{})
	ok(t, err)
	again := c.saved("newInstance")
	again.Params = `{"a":"c"}`
	got, err := c.PutCase(c.ctx, again, meta.Entry{})
	ok(t, err)
	if got.ID != first.ID || got.Params != again.Params {
		t.Errorf("saved again: %+v", got)
	}
	_, err = c.PutCase(c.ctx, c.saved("releaseInstance"), meta.Entry{})
	ok(t, err)
	ok(t, c.NoteCase(c.ctx, meta.CaseResult{Case: first.ID, Time: c.now.Add(time.Hour), Verdict: "silent", Text: "No answer."}))
	ok(t, c.NoteCase(c.ctx, meta.CaseResult{Case: "none", Time: c.now}))
	want := got
	want.Last, want.Passed, want.Verdict, want.Text = c.now.Add(time.Hour), false, "silent", "No answer."
	if got, err = c.Case(c.ctx, "mer_1", first.ID); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	_, err = c.Case(c.ctx, "mer_2", first.ID)
	code(t, "another merchant's case", err, cloudapi.ErrNotFound)
	code(t, "deleting another merchant's case", c.DeleteCase(c.ctx, "mer_2", first.ID, meta.Entry{}), cloudapi.ErrNotFound)
	list, err := c.Cases(c.ctx, "mer_1")
	ok(t, err)
	if len(list) != 2 || list[0].Scene != "newInstance" || list[1].Scene != "releaseInstance" {
		t.Errorf("list %+v", list)
	}
	ok(t, c.DeleteCase(c.ctx, "mer_1", first.ID, meta.Entry{}))
	_, err = c.Case(c.ctx, "mer_1", first.ID)
	code(t, "a deleted case", err, cloudapi.ErrNotFound)
	unknown := c.saved("x")
	unknown.Merchant = "mer_9"
	_, err = c.PutCase(c.ctx, unknown, meta.Entry{})
	code(t, "an unknown merchant", err, cloudapi.ErrNotFound)
}

func manyCases(t *testing.T, c *core) {
	for i := range meta.MaxCases {
		_, err := c.PutCase(c.ctx, c.saved(fmt.Sprint(i)), meta.Entry{})
		ok(t, err)
	}
	_, err := c.PutCase(c.ctx, c.saved("7"), meta.Entry{})
	ok(t, err)
	_, err = c.PutCase(c.ctx, c.saved("more"), meta.Entry{})
	code(t, "one too many", err, cloudapi.ErrConflict)
}

func probes(t *testing.T, c *core) {
	ok(t, c.AddProduct(c.ctx, meta.Product{ID: "cad", Name: "CAD"}, meta.Entry{}))
	ok(t, c.AddMerchantKey(c.ctx, meta.MerchantKey{ID: "key_1", Merchant: "mer_1", Category: meta.KeyBase, Sealed: []byte("s"), Created: c.now}, meta.Entry{}))
	ok(t, c.AddAddress(c.ctx, meta.Address{ID: "adr_1", Merchant: "mer_1", Base: "https://isv.example.com", Challenge: "c", Created: c.now}, meta.Entry{}))
	ok(t, c.VerifyAddress(c.ctx, "mer_1", "adr_1", c.now, meta.Entry{}))
	listing := meta.Listing{Product: "cad", Merchant: "mer_1", Kind: meta.KindLicense, Provision: meta.ProvisionAtOnce, URL: "https://isv.example.com/p", Key: "key_1", OnSale: true}
	ok(t, c.PutListing(c.ctx, listing, meta.Entry{}))
	_, err := c.PutCase(c.ctx, c.saved("newInstance"), meta.Entry{})
	ok(t, err)
	slot := func(days, hours int) time.Time {
		return c.now.AddDate(0, 0, days).Add(time.Duration(hours) * time.Hour)
	}
	due := func(at time.Time, want int) {
		t.Helper()
		list, err := c.CasesOnSale(c.ctx, at)
		ok(t, err)
		if len(list) != want {
			t.Errorf("%d cases are due at %v, want %d", len(list), at, want)
		}
	}
	due(c.now, 0) // not saved before it
	due(slot(0, 1), 1)
	end := func(at time.Time, passed bool, failing int, delisted bool) {
		t.Helper()
		got, err := c.EndProbe(c.ctx, meta.Probe{Product: "cad", Merchant: "mer_1", Slot: at, Now: at, Passed: passed, Days: 5,
			Notice: &meta.Notice{ID: meta.NewID("ntc"), Merchant: "mer_1", Category: meta.NoticeOperation, Event: meta.NoticeProbe, About: "cas_1", Time: at}})
		ok(t, err)
		if got.Failing != failing || got.Delisted != delisted {
			t.Errorf("probe at %v: %+v", at, got)
		}
	}
	end(slot(0, 1), false, 1, false)
	due(slot(0, 1), 0)
	end(slot(0, 1), false, 1, false) // recorded already
	end(slot(0, 6), false, 1, false) // the same day
	end(slot(1, 1), false, 2, false)
	end(slot(1, 6), true, 0, false)
	for d := 2; d <= 5; d++ {
		end(slot(d, 1), false, d-1, false)
	}
	end(slot(6, 1), false, 5, true)
	due(slot(6, 6), 0)
	l, err := c.Listing(c.ctx, "cad")
	ok(t, err)
	if l.OnSale {
		t.Error("the listing is on sale after five failing days")
	}
	list, err := c.Notices(c.ctx, "mer_1", meta.Page{Limit: 10})
	ok(t, err)
	if len(list) != 2 || list[0].Event != meta.NoticeDelisted || list[1].Count != 8 {
		t.Errorf("notices %+v", list)
	}
	ok(t, c.PutListing(c.ctx, listing, meta.Entry{}))
	end(slot(7, 1), false, 1, false) // the count began anew
}

func testEvents(t *testing.T, c *core) {
	ok(t, c.AddTestEvent(c.ctx, "mer_1", "tev_1", c.now))
	ok(t, c.AddTestEvent(c.ctx, "mer_1", "tev_1", c.now))
	u := meta.Upload{Event: "tev_1", Merchant: "mer_1", Type: "CHARACTERS", Content: []byte("licence"), Now: c.now.Add(time.Second)}
	foreign := u
	foreign.Merchant = "mer_2"
	code(t, "another merchant's upload", c.DeliverTest(c.ctx, foreign), cloudapi.ErrNotFound)
	ok(t, c.DeliverTest(c.ctx, u))
	ok(t, c.DeliverTest(c.ctx, u))
	other := u
	other.Content = []byte("another")
	code(t, "other bytes", c.DeliverTest(c.ctx, other), cloudapi.ErrConflict)
	e, err := c.TestEvent(c.ctx, "mer_1", "tev_1")
	ok(t, err)
	if string(e.Head) != "licence" || e.Size != 7 || e.Repeats != 1 || e.Others != 1 || e.Type != "CHARACTERS" || !e.Received.Equal(u.Now) {
		t.Errorf("event %+v", e)
	}
	_, err = c.TestEvent(c.ctx, "mer_2", "tev_1")
	code(t, "another merchant's event", err, cloudapi.ErrNotFound)
	big := u
	big.Event, big.Content = "tev_big", make([]byte, meta.MaxTestHead+1)
	ok(t, c.AddTestEvent(c.ctx, "mer_1", "tev_big", c.now))
	ok(t, c.DeliverTest(c.ctx, big))
	if e, err = c.TestEvent(c.ctx, "mer_1", "tev_big"); err != nil || len(e.Head) != meta.MaxTestHead || e.Size != meta.MaxTestHead+1 {
		t.Errorf("big event: %d of %d, %v", len(e.Head), e.Size, err)
	}
	for i := range meta.MaxTestEvents - 1 {
		ok(t, c.AddTestEvent(c.ctx, "mer_1", fmt.Sprint("more", i), c.now))
	}
	_, err = c.TestEvent(c.ctx, "mer_1", "tev_1")
	code(t, "the oldest event", err, cloudapi.ErrNotFound)
	_, err = c.TestEvent(c.ctx, "mer_1", "tev_big")
	ok(t, err)
}
