package merchant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// saved is what the store keeps of a request until its work is done: enough to make the call again when
// the marketplace sends no second request (Begin.Request).
type saved struct {
	Family string          `json:"family"`
	Body   json.RawMessage `json:"body,omitempty"`  // production
	Query  string          `json:"query,omitempty"` // V1: without its token, contacts encrypted as they came
	Key    string          `json:"key,omitempty"`   // V1: keyName of the key that they are encrypted with
}

// saveProduction makes call.saved of a checked request.
func saveProduction(r wire.Request) ([]byte, error) {
	body, err := wire.Encode(r)
	if err != nil {
		return nil, fmt.Errorf("save request: %w", err)
	}
	return json.Marshal(saved{Family: "production", Body: body})
}

// saveV1 makes call.saved of a proved query. The token is left out: with Readings.V1AnyTime it would open for ever.
func saveV1(key, query string) ([]byte, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, fmt.Errorf("save request: %w", err)
	}
	values.Set(sign.ParamAuthToken, "-")
	return json.Marshal(saved{Family: "v1", Query: values.Encode(), Key: keyName(key)})
}

// rebuild makes a call again of what the store keeps of it. It takes no turn. The call is never nil: with an error it
// says only what the first request said.
func (h *Handler) rebuild(state store.State) (*call, error) {
	c, err := h.read(state.Request)
	if err != nil {
		c, err = &call{}, fmt.Errorf("begin call again: %w", err)
	}
	c.saved = state.Request
	c.others = nil
	if state.Digest != "" {
		c.others = strings.Split(state.Digest, "\n")
	}
	return c, err
}

func (h *Handler) read(request []byte) (*call, error) {
	if request == nil {
		return nil, errors.New("its request was not kept")
	}
	var s saved
	if err := json.Unmarshal(request, &s); err != nil {
		return nil, err
	}
	if s.Family == "v1" {
		q, err := wire.ParseQuery(s.Query)
		if err != nil {
			return nil, err
		}
		for _, key := range slices.Concat(h.options.Keys.all(), h.options.V1.OldKeys) {
			if keyName(key) == s.Key {
				return v1{h.options}.purchase(q, key)
			}
		}
		return nil, errors.New("its key is neither in Options.Keys nor in Options.V1.OldKeys")
	}
	r, err := wire.Parse(s.Body)
	if err != nil {
		return nil, err
	}
	p, c := production{h.options}, &call{row: repeat("production", r.Activity(), ""), test: r.Test()}
	switch r := r.(type) {
	case wire.NewInstance:
		if h.options.Calls.NewInstance == nil {
			return nil, errNotOffered
		}
		p.newInstance(c, r)
	case wire.GetLicenseAsync:
		if h.options.Calls.GetLicenseAsync == nil {
			return nil, errNotOffered
		}
		p.license(c, r)
	default:
		return nil, fmt.Errorf("%s is not begun again", r.Activity())
	}
	return c, nil
}

// resume begins again what makes the instances that a query asks for, where it was cut: after 000004 the
// marketplace asks by queries only. Its error answers the query: ErrProcessing while one of them is being made, and
// first of all the code with which one was refused.
func (h *Handler) resume(c *call, due context.Context) error {
	var first error
	for _, id := range c.asks {
		err := h.resumeOne(c.test, id, due)
		if err != nil && (first == nil || processing(first) && !processing(err)) {
			first = err
		}
	}
	return first
}

func (h *Handler) resumeOne(test bool, id string, due context.Context) error {
	ctx, end := context.WithTimeout(context.WithoutCancel(h.root), storeTime)
	state, known, err := h.options.Store.Find(ctx, test, id)
	end()
	switch {
	case err != nil:
		return err
	case !known || !state.Cut: // for the query itself
		return nil
	case state.Turn == store.Elsewhere:
		return ErrProcessing
	}
	if err := h.refused(state.Key); err != nil {
		return err
	}
	c, err := h.rebuild(state)
	if err != nil {
		return err
	}
	f, boarded, err := h.board(c.row.Kind, state.Key, state.Key)
	if err != nil {
		return err
	}
	if boarded.mine {
		f.left = true // nobody else has it yet
		h.lead(c, f, state.Key, state.Key, due)
	}
	return ErrProcessing
}

// refused is the refusal that a creating call has ended with in this process, until its next request.
func (h *Handler) refused(key string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if was, ok := h.late[key]; ok && h.options.Now().Sub(was.at) < lateTime {
		return was.err
	}
	return nil
}
