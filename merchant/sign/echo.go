package sign

import (
	"net/http"
	"strings"
)

// Echo is the canonical request as the gateway's refusals show it to who signed another one: | in the place
// of line ends (marketplace: gateway errors). hash is PayloadHash of the body, which counts when the
// request does not say its payload itself. "" when the request has no form that could be signed.
func Echo(r *http.Request, hash string) string {
	_, names, _, err := ParseAuthorization(r.Header.Values("Authorization"))
	if err != nil {
		return ""
	}
	if said := r.Header.Get(HeaderPayload); said != "" {
		hash = said
	}
	text, err := canonical(r, names, hash)
	if err != nil {
		return ""
	}
	return strings.ReplaceAll(text, "\n", "|")
}
