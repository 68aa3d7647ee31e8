package merchant

// Readings are the places where the marketplace's pages contradict each other or are silent. The
// zero value is the reading that docs/merchant.md gives reasons for; each switch takes
// the other one.
type Readings struct {
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
