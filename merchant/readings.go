package merchant

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Readings are the places where the marketplace's pages contradict each other, and a few where they are
// silent. The zero value is the reading that docs/merchant.md gives reasons for; each switch takes
// the other one.
type Readings struct {
	// Signature is how production calls and the kit's are signed.
	Signature sign.Reading

	// SevenDigits answers 0000004 where newInstance goes on, as its page prints the code once. Ours: 000004, as everywhere else.
	SevenDigits bool

	// LicenseGuide takes the list of interfaces in the guide of online licences for complete: queryInstance,
	// upgradeInstance, changeInstanceCheck and the scene RENEWAL_CHANGE are 000002. Ours: they are answered, since the same guide's
	// introduction counts them among the scenes of the address, and software as a service has them.
	LicenseGuide bool

	// NeedTestFlag refuses an orderNotify without testFlag, which its page calls mandatory. Ours: it means 0, as everywhere else.
	NeedTestFlag bool

	// SpelledTimes refuses times of getLicenseAsync that are not yyyy-MM-dd HH:mm:ss z. Ours: yyyyMMddHHmmss, which all other
	// interfaces have, is taken too.
	SpelledTimes bool

	// ShortIDs bounds the list of ids of queryInstance by 100 characters, the length in its table. Ours: by 100 ids, the
	// number in the same table.
	ShortIDs bool

	// EncryptQuery encrypts user names and passwords in V2.0's queryInstance as V1.0 does, and says how in encryptType,
	// which stands in the page's sample. Ours: plain, as its table has them.
	EncryptQuery bool

	// V1NeedOrderID refuses expireInstance, releaseInstance, expireLicense and releaseLicense without orderId, which their tables call
	// mandatory. Ours: it may be missing, as in their samples.
	V1NeedOrderID bool

	// V1NeedCustomerName refuses a newInstance without customerName, mandatory on the domestic page. Ours: optional, as on the international one.
	V1NeedCustomerName bool

	// V1ShortAmounts refuses amount, diskSize and bandWidth of more than 4 digits, the length on older pages. Ours: 7, as on newer ones.
	V1ShortAmounts bool

	// V1BlankValues puts blank values of a kit body into its authToken, as the pages' words have it. Ours: they are left out, as
	// in the pages' code.
	V1BlankValues bool

	// KitTables refuses on V2 paths what is of another type than in the tables: lists as texts, digits as texts, enable as a
	// boolean. Ours: both are taken, since the samples have the other types.
	KitTables bool

	// KitUTC reads the timeStamp of V1 kit calls as UTC only, as V1.0's other calls have it. Ours: as UTC+8 too, which the kit's
	// bodies have.
	KitUTC bool

	// KitBlankCode answers kit calls with " resultCode" and " resultMsg", names with a blank before them as some samples have it.
	// Ours: without, as the tables have them.
	KitBlankCode bool

	// StatusByCode sends HTTP 401 with 000001, 400 with 000002, 500 with 000005. Ours: always 200, as in
	// every sample.
	StatusByCode bool

	// OmitBodySign leaves the header Body-Sign out. Ours: it is on each answer; newer pages no longer name it,
	// older ones check it.
	OmitBodySign bool

	// AnyKey takes a key of any category for each production call. Ours: the key of the call's own category.
	AnyKey bool

	// RefuseChanged answers 000002 to a repeat whose key is the same and whose other fields differ. Ours:
	// the key decides, as the pages say; the first result is returned and the difference is logged.
	RefuseChanged bool

	// ShortTimes refuses an expireTime of 17 digits. Ours: 14, as in the tables, and 17, as in a sample.
	ShortTimes bool

	// RefuseUnknown answers 000002 to members that no table has. Ours: they are ignored; the
	// marketplace adds members.
	RefuseUnknown bool

	// NeedTestUpload makes the upload of a test call's licence count. Ours: it is tried, and its failure is
	// logged only, since the pages do not say whether an event of a debugging call takes an upload.
	NeedTestUpload bool

	// V1AnyTime takes V1.0 calls (and the kit's V1 paths) of any timeStamp. Ours: 60 s, as for V2.0. The pages of
	// V1.0 name no window; without one whoever reads a URL in a proxy's log can freeze an instance or
	// fetch a licence for ever.
	V1AnyTime bool

	// V1PlainContact takes a mobilePhone or email that is not encrypted. Ours: 000002, as the pages
	// call them encrypted and a plain one would be a mistake worth knowing.
	V1PlainContact bool

	// KitArrivalOrder hands the kit's calls over in the order of their arrival. Ours: one that is older by its
	// timeStamp than what was handed over for the same object is answered with success and left out, since a
	// repeat that comes late would otherwise bring back a user who was deleted meanwhile.
	KitArrivalOrder bool
}

