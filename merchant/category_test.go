package merchant

import (
	"slices"
	"testing"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestEachActivityHasItsKey: the categories as the pages have them, not as the code has; with another
// category's key a call is 000001, with its own it comes as far as its fields.
func TestEachActivityHasItsKey(t *testing.T) {
	d := newDesk(t, nil)
	own := map[string]string{
		wire.ActivityOrderNotify:        notifyKey,
		wire.ActivityRefreshLicenseCode: codeKey, wire.ActivityUpdateLicenseCodeStatus: codeKey, wire.ActivityReleaseLicenseCode: codeKey,
	}
	// There is no callback: a call whose key is taken is refused as not offered.
	for _, r := range []wire.Request{
		wire.NewInstance{OrderID: "o", OrderLineID: "l", BusinessID: "b"}, wire.QueryInstance{InstanceID: "i"},
		wire.RefreshInstance{ExpireTime: "20270101000000", InstanceID: "i", OrderID: "o", OrderLineID: "l", Scene: wire.SceneRenewal},
		wire.UpdateInstanceStatus{InstanceID: "i", Status: wire.StatusFreeze}, wire.ReleaseInstance{InstanceID: "i"},
		wire.UpgradeInstance{InstanceID: "i", OrderID: "o", OrderLineID: "l"}, wire.ChangeInstanceCheck{InstanceID: "i", ProductInfo: wire.Products{{ProductID: "p"}}},
		wire.GetLicenseAsync{EventID: "e", InstanceID: "i", EffectiveTime: "2026-01-01 00:00:00 z"}, wire.OrderNotify{OrderID: "o", OrderLineID: "l"},
		wire.RefreshLicenseCode{ExpireTime: "20270101000000", License: "c", OrderID: "o", OrderLineID: "l", Scene: wire.SceneRenewal},
		wire.UpdateLicenseCodeStatus{License: "c", Status: wire.StatusFreeze}, wire.ReleaseLicenseCode{License: "c"},
	} {
		body, err := wire.Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		good := []string{baseKey, oldKey}
		if key := own[r.Activity()]; key != "" {
			good = []string{key}
		}
		for _, key := range []string{baseKey, oldKey, codeKey, notifyKey} {
			_, _, a := d.post(key, body)
			if taken := a.ResultCode != wire.BadSignature; taken != slices.Contains(good, key) {
				t.Errorf("%s with the %s: %s (%s)", r.Activity(), key, a.ResultCode, a.ResultMsg)
			}
		}
	}
}
