package sdk_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// TestComeBackOfEveryRequest: whatever ends in an event brings the context's note back.
func TestComeBackOfEveryRequest(t *testing.T) {
	_, c := start(t)
	const note = `{"tag":"a","n":[1,2]}`
	file := filepath.Join(t.TempDir(), "a.dxf")
	if err := os.WriteFile(file, []byte("0\nEOF\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	only := func(s api.Started, err error) (api.Operation, error) { return s.Operation, err }
	requests := []struct {
		name, event string
		begin       func(ctx context.Context) (api.Operation, error)
	}{
		{"licence string", api.EventLicenseVerify, func(ctx context.Context) (api.Operation, error) { return c.GetLicenseStringRequest(ctx, "") }},
		{"licence file", api.EventLicenseVerify, func(ctx context.Context) (api.Operation, error) { return c.GetLicenseFileRequest(ctx, "", "") }},
		{"pick", api.EventOpenResult, func(ctx context.Context) (api.Operation, error) { return only(c.OpenCloudFile(ctx)) }},
		{"open", api.EventOpenResult, func(ctx context.Context) (api.Operation, error) {
			return c.OpenObject(ctx, api.Open{Object: "o1"})
		}},
		{"save", api.EventSaveResult, func(ctx context.Context) (api.Operation, error) { return c.Save(ctx, file, false) }},
		{"save as", api.EventSaveResult, func(ctx context.Context) (api.Operation, error) { return only(c.SelectSaveAsPath(ctx, file, false)) }},
		{"save to", api.EventSaveResult, func(ctx context.Context) (api.Operation, error) {
			return c.SaveTo(ctx, api.SaveTo{Path: file, Space: "s1", Name: "b.dxf"})
		}},
		{"sign-in page", api.EventSignIn, func(ctx context.Context) (api.Operation, error) { return only(c.SignInPage(ctx)) }},
	}
	for _, r := range requests {
		for _, want := range []string{note, "{}"} {
			ctx := t.Context()
			if want == note {
				ctx = sdk.WithComeBack(ctx, note)
			}
			op, err := r.begin(ctx)
			wantCode(t, err, api.OK)
			if e := next(t, c, r.event); e.Operation != op || string(e.Envelope.ComeBack) != want {
				t.Errorf("%s: operation %d, comeBackParams %s, want %s", r.name, e.Operation, e.Envelope.ComeBack, want)
			}
		}
	}
}

// TestComeBackOfEventsMadeHere: the library's own events of an operation bring its note too.
func TestComeBackOfEventsMadeHere(t *testing.T) {
	agent, c := start(t)
	agent.Manual()
	agent.Page("http://127.0.0.1:1/#t")
	for _, want := range []string{`{"tag":"a"}`, "{}"} {
		ctx := t.Context()
		if want != "{}" {
			ctx = sdk.WithComeBack(ctx, want)
		}
		_, err := c.OpenCloudFile(ctx) // there is no browser: the address is told
		wantCode(t, err, api.OK)
		if e := next(t, c, api.EventPage); string(e.Envelope.ComeBack) != want {
			t.Errorf("page: comeBackParams %s, want %s", e.Envelope.ComeBack, want)
		}
		op, err := c.Save(ctx, document(t), false)
		wantCode(t, err, api.OK)
		agent.Halt()
		agent.Forget(op)
		agent.Start()
		e := next(t, c, api.EventSaveResult)
		if e.Operation != op || e.Envelope.Params[api.ParamStatus] != api.StatusFailed || string(e.Envelope.ComeBack) != want {
			t.Errorf("lost save: %+v, want comeBackParams %s", e, want)
		}
	}
}

func TestComeBackBounds(t *testing.T) {
	_, c := start(t)
	for _, tt := range []struct {
		name, note, own string
		want            api.Code
		back            string
	}{
		{"largest", `{"a":"` + strings.Repeat("x", api.MaxComeBack-8) + `"}`, "", api.OK, ""},
		{"too large", `{"a":"` + strings.Repeat("x", api.MaxComeBack-7) + `"}`, "", api.TooLarge, ""},
		{"a list", `[1]`, "", api.InvalidArgument, ""},
		{"null", `null`, "", api.InvalidArgument, ""},
		{"cut", `{"a":`, "", api.InvalidArgument, ""},
		{"two objects", `{}{}`, "", api.InvalidArgument, ""},
		{"not UTF-8", "{\"a\":\"\xff\"}", "", api.InvalidArgument, ""},
		{"the request's own goes first", `{"a":1}`, `{"b":2}`, api.OK, `{"b":2}`},
		{"the request's own is checked", ``, `7`, api.InvalidArgument, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.OpenObject(sdk.WithComeBack(t.Context(), tt.note), api.Open{Object: "o1", ComeBack: tt.own})
			wantCode(t, err, tt.want)
			if tt.want != api.OK {
				return
			}
			want := tt.back
			if want == "" {
				want = tt.note
			}
			if e := next(t, c, api.EventOpenResult); string(e.Envelope.ComeBack) != want {
				t.Errorf("came back: %.80s", e.Envelope.ComeBack)
			}
		})
	}
}
