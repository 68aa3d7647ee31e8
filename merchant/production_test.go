package merchant

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// everything is a callback for each activity, which notes what it was asked.
func everything(note func(r wire.Request) error) Callbacks {
	return Callbacks{
		NewInstance: func(_ context.Context, r wire.NewInstance, _ Attempt) (Provision, error) {
			return Provisioned, note(r)
		},
		QueryInstance: func(_ context.Context, r wire.QueryInstance) ([]wire.InstanceInfo, error) {
			return []wire.InstanceInfo{{InstanceID: r.InstanceID, AppInfo: &wire.AppInfo{FrontEndURL: "https://isv.example.com/?a=1&b=<2>"}}}, note(r)
		},
		RefreshInstance:      func(_ context.Context, r wire.RefreshInstance, _ Attempt) error { return note(r) },
		UpdateInstanceStatus: func(_ context.Context, r wire.UpdateInstanceStatus, _ Attempt) error { return note(r) },
		ReleaseInstance:      func(_ context.Context, r wire.ReleaseInstance, _ Attempt) error { return note(r) },
		UpgradeInstance:      func(_ context.Context, r wire.UpgradeInstance, _ Attempt) error { return note(r) },
		ChangeInstanceCheck:  func(_ context.Context, r wire.ChangeInstanceCheck) error { return note(r) },
		GetLicenseAsync: func(_ context.Context, r wire.GetLicenseAsync, _ Attempt) (License, error) {
			return License{Content: []byte("L")}, note(r)
		},
		OrderNotify:             func(_ context.Context, r wire.OrderNotify) error { return note(r) },
		RefreshLicenseCode:      func(_ context.Context, r wire.RefreshLicenseCode, _ Attempt) error { return note(r) },
		UpdateLicenseCodeStatus: func(_ context.Context, r wire.UpdateLicenseCodeStatus, _ Attempt) error { return note(r) },
		ReleaseLicenseCode:      func(_ context.Context, r wire.ReleaseLicenseCode, _ Attempt) error { return note(r) },
	}
}

// samples are the bodies of the documentation, unmasked.
var samples = map[string]string{
	wire.ActivityNewInstance:             `{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"0"}`,
	wire.ActivityQueryInstance:           `{"activity":"queryInstance","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","testFlag":"1"}`,
	wire.ActivityRefreshInstance:         `{"activity":"refreshInstance","expireTime":"20221124023618256","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","productId":"OFFI461867333479178240","scene":"RENEWAL","testFlag":"1"}`,
	wire.ActivityUpdateInstanceStatus:    `{"activity":"updateInstanceStatus","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","status":"FREEZE","testFlag":"1"}`,
	wire.ActivityReleaseInstance:         `{"activity":"releaseInstance","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}`,
	wire.ActivityUpgradeInstance:         `{"activity":"upgradeInstance","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}`,
	wire.ActivityChangeInstanceCheck:     `{"activity":"changeInstanceCheck","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","productInfo":{"productId":"OFFI758576253042421760","skuCode":"da9b4d34-ee8a-4355-a823-13e034e49986","linearValue":10},"testFlag":"1"}`,
	wire.ActivityGetLicenseAsync:         `{"activity":"getLicenseAsync","eventId":"87b94795-0603-4e24-8ae5-69420d60e3c8","instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","effectiveTime":"2023-10-27 10:30:15 z","expireTime":"2024-10-27 10:30:15 z","deviceFingerprint":"04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672"}`,
	wire.ActivityOrderNotify:             `{"activity":"orderNotify","orderId":"CS2211181819B4LVS","orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}`,
	wire.ActivityRefreshLicenseCode:      `{"activity":"refreshLicenseCode","expireTime":"20230523201932","license":"PL1","orderId":"CS1","orderLineId":"CS1-000001","productId":"OFFI1","scene":"RENEWAL","testFlag":"1"}`,
	wire.ActivityUpdateLicenseCodeStatus: `{"activity":"updateLicenseCodeStatus","license":"PL1","status":"FREEZE","testFlag":"1"}`,
	wire.ActivityReleaseLicenseCode:      `{"activity":"releaseLicenseCode","license":"PL1","orderId":"CS1","orderLineId":"CS1-000001","testFlag":"1"}`,
}

