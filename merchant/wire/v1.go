package wire

// Activities that only V1.0 has: GET with an authToken (marketplace: License 1.0, SaaS V1.0).
// newInstance, queryInstance, refreshInstance and releaseInstance bear the same names as V2.0's.
const (
	ActivityGetLicense     = "getLicense"
	ActivityRefreshLicense = "refreshLicense"
	ActivityExpireLicense  = "expireLicense"
	ActivityReleaseLicense = "releaseLicense"
	ActivityExpireInstance = "expireInstance"
	ActivityInstanceStatus = "instanceStatus"
	ActivityUpgrade        = "upgrade"
)

// Values of V1.0's fields.
const (
	StatusNormal = "NORMAL" // instanceStatus; FREEZE is V2.0's too

	V1OnDemand = "0" // chargingMode: pay-per-use
	V1Period   = "1"
	V1Once     = "3"
	V1Package  = "5"

	EncryptAES256 = "1" // encryptType: AES256_CBC_PKCS5Padding, what an answer without it means
	EncryptAES128 = "2" // AES128_CBC_PKCS5Padding
)

// V1Activities lists what a V1.0 address may be asked.
func V1Activities() []string {
	return []string{
		ActivityGetLicense, ActivityRefreshLicense, ActivityExpireLicense, ActivityReleaseLicense,
		ActivityNewInstance, ActivityQueryInstance, ActivityRefreshInstance, ActivityExpireInstance,
		ActivityReleaseInstance, ActivityInstanceStatus, ActivityUpgrade,
	}
}

// V1Fields is the table of a V1.0 call's parameters, nil for an activity that is none. Where the
// samples leave out what a table calls mandatory (orderId of expireInstance and its like), the
// sample stands: a debugging page sends samples.
func V1Fields(activity string) []Field {
	head := []Field{
		{Name: "authToken", Required: true, Max: 50},
		{Name: "timeStamp", Required: true, Max: 20, Kind: Time},
		{Name: "activity", Required: true, Max: 32, Values: V1Activities()},
		{Name: "testFlag", Max: 2, Values: []string{"0", "1"}},
	}
	switch activity {
	case ActivityNewInstance, ActivityGetLicense:
		return append(append(head, v1Buyer()...), v1Purchase()...)
	case ActivityRefreshInstance, ActivityRefreshLicense:
		return append(head,
			must("orderId"),
			must("instanceId"),
			may("productId"),
			Field{Name: "expireTime", Required: true, Max: 20, Kind: Time},
			Field{Name: "trialToFormal", Max: 2, Values: []string{"0", "1"}},
			Field{Name: "periodType", Max: 10, Values: v1Periods()},
			Field{Name: "periodNumber", Max: 2, Kind: Integer},
			Field{Name: "orderAmount", Max: 20, Kind: Number})
	case ActivityExpireInstance, ActivityReleaseInstance, ActivityExpireLicense, ActivityReleaseLicense:
		return append(head,
			must("instanceId"),
			may("orderId"),
			Field{Name: "orderAmount", Max: 20, Kind: Number})
	case ActivityInstanceStatus:
		return append(head,
			must("instanceId"),
			Field{Name: "instanceStatus", Required: true, Max: 32, Values: []string{StatusFreeze, StatusNormal}})
	case ActivityUpgrade:
		return append(head, append([]Field{
			must("instanceId"),
			must("orderId"),
			must("skuCode"),
			must("productId"),
			{Name: "saasExtendParams", Max: maxExtendParams}}, v1Amounts()...)...)
	case ActivityQueryInstance:
		// Its table is on no page: the ids are bounded as V2.0's.
		return append(head, Field{Name: "instanceId", Required: true, Max: 64, Kind: IDs, MaxItems: 100})
	}
	return nil
}

func v1Periods() []string { return []string{"year", "month", "day"} }

func v1Buyer() []Field {
	return []Field{
		{Name: "customerId", Required: true, Max: 100},
		may("customerName"), // mandatory on the domestic site's SaaS page only
		may("userId"),
		may("userName"),
		{Name: "mobilePhone", Max: 128}, // encrypted
		{Name: "email", Max: 128},       // encrypted
	}
}

func v1Purchase() []Field {
	return append([]Field{
		must("businessId"),
		must("orderId"),
		may("skuCode"),
		must("productId"),
		{Name: "trialFlag", Max: 2, Values: []string{"0", "1"}},
		{Name: "expireTime", Max: 20, Kind: Time},
		{Name: "startTime", Max: 20, Kind: Time},
		{Name: "chargingMode", Max: 3, Kind: Integer, Values: []string{V1OnDemand, V1Period, V1Once, V1Package}},
		{Name: "saasExtendParams", Max: maxExtendParams},
		{Name: "periodType", Max: 10, Values: v1Periods()},
		{Name: "periodNumber", Max: 2, Kind: Integer},
		{Name: "orderAmount", Max: 20, Kind: Number},
		{Name: "provisionType", Max: 2, Kind: Integer},
	}, v1Amounts()...)
}

// v1Amounts are the quantities. Older pages allow four digits, newer ones seven.
func v1Amounts() []Field {
	return []Field{
		{Name: "amount", Max: 7, Kind: Integer},
		{Name: "diskSize", Max: 7, Kind: Integer},
		{Name: "bandWidth", Max: 7, Kind: Integer},
	}
}
