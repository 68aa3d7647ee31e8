package metatest

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func uploads(t *testing.T, c *core) {
	c.apply(t, "k", "e1")
	u := c.upload("e1", "\x00binary\xff")
	u.Type, u.FileName = "FILE", "a.lic"
	foreign := u
	foreign.Merchant = "mer_2"
	_, err := c.Deliver(c.ctx, foreign)
	reason(t, "another merchant", err, cloudapi.ErrConflict, meta.UploadForeign)
	c.state(t, "e1", meta.ApplicationAsking)
	a, err := c.Deliver(c.ctx, u) // before the answer to getLicenseAsync
	ok(t, err)
	if a.State != meta.ApplicationDelivered || !bytes.Equal(a.Content, u.Content) {
		t.Errorf("delivered %+v", a)
	}
	again := u
	again.Type, again.FileName, again.Now = "CHARACTERS", "b.lic", c.now.Add(1000*time.Hour)
	_, err = c.Deliver(c.ctx, again)
	ok(t, err)
	_, err = c.Deliver(c.ctx, c.upload("e1", "other"))
	reason(t, "other bytes", err, cloudapi.ErrConflict, meta.UploadOther)
	_, err = c.Deliver(c.ctx, foreign)
	reason(t, "another merchant, the same bytes", err, cloudapi.ErrConflict, meta.UploadForeign)
	if a := c.state(t, "e1", meta.ApplicationDelivered); !bytes.Equal(a.Content, u.Content) || a.ContentType != "FILE" || a.FileName != "a.lic" || !a.Decided.Equal(c.now) {
		t.Errorf("the first upload does not stand: %+v", a)
	}
	list, err := c.Audit(c.ctx, "org_a", 0, 100)
	ok(t, err)
	delivered := 0
	for _, e := range list {
		if e.Action == "license.delivered" {
			delivered++
		}
	}
	if delivered != 1 {
		t.Errorf("%d entries of one delivery", delivered)
	}
}

func uploadRace(t *testing.T, c *core) {
	c.apply(t, "k", "e1")
	got := atOnce(16, func(i int) error {
		_, err := c.Deliver(c.ctx, c.upload("e1", fmt.Sprint("bytes ", i%2)))
		return err
	})
	if got[""] != 8 || got[cloudapi.ErrConflict] != 8 {
		t.Errorf("16 uploads of two contents: %v", got)
	}
}

func lateUploads(t *testing.T, c *core) {
	for i, tt := range []struct {
		name   string
		change func(*meta.Resource)
		later  time.Duration
		reason string
	}{
		{"frozen meanwhile", func(r *meta.Resource) { r.State = meta.ResourceFrozen }, 0, ""},
		{"renewed meanwhile", func(r *meta.Resource) { r.Term = 2 }, 0, ""},
		{"released meanwhile", func(r *meta.Resource) { r.State = meta.ResourceReleased }, 0, meta.UploadEnded},
		{"being released", func(r *meta.Resource) { r.State = meta.ResourceReleasing }, 0, meta.UploadEnded},
		{"in the last moment", func(*meta.Resource) {}, 23*time.Hour - time.Millisecond, ""},
		{"at its end", func(*meta.Resource) {}, 23 * time.Hour, meta.UploadEnded},
	} {
		n := fmt.Sprint("l", i)
		c.active(t, n)
		w := c.wish(n, n)
		w.Resource = "ins_" + n
		_, err := c.Apply(c.ctx, w)
		ok(t, err)
		c.turn(t, n, tt.change)
		u := c.upload(n, "L")
		u.Now = c.now.Add(tt.later)
		_, err = c.Deliver(c.ctx, u)
		want := ""
		if tt.reason != "" {
			want = cloudapi.ErrConflict
		}
		reason(t, tt.name, err, want, tt.reason)
	}
}