// TestSamples sends each sample as it is printed, twice, with a callback for it, and without.
func TestSamples(t *testing.T) {
	var asked []wire.Request
	with := newDesk(t, func(o *Options) {
		o.Calls = everything(func(r wire.Request) error { asked = append(asked, r); return nil })
		o.Upload = func(context.Context, string, License) error { return nil }
	})
	without := newDesk(t, nil)
	for _, activity := range wire.Activities() {
		t.Run(activity, func(t *testing.T) {
			asked, with.t, without.t = nil, t, t
			r, err := wire.Parse([]byte(samples[activity]))
			if err != nil {
				t.Fatal(err)
			}
			key := production{with.options}.keys(activity)[0]
			want := map[string]string{
				wire.ActivityNewInstance:   `{"resultCode":"000000","resultMsg":"success.","instanceId":"87b94795-0603-4e24-8ae5-69420d60e3c8"}`,
				wire.ActivityQueryInstance: `{"resultCode":"000000","resultMsg":"success.","info":[{"instanceId":"10e758d0-31ad-4c4b-8f1b-81d03469a10e","appInfo":{"frontEndUrl":"https://isv.example.com/?a=1&b=<2>"}}]}`,
			}[activity]
			if want == "" {
				want = `{"resultCode":"000000","resultMsg":"success."}`
			}
			for range 2 {
				if _, body, _ := with.post(key, []byte(samples[activity])); body != want {
					t.Errorf("got %s\nwant %s", body, want)
				}
			}
			times := 2
			if repeat("production", activity, "").Kind == Once {
				times = 1
			}
			if len(asked) != times || fmt.Sprint(asked[0]) != fmt.Sprint(r) || r.Test() == strings.Contains(activity, "newInstance") && activity != wire.ActivityGetLicenseAsync {
				t.Errorf("asked %v, want %d times %v", asked, times, r)
			}
			if _, _, a := without.post(key, []byte(samples[activity])); activity == wire.ActivityQueryInstance {
				if a.ResultCode != wire.NoInstance {
					t.Errorf("queryInstance of an unknown instance, without callback: %+v", a)
				}
			} else if a.ResultCode != wire.BadParameter || !strings.Contains(a.ResultMsg, "not offered") {
				t.Errorf("without callback: %+v", a)
			}
		})
	}
}

func license(event, fingerprint string) wire.GetLicenseAsync {
	return wire.GetLicenseAsync{EventID: event, InstanceID: "i", EffectiveTime: "2026-01-01 00:00:00 z", ExpireTime: "2027-01-01 00:00:00 z", DeviceFingerprint: fingerprint}
}

