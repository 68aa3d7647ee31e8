package wire

// Code is a result code of an answer: six digits. A code that is not listed here is a failure.
type Code string

// Result codes of a merchant's answers, as they are printed (marketplace: result codes).
const (
	Success      Code = "000000"
	BadSignature Code = "000001" // also an old, future or replayed request
	BadParameter Code = "000002" // also an unknown activity, and a body that is not JSON
	NoInstance   Code = "000003" // instance id or authorization code unknown
	Processing   Code = "000004" // accepted; the same request again is answered 000000 when it is done
	Internal     Code = "000005" // the same request again is tried again

	NoResource         Code = "000100" // newInstance
	PhoneUnusable      Code = "000101"
	EmailUnusable      Code = "000102"
	NotAgain           Code = "000103"
	ProductInternal    Code = "000104"
	BenefitHeld        Code = "000105"
	SoldOut            Code = "000106"
	EmailDomainTwice   Code = "000107"
	QuotaInsufficient  Code = "000900" // getLicenseAsync
	OutsideValidity    Code = "000901"
	ExpiryMissing      Code = "000902"
	FingerprintMissing Code = "000903"
)

// Meaning is one row of the printed list.
type Meaning struct {
	Code  Code
	Scope string // "common", or the activity that the code belongs to
	Text  string
}

// Codes lists every printed code in the order of the documentation.
func Codes() []Meaning {
	return []Meaning{
		{Success, "common", "success"},
		{BadSignature, "common", "authentication failed"},
		{BadParameter, "common", "a request parameter is invalid"},
		{NoInstance, "common", "the instance id or authorization code is unknown"},
		{Processing, "common", "being processed"},
		{Internal, "common", "internal error"},
		{NoResource, ActivityNewInstance, "no instance is left to allot"},
		{PhoneUnusable, ActivityNewInstance, "the phone number is missing or is used already"},
		{EmailUnusable, ActivityNewInstance, "the e-mail address is missing or is used already"},
		{NotAgain, ActivityNewInstance, "the product cannot be bought again"},
		{ProductInternal, ActivityNewInstance, "internal error of the product"},
		{BenefitHeld, ActivityNewInstance, "the account has this benefit already"},
		{SoldOut, ActivityNewInstance, "sold out"},
		{EmailDomainTwice, ActivityNewInstance, "the e-mail domain is used already"},
		{QuotaInsufficient, ActivityGetLicenseAsync, "the licence quota of the order in force is insufficient"},
		{OutsideValidity, ActivityGetLicenseAsync, "a licence must lie within the validity of the order in force"},
		{ExpiryMissing, ActivityGetLicenseAsync, "a periodic licence needs an expiry date"},
		{FingerprintMissing, ActivityGetLicenseAsync, "the device fingerprint or hardware code is required"},
	}
}

// Text is the printed meaning in English, "" for a code that is not listed.
func (c Code) Text() string {
	for _, m := range Codes() {
		if m.Code == c {
			return m.Text
		}
	}
	return ""
}
