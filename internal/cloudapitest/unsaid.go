package cloudapitest

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// unsaid are the rules for requests that a schema cannot say. Each is as narrow as its
// message: a bound that the file could say and does not is reported.
var unsaid = []struct {
	route  string // "" for each
	member string // of the refusal
	text   string // of its message, "" for each
	reason string
}{
	{"", "password", "the password must have a letter and a digit", "two patterns at once"},
	{"", "password", "the password must not have blanks", "blanks of all scripts"},
	{"", "after", "the cursor is not one that the cloud gave", "a cursor is the cloud's own"},
	{"POST /v1/login", "device", "no such device is enrolled", "asks the store"},
	{"POST /v1/devices", "nonce", "", "stands in the signed proof"},
	{"POST /v1/devices", "name", "", "stands in the signed proof"},
	{"POST /v1/devices", "identity", "", "stands in the signed proof"},
	{"POST /v1/instances", "features", "product and features do not fit into one licence text", "a sum of lengths"},
	{"POST /v1/instances", "until", "an instance has a beginning and a later end", "compares two members"},
	{"POST /v1/market/addresses", "address", "not an IP address", "what resolvers read as one"},
	{"POST /v1/market/addresses", "address", "the address is https:// and a domain name", "a path in its shortest form"},
	{"POST /v1/market/addresses", "address", "the address is on port 443", "depends on the operator"},
	{"PUT /v1/market/listings/{product}", "url", "the URL is", "asks the store"},
	{"PUT /v1/market/listings/{product}", "key", "key", "asks the store"},
	{"PUT /v1/market/listings/{product}", "notifyUrl", "", "asks the store"},
	{"PUT /v1/market/listings/{product}", "notifyKey", "key", "asks the store"},
	{"PUT /v1/market/specs/{productId}", "period", "", "depends on another member"},
	{"PUT /v1/market/specs/{productId}", "trialDays", "charged by period", "depends on another member"},
	{"POST /v1/market/cases/run", "scene", "there is no such scene", "a list that grows"},
	{"POST /v1/market/cases/run", "product", "a call goes to a listing's address or to another one", "depends on another member"},
	{"POST /v1/market/cases/run", "url", "the URL is", "asks the store"},
	{"POST /v1/market/cases/run", "key", "the key is", "asks the store"},
	{"POST /v1/market/cases/run", "parameters", "", "depends on the scene"},
	{"POST /v1/spaces/{space}/transfer", "object", "reading needs an object", "depends on another member"},
	{"POST /v1/spaces/{space}/commits", "object", "a commit replaces an object or makes a new one, not both", "depends on another member"},
}

// unsayable says whether a refusal with 400 is for something that a schema cannot say.
func unsayable(route string, asked, answer []byte) bool {
	var refusal cloudapi.ErrorBody
	if json.Unmarshal(answer, &refusal) != nil || refusal.Error.Code != cloudapi.ErrInvalid {
		return true // another rule's refusal, as of names; an answer off the file is reported by itself
	}
	if asked != nil && (!utf8.Valid(asked) || !json.Valid(asked)) {
		return true // the comparison stops reading behind the first value
	}
	for _, u := range unsaid {
		if (u.route == "" || u.route == route) && u.member == refusal.Error.Params["member"] && (u.text == "" || strings.Contains(refusal.Error.Message, u.text)) {
			return true
		}
	}
	return false
}