// TestOneLicencePerApplication: it is made once and stored before it is uploaded; each repeat uploads the same
// bytes, also of a call that is done, since the pages name a broken transfer as the reason of a repeat.
func TestOneLicencePerApplication(t *testing.T) {
	made := 0
	var uploads []string
	var broken error
	d := newDesk(t, func(o *Options) {
		o.Calls.GetLicenseAsync = func(_ context.Context, r wire.GetLicenseAsync, _ Attempt) (License, error) {
			if r.DeviceFingerprint == "" {
				return License{}, Refuse(wire.FingerprintMissing, "")
			}
			made++
			return License{Content: fmt.Appendf(nil, "licence %d", made)}, nil
		}
		o.Upload = func(_ context.Context, event string, l License) error {
			uploads = append(uploads, event+": "+string(l.Content))
			return broken
		}
	})
	d.expect(license("e", ""), wire.FingerprintMissing)
	broken = errPlanted
	d.expect(license("e", "f"), wire.Internal)
	d.expect(license("e", "f"), wire.Internal)
	broken = nil
	d.expect(license("e", "f"), wire.Success)
	d.expect(license("e", "f"), wire.Success)
	d.expect(license("e", strings.Repeat("F", 1024)), wire.Success)
	d.expect(license("e", strings.Repeat("F", 1023)+"G"), wire.Success)
	d.expect(license("e2", "f"), wire.Success)
	want := []string{"e: licence 1", "e: licence 1", "e: licence 1", "e: licence 1", "e: licence 2", "e: licence 3", "e2: licence 4"}
	if !slices.Equal(uploads, want) || made != 4 {
		t.Errorf("made %d, uploads %q", made, uploads)
	}
	broken = errPlanted
	d.expect(license("e", "f"), wire.Internal)
	broken = nil
	d.expect(license("e", "f"), wire.Success)
	if made != 4 {
		t.Errorf("made %d", made)
	}
}

func TestLicencesThatCannotBeUploaded(t *testing.T) {
	var l atomic.Pointer[License]
	d := newDesk(t, func(o *Options) {
		o.Calls.GetLicenseAsync = func(context.Context, wire.GetLicenseAsync, Attempt) (License, error) { return *l.Load(), nil }
		o.Upload = func(context.Context, string, License) error { return nil }
	})
	for i, tt := range []struct {
		name string
		l    License
		code wire.Code
	}{
		{"empty", License{}, wire.Internal},
		{"an empty file", License{FileName: "a.lic"}, wire.Internal},
		{"1024 characters", License{Content: []byte(strings.Repeat("证", 1024))}, wire.Success},
		{"1025 characters", License{Content: []byte(strings.Repeat("a", 1025))}, wire.Internal},
		{"1025 bytes in a file", License{FileName: "a.lic", Content: []byte(strings.Repeat("a", 1025))}, wire.Success},
		{"a string that is not UTF-8", License{Content: []byte("\xff")}, wire.Internal},
		{"a file that is not UTF-8", License{FileName: "a.lic", Content: []byte("\xff\x00")}, wire.Success},
		{"a string with a NUL", License{Content: []byte("a\x00")}, wire.Internal},
		{"a name of 1024 characters", License{FileName: strings.Repeat("证", 1024), Content: []byte("a")}, wire.Success},
		{"a name of 1025 characters", License{FileName: strings.Repeat("a", 1025), Content: []byte("a")}, wire.Internal},
		{"a name with a path", License{FileName: "out/a.lic", Content: []byte("a")}, wire.Internal},
		{"a name with a path of Windows", License{FileName: `out\a.lic`, Content: []byte("a")}, wire.Internal},
		{"a name of two lines", License{FileName: "a\r\nb", Content: []byte("a")}, wire.Internal},
		{"a name that is not UTF-8", License{FileName: "\xff", Content: []byte("a")}, wire.Internal},
		{"a file that is too long", License{FileName: "a.lic", Content: make([]byte, maxFile+1)}, wire.Internal},
	} {
		l.Store(&tt.l)
		if a := d.call(license(fmt.Sprint("e", i), "f")); a.ResultCode != tt.code {
			t.Errorf("%s: %+v", tt.name, a)
		}
	}
}

// TestATestLicenceNeedsNoUpload, unless the reading is switched.
func TestATestLicenceNeedsNoUpload(t *testing.T) {
	for _, need := range []bool{false, true} {
		d := newDesk(t, func(o *Options) {
			o.Readings.NeedTestUpload = need
			o.Calls = everything(func(wire.Request) error { return nil })
			o.Upload = func(context.Context, string, License) error { return errors.New("no such event") }
		})
		r := license("e", "f")
		d.expect(r, wire.Internal)
		r.TestFlag = wire.TestYes
		want := wire.Success
		if need {
			want = wire.Internal
		}
		d.expect(r, want)
	}
}
