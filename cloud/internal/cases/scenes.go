// Package cases is the debugging of merchants' servers: it makes each documented call with mock orders
// and testFlag 1, sends it through package produce, says what is right or wrong with the answer, keeps
// what has passed, and replays that: by hand, for an ISV's CI, and twice a day as a probe of what is on sale.
// The doors (pages, httpapi) call its room in the cloud's process, package app starts its probes.
//
// It never touches an order, a resource or a quota, never sends a call without testFlag 1, never calls
// an address that was not shown to be the merchant's, and never shows or keeps an access key.
package cases

import (
	"slices"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Scene is one call that can be tried (marketplace: interface debugging).
type Scene struct {
	ID       string // activity, or activity.VARIANT
	Activity string // also the name of a kit call
	Category string // of the key that signs it, meta.KeyBase and its like
	Fields   []wire.Field
	// Twice sends the same request a second time, since its repeat has an answer of its own.
	Twice bool

	fixed  map[string]string // members that make the scene
	preset map[string]string // @name is filled in for the target
}

// Kit tells the calls of the joint-operation kit.
func (s Scene) Kit() bool { return s.Category == meta.KeyKit }

// mockEnd lies where no replay arrives, as the mock orders' own end does.
var mockEnd = time.Date(2099, 12, 31, 15, 59, 59, 0, time.UTC)

// order is the two members that name a mock order; the open API's order query serves them.
func order(id string) map[string]string {
	return map[string]string{"orderId": id, "orderLineId": id + "-000001"}
}

// with adds members, name, value, ….
func with(m map[string]string, pairs ...string) map[string]string {
	for i := 0; i+1 < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

// The presets that depend on the target.
const (
	presetInstance = "@instance" // what newInstance answered
	presetTrial    = "@trial"    // what newInstance.TRIAL answered
	presetOnce     = "@once"     // what newInstance.ONE_TIME answered
	presetEvent    = "@event"    // a new event
	presetCode     = "@code"     // a test code of the merchant
	presetNow      = "@now"      // as getLicenseAsync has it
)

// Scenes lists all scenes in an order in which each finds what it needs. It is made anew on each call.
func Scenes() []Scene {
	end, none := wire.FormatTime(mockEnd), map[string]string{}
	of := func(pairs ...string) map[string]string { return with(map[string]string{}, pairs...) }
	list := []Scene{
		{ID: "newInstance", Twice: true, fixed: none, preset: order("MOCKPERIODYEARNEW")},
		{ID: "newInstance.TRIAL", Twice: true, fixed: none, preset: order("MOCKPERIODDAYTRIAL")},
		{ID: "newInstance.ONE_TIME", Twice: true, fixed: none, preset: order("MOCKONETIMENEW")},
		{ID: "queryInstance", fixed: none, preset: of("instanceId", presetInstance)},
		{ID: "getLicenseAsync", Twice: true, fixed: none, preset: of("eventId", presetEvent, "instanceId", presetInstance, "effectiveTime", presetNow,
			"expireTime", wire.FormatLicenseTime(mockEnd), "deviceFingerprint", "04:7C:16:5E:E3:5D|001B_444A_488B_5CEC.||BFEBFBFF00090672")},
		{ID: "refreshInstance.TRIAL_TO_FORMAL", fixed: of("scene", wire.SceneTrialToFormal),
			preset: with(order("MOCKMONTYTRIALTOFORMAL"), "instanceId", presetTrial, "expireTime", end)},
		{ID: "refreshInstance.RENEWAL", fixed: of("scene", wire.SceneRenewal), preset: with(order("MOCKMONTYRENEW"), "instanceId", presetInstance, "expireTime", end)},
		{ID: "refreshInstance.UNSUBSCRIBE_RENEWAL_PERIOD", fixed: of("scene", wire.SceneUndoRenewal),
			preset: with(order("MOCKMONTYRENEW"), "instanceId", presetInstance, "expireTime", end)},
		{ID: "refreshInstance.RENEWAL_CHANGE", fixed: of("scene", wire.SceneRenewalChange),
			preset: with(order("MOCKMONTYCHANGE"), "instanceId", presetInstance, "expireTime", end)},
		{ID: "updateInstanceStatus.FREEZE", fixed: of("status", wire.StatusFreeze), preset: of("instanceId", presetInstance)},
		{ID: "updateInstanceStatus.UNFREEZE", fixed: of("status", wire.StatusUnfreeze), preset: of("instanceId", presetInstance)},
		{ID: "upgradeInstance", fixed: none, preset: with(order("MOCKMONTYCHANGE"), "instanceId", presetInstance)},
		{ID: "changeInstanceCheck", fixed: none, preset: of("instanceId", presetInstance, "productInfo",
			`{"productId":"OFFI758576253042421760","skuCode":"da9b4d34-ee8a-4355-a823-13e034e49986","linearValue":20}`)},
		{ID: "releaseInstance", fixed: none, preset: with(order("MOCKMONTYUNSUBSCRIBE"), "instanceId", presetOnce)},
		{ID: "orderNotify", Category: meta.KeyNotify, fixed: none, preset: order("MOCKPERIODYEARNEW")},
		{ID: "refreshLicenseCode.RENEWAL", Category: meta.KeyCode, fixed: of("scene", wire.SceneRenewal),
			preset: with(order("MOCKMONTYRENEW"), "license", presetCode, "expireTime", end)},
		{ID: "refreshLicenseCode.UNSUBSCRIBE_RENEWAL_PERIOD", Category: meta.KeyCode, fixed: of("scene", wire.SceneUndoRenewal),
			preset: with(order("MOCKMONTYUNSUBSCRIBE"), "license", presetCode, "expireTime", end)},
		{ID: "updateLicenseCodeStatus.FREEZE", Category: meta.KeyCode, fixed: of("status", wire.StatusFreeze), preset: of("license", presetCode)},
		{ID: "updateLicenseCodeStatus.UNFREEZE", Category: meta.KeyCode, fixed: of("status", wire.StatusUnfreeze), preset: of("license", presetCode)},
		{ID: "releaseLicenseCode", Category: meta.KeyCode, fixed: none, preset: with(order("MOCKMONTYUNSUBSCRIBE"), "license", presetCode)},
	}
	list = append(list, kitScenes()...)
	for i := range list {
		list[i].complete()
	}
	return list
}

func kitScenes() []Scene {
	const tenant, app = "mock-tenant", "mock-application"
	of := func(pairs ...string) map[string]string {
		return with(map[string]string{"instanceId": presetInstance, "tenantId": tenant}, pairs...)
	}
	return []Scene{
		{ID: wire.KitTenantSync, preset: of("orderId", "MOCKPERIODYEARNEW", "tenantCode", "mock", "name", "Mock Works", "domainName", "https://mock.example.com", "flag", "1")},
		{ID: wire.KitApplicationSync, preset: of("appId", app, "clientId", "mock-client", "clientSecret", "mock-client-secret", "flag", "1")},
		{ID: wire.KitSingleOrgSync, preset: of("orgCode", "mock-1", "orgName", "Design", "flag", "1")},
		{ID: wire.KitAllOrgSync, preset: of("orgInfoList", `[{"orgCode":"mock-1","orgName":"Design"},{"orgCode":"mock-2","orgName":"Chassis","parentCode":"mock-1"}]`)},
		{ID: wire.KitAuthSync, preset: of("appId", app, "flag", "1",
			"userList", `[{"userName":"mock-user","name":"Mock User","orgCode":"mock-1","role":"user","enable":"true"}]`, "currentSyncTime", "20260101080000000")},
	}
}

// made are the members that the sender makes anew for each request.
var made = []string{"activity", "testFlag", "timeStamp", "businessId"}

// complete fills in what follows from the rest: activity, key and the fields that can be edited.
func (s *Scene) complete() {
	s.Activity = s.ID
	if i := slices.Index([]byte(s.ID), '.'); i >= 0 {
		s.Activity = s.ID[:i]
	}
	if s.Category == "" {
		s.Category = meta.KeyBase
	}
	if wire.KitFields(s.ID) != nil {
		s.Category = meta.KeyKit
	}
	for _, f := range s.table() {
		if _, fixed := s.fixed[f.Name]; !fixed && !slices.Contains(made, f.Name) {
			s.Fields = append(s.Fields, f)
		}
	}
}

func (s Scene) table() []wire.Field {
	if s.Category == meta.KeyKit {
		return wire.KitFields(s.Activity)
	}
	return wire.Table(s.Activity)
}

// SceneOf finds a scene by its id.
func SceneOf(id string) (Scene, bool) {
	for _, s := range Scenes() {
		if s.ID == id {
			return s, true
		}
	}
	return Scene{}, false
}
