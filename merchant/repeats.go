package merchant

import (
	"slices"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Kind is how repeats of a call are treated.
type Kind int

// Kinds.
const (
	// Once: the first success is stored and every repeat gets it, without the callback. Nothing but
	// a success is stored: a refusal (000003, 0001xx, 0009xx) may have lost its reason when the marketplace
	// asks again, and 000005 is not to be replayed, so the next request of the key runs the callback again.
	Once Kind = iota
	// State: the call says how something shall be. The callback runs each time and must make it so;
	// calls of one subject run one after the other. A success that came too late for its answer
	// is told to the next equal call, unless another call of the subject came between.
	State
	// Present: the callback runs each time, and nothing is kept.
	Present
)

// Repeat is a row of the table of what repeats return.
type Repeat struct {
	Family   string // production, v1, kit
	Activity string // for the kit: the path's last part
	Case     string // "" for the one row of an activity, else what sets this row apart
	Kind     Kind
	Key      []string // fields that make two requests the same; Once and State
	Again    string   // what a repeat is answered, in words, for docs/merchant.md
}

// Repeats is the table, one row a call. The handler looks its calls up here, and
// docs/merchant.md shows the same rows. Keys of test calls (testFlag 1) are kept apart from real ones.
func Repeats() []Repeat {
	return slices.Concat(productionRepeats(), v1Repeats(), kitRepeats())
}

// repeat finds the row of a call. A family asks only for activities that it has parsed.
func repeat(family, activity, which string) Repeat {
	for _, r := range Repeats() {
		if r.Family == family && r.Activity == activity && r.Case == which {
			return r
		}
	}
	panic("merchant: no row for " + family + " " + activity + " " + which)
}

// payPerUse is the Case of instances that are kept by order and product.
const payPerUse = "pay-per-use"

func productionRepeats() []Repeat {
	row := func(activity string, kind Kind, again string, key ...string) Repeat {
		return Repeat{"production", activity, "", kind, key, again}
	}
	return []Repeat{
		row(wire.ActivityNewInstance, Once, "the first answer with the same instanceId; while ordered only (supervised), the callback again with the same instanceId", "orderId", "orderLineId"),
		{"production", wire.ActivityNewInstance, payPerUse, Once, []string{"orderId", "productId"}, "as above, by the product that Options.PayPerUse tells"},
		row(wire.ActivityQueryInstance, Present, "what is so now; 000004 while newInstance is at work, which goes on by it when it was cut"),
		row(wire.ActivityRefreshInstance, Once, "success; the end is not set twice", "instanceId", "scene", "orderId", "orderLineId"),
		row(wire.ActivityUpdateInstanceStatus, State, "success; the callback sets the status again", "instanceId", "status"),
		row(wire.ActivityReleaseInstance, Once, "success; nothing is released twice", "instanceId"),
		row(wire.ActivityUpgradeInstance, Once, "success; nothing is moved twice", "instanceId", "orderId", "orderLineId"),
		row(wire.ActivityChangeInstanceCheck, Present, "what would be so now"),
		row(wire.ActivityGetLicenseAsync, Once, "success; the licence that was made first is uploaded again; after 000004 this server goes on by itself", "instanceId", "eventId", "deviceFingerprint"),
		row(wire.ActivityOrderNotify, State, "success; the callback reads the order again", "orderId", "orderLineId"),
		row(wire.ActivityRefreshLicenseCode, Once, "success; the end is not set twice", "license", "scene", "orderId", "orderLineId"),
		row(wire.ActivityUpdateLicenseCodeStatus, State, "success; the callback sets the status again", "license", "status"),
		row(wire.ActivityReleaseLicenseCode, Once, "success; nothing is released twice", "license"),
	}
}
