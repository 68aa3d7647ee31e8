package metatest

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

func devices(t *testing.T, c *core) {
	d := meta.Device{ID: "dev_1", Thumb: "thumb", Key: []byte(`{"k":1}`), Name: "desk", Platform: "linux/amd64", Identity: "id", Created: c.now, Seen: c.now}
	n := func(s string) meta.Nonce { return meta.Nonce{Hash: meta.HashOf(s), Expires: c.now.Add(time.Hour)} }
	got, err := c.Enrol(c.ctx, d, n("1"), meta.Entry{})
	ok(t, err)
	if !reflect.DeepEqual(got, d) {
		t.Errorf("enrolled %+v", got)
	}
	_, err = c.Enrol(c.ctx, d, n("1"), c.why("device.enrolled"))
	code(t, "a used nonce", err, cloudapi.ErrUnauthenticated)
	again := d
	again.ID, again.Name, again.Seen = "dev_2", "renamed", c.now.Add(time.Hour)
	got, err = c.Enrol(c.ctx, again, n("2"), meta.Entry{})
	ok(t, err)
	if got.ID != "dev_1" || got.Name != "renamed" || !got.Created.Equal(c.now) || !got.Seen.Equal(again.Seen) {
		t.Errorf("same key again: %+v", got)
	}
	found, err := c.Device(c.ctx, "dev_1")
	ok(t, err)
	if !reflect.DeepEqual(found, got) {
		t.Errorf("found %+v", found)
	}
	_, err = c.Device(c.ctx, "dev_2")
	code(t, "unknown device", err, cloudapi.ErrNotFound)
	token := meta.Token{Hash: meta.HashOf("d"), Kind: meta.KindDevice, Device: "dev_1", Family: "f", Created: c.now, Expires: c.now.Add(time.Hour)}
	code(t, "token with a used nonce", c.DeviceToken(c.ctx, token, n("2")), cloudapi.ErrUnauthenticated)
	ok(t, c.DeviceToken(c.ctx, token, n("3")))
	b, err := c.Bearer(c.ctx, token.Hash, c.now)
	ok(t, err)
	if b.Token.Device != "dev_1" || b.Account.Account != "" {
		t.Errorf("device token %+v", b)
	}
	token.Hash, token.Device = meta.HashOf("e"), "dev_2"
	code(t, "token of an unknown device", c.DeviceToken(c.ctx, token, n("4")), cloudapi.ErrNotFound)
	token.Device = "dev_1"
	code(t, "the nonce of a refused command is not used up", c.DeviceToken(c.ctx, token, n("4")), "")
}

func enrolRace(t *testing.T, c *core) {
	ids := make([]string, 16)
	got := atOnce(16, func(i int) error {
		d, err := c.Enrol(c.ctx, meta.Device{ID: fmt.Sprint("dev_", i), Thumb: "one", Key: []byte("{}"), Created: c.now, Seen: c.now},
			meta.Nonce{Hash: meta.HashOf(fmt.Sprint(i)), Expires: c.now.Add(time.Hour)}, meta.Entry{})
		ids[i] = d.ID
		return err
	})
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("one key became several devices: %v %v", ids, got)
		}
	}
}
