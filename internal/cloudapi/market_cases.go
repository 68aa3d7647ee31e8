package cloudapi

import "time"

// RunCase tries one call of the merchant's server. POST /v1/market/cases/run. Without scene, every scene of the
// listing's kind is tried with its pre-set parameters.
type RunCase struct {
	Product    string            `json:"product,omitempty"`    // a listing; or
	URL        string            `json:"url,omitempty"`        // below a verified address
	Key        string            `json:"key,omitempty"`        // id of a key; without it the listing's, or the newest that fits
	Scene      string            `json:"scene,omitempty"`      // newInstance, refreshInstance.RENEWAL, …
	Parameters map[string]string `json:"parameters,omitempty"` // instead of the pre-set ones
}

// ReplayCases sends saved cases again. POST /v1/market/cases/replay. Without id all, or all of a product.
type ReplayCases struct {
	ID      string `json:"id,omitempty"`
	Product string `json:"product,omitempty"`
}

// SavedCase is a debugging call that has passed once, and its last result.
type SavedCase struct {
	ID         string            `json:"id"`
	Product    string            `json:"product,omitempty"`
	URL        string            `json:"url,omitempty"`
	Scene      string            `json:"scene"`
	Parameters map[string]string `json:"parameters"`
	Instance   string            `json:"instance,omitempty"` // instanceId that the server answered
	Saved      time.Time         `json:"saved"`
	Last       *time.Time        `json:"last,omitempty"`
	Passed     bool              `json:"passed"`
	Verdict    string            `json:"verdict"`
	Text       string            `json:"text"`
}

// SavedCases answers GET /v1/market/cases.
type SavedCases struct {
	Cases []SavedCase `json:"cases"`
}

// CaseExchange is one request and its answer. It holds no key.
type CaseExchange struct {
	Method   string              `json:"method"`
	URL      string              `json:"url"`
	Headers  map[string][]string `json:"headers"`
	Body     string              `json:"body"`
	Status   int                 `json:"status"` // 0 without an answer
	Given    map[string][]string `json:"given"`  // headers of the answer
	Answer   string              `json:"answer"`
	BodySign string              `json:"bodySign"` // good, wrong, absent
	Millis   int64               `json:"millis"`
}

// CaseUpload is the licence that has arrived for a getLicenseAsync.
type CaseUpload struct {
	Event    string `json:"event"`
	Type     string `json:"type"` // CHARACTERS, FILE
	FileName string `json:"fileName,omitempty"`
	Size     int    `json:"size"`
	SHA256   string `json:"sha256"`
	Repeats  int    `json:"repeats"` // uploads of the same bytes after the first
	Others   int    `json:"others"`  // uploads of other bytes, refused
}

// CaseReport is what one call came to.
type CaseReport struct {
	Scene     string            `json:"scene"`
	Passed    bool              `json:"passed"`
	Verdict   string            `json:"verdict"` // a word for programs
	Text      string            `json:"text"`    // what is the matter
	Do        string            `json:"do"`      // what to do
	Params    map[string]string `json:"params,omitempty"`
	Case      string            `json:"case,omitempty"` // id, when it is saved
	Exchanges []CaseExchange    `json:"exchanges"`
	Upload    *CaseUpload       `json:"upload,omitempty"`
}

// CaseReports answers runs and replays.
type CaseReports struct {
	Passed  bool         `json:"passed"` // all of them, and at least one
	Reports []CaseReport `json:"reports"`
}