// kitBlanks puts the samples' blank before the names of a kit answer.
func kitBlanks(body []byte) []byte {
	body = bytes.Replace(body, []byte(`"resultCode"`), []byte(`" resultCode"`), 1)
	return bytes.Replace(body, []byte(`"resultMsg"`), []byte(`" resultMsg"`), 1)
}

// licenseGuide refuses what the guide of online licences does not list.
func (p production) licenseGuide(r wire.Request) error {
	switch r := r.(type) {
	case wire.QueryInstance, wire.UpgradeInstance, wire.ChangeInstanceCheck:
		return &wire.Problem{Field: "activity", Why: "is unknown"}
	case wire.RefreshInstance:
		if r.Scene == wire.SceneRenewalChange {
			return &wire.Problem{Field: "scene", Why: "is unknown"}
		}
	}
	return nil
}

// strict applies the readings that are stricter than ours to a request.
func (p production) strict(r wire.Request, o wire.Object) error {
	on := p.options.Readings
	if on.ShortTimes && len(o.Text("expireTime")) > len("yyyyMMddHHmmss") && r.Activity() != wire.ActivityGetLicenseAsync {
		return &wire.Problem{Field: "expireTime", Why: "has more than 14 digits"}
	}
	if on.LicenseGuide {
		if err := p.licenseGuide(r); err != nil {
			return err
		}
	}
	switch r := r.(type) {
	case wire.OrderNotify:
		if on.NeedTestFlag && r.TestFlag == "" {
			return &wire.Problem{Field: "testFlag", Why: "is missing"}
		}
	case wire.GetLicenseAsync:
		for _, f := range [][2]string{{"effectiveTime", r.EffectiveTime}, {"expireTime", r.ExpireTime}} {
			if on.SpelledTimes && f[1] != "" && !strings.HasSuffix(f[1], " z") {
				return &wire.Problem{Field: f[0], Why: "is not yyyy-MM-dd HH:mm:ss z"}
			}
		}
	case wire.QueryInstance:
		if on.ShortIDs && utf8.RuneCountInString(r.InstanceID) > 100 {
			return &wire.Problem{Field: "instanceId", Why: "is longer than 100 characters"}
		}
	}
	if !on.RefuseUnknown {
		return nil
	}
	if unknown := o.Unknown(wire.Table(r.Activity())); len(unknown) > 0 {
		return &wire.Problem{Field: unknown[0], Why: "is not known"}
	}
	return nil
}

// strict applies the readings that are stricter than ours to a V1.0 call.
func (v v1) strict(q wire.Object) error {
	on, activity := v.options.Readings, q.Text("activity")
	if on.ShortTimes && len(q.Text("expireTime")) > len("yyyyMMddHHmmss") {
		return &wire.Problem{Field: "expireTime", Why: "has more than 14 digits"}
	}
	switch activity {
	case wire.ActivityExpireInstance, wire.ActivityReleaseInstance, wire.ActivityExpireLicense, wire.ActivityReleaseLicense:
		if on.V1NeedOrderID && !q.Has("orderId") {
			return &wire.Problem{Field: "orderId", Why: "is missing"}
		}
	case wire.ActivityNewInstance:
		if on.V1NeedCustomerName && !q.Has("customerName") {
			return &wire.Problem{Field: "customerName", Why: "is missing"}
		}
	}
	for _, name := range []string{"amount", "diskSize", "bandWidth"} {
		if on.V1ShortAmounts && len(q.Text(name)) > 4 {
			return &wire.Problem{Field: name, Why: "has more than 4 digits"}
		}
	}
	table := wire.V1Fields(activity)
	if !on.RefuseUnknown || table == nil {
		return nil
	}
	if unknown := q.Unknown(table); len(unknown) > 0 {
		return &wire.Problem{Field: unknown[0], Why: "is not known"}
	}
	return nil
}
