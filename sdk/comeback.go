package sdk

import (
	"context"
	"encoding/json"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// comeBackKey is the key of WithComeBack's text in a context.
type comeBackKey struct{}

// WithComeBack makes the requests that are begun with the returned context bring
// a note of the application: one JSON object of at most api.MaxComeBack bytes,
// which comes back as comeBackParams in every event of the operation, after a
// restart of the agent as well, and means nothing to anybody else. A request with
// another text answers api.InvalidArgument or api.TooLarge. Empty text ends it; the
// ComeBack of a request's own parameters goes first.
func WithComeBack(ctx context.Context, object string) context.Context {
	return context.WithValue(ctx, comeBackKey{}, object)
}

// CheckComeBack refuses what WithComeBack's requests would refuse: api.InvalidArgument
// for what is neither empty nor one JSON object in UTF-8, api.TooLarge.
func CheckComeBack(object string) error {
	if object == "" {
		return nil
	}
	if err := checkText("comeBack", object, api.MaxComeBack); err != nil {
		return err
	}
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(object), &members) != nil || members == nil {
		return &api.Error{Code: api.InvalidArgument, Detail: "comeBack is not a JSON object"}
	}
	return nil
}

// comeBackOf puts the context's note into params that bring none, and tells what
// they bring now.
func comeBackOf(ctx context.Context, params any) (filled any, note string, err error) {
	note, _ = ctx.Value(comeBackKey{}).(string)
	fill := func(own *string) error {
		if *own == "" {
			*own = note
		}
		note = *own
		return CheckComeBack(*own)
	}
	switch p := params.(type) {
	case api.AuthPage:
		err = fill(&p.ComeBack)
		params = p
	case api.LicenseRequest:
		err = fill(&p.ComeBack)
		params = p
	case api.Open:
		err = fill(&p.ComeBack)
		params = p
	case api.Pick:
		err = fill(&p.ComeBack)
		params = p
	case api.Save:
		err = fill(&p.ComeBack)
		params = p
	case api.SaveTo:
		err = fill(&p.ComeBack)
		params = p
	}
	return params, note, err
}
