package merchant

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// The times of a subject are bounded; what is forgotten counts as old.
func TestKitTimesAreBounded(t *testing.T) {
	var n newest
	for i := range 10 {
		n.note(fmt.Sprint("u", i), start.Add(time.Duration(i)*time.Second))
	}
	n.prune(4)
	if len(n.Each) != 4 || n.outdated("u5", start) || !n.outdated("u6", start) {
		t.Errorf("got %+v", n)
	}
}

// Whatever a kit body holds, on either path, reading it ends with a call or an error; nothing is proved without
// the key.
func FuzzKitFamily(f *testing.F) {
	options := Options{Keys: Keys{Kit: []string{kitKey}}, Kit: Kit{Tenant: func(context.Context, Tenant) error { return nil }, Users: func(context.Context, Users) error { return nil }}}
	f.Add(wire.KitTenantSync, true, []byte(`{"tenantId":"t","tenantCode":"c","name":"n","domainName":"d","flag":1,"testFlag":0,"timeStamp":"20260304130607000"}`))
	f.Add(wire.KitAuthSync, false, []byte(`{"userList":"[]"}`))
	f.Fuzz(func(t *testing.T, name string, old bool, body []byte) {
		path := wire.KitV2Path + name
		if old {
			path = wire.KitV1Path + name
		}
		r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: path}, Header: http.Header{"Authtoken": {name}, "X-Sign": {name}, "X-Nonce": {"n"}, "X-Timestamp": {sign.Timestamp(start)}}}
		family := kit{options}
		if !family.claims(r) {
			return
		}
		if _, err := family.prove(r, body, start); err == nil {
			t.Fatalf("%q is proved without the key", body)
		}
		c, err := family.read(t.Context(), r, body, proof{key: kitKey})
		if (c == nil) != (err != nil) {
			t.Fatalf("%q: %v, %v", body, c, err)
		}
	})
}

// TestWithoutKeysNoLargeBodyIsRead: who sells nothing with the kit holds nobody's 8 MiB.
func TestWithoutKeysNoLargeBodyIsRead(t *testing.T) {
	for name, tt := range map[string]struct {
		options Options
		want    int64
	}{
		"no key":  {Options{Keys: Keys{Base: []string{baseKey}}}, maxProduction},
		"a key":   {Options{Keys: Keys{Kit: []string{kitKey}}}, maxKit},
		"any key": {Options{Keys: Keys{Base: []string{baseKey}}, Readings: Readings{AnyKey: true}}, maxKit},
	} {
		if got := (kit{tt.options}).limit(); got != tt.want {
			t.Errorf("%s: %d bytes", name, got)
		}
	}
}

// TestAStateFromTheFutureDoesNotLock: one call whose clock was years ahead; what comes behind it still counts.
func TestAStateFromTheFutureDoesNotLock(t *testing.T) {
	d, b := kitDesk(t, nil)
	const years = 10 * 365 * 24 * 3600
	d.kitAt(years, wire.Success, kitTenant(wire.KitAdd))
	d.kitAt(years, wire.Success, kitUsers(wire.KitAdd, "anna"))
	d.kitAt(years, wire.Success, kitOrg(wire.KitAdd, "d1", "n"))
	d.kitAt(years, wire.Success, kitTree("d1", "d2"))
	d.clock.Advance(2 * time.Minute)
	d.kitAt(0, wire.Success, kitTenant(wire.KitDelete))
	d.kitAt(0, wire.Success, kitUsers(wire.KitDelete, "anna"))
	d.kitAt(0, wire.Success, kitOrg(wire.KitDelete, "d1", "n"))
	d.kitAt(0, wire.Success, kitTree())
	if len(b.tenants)+len(b.users)+len(b.orgs) != 0 {
		t.Errorf("left: %v, %v, %v", b.tenants, b.users, b.orgs)
	}
}
