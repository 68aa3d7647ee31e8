package sdktest

import (
	"context"
	"encoding/json"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// script is what a test wants to happen to one method.
type script struct {
	code   api.Code
	times  int // refusals left; negative: for ever
	fired  int
	held   chan struct{}
	handle func(json.RawMessage) (any, error)
}

// scriptOf is called with mu held.
func (a *Agent) scriptOf(method string) *script {
	s := a.scripts[method]
	if s == nil {
		s = &script{}
		a.scripts[method] = s
	}
	return s
}

// Refuse answers every call of method with code, until Allow.
func (a *Agent) Refuse(method string, code api.Code) { a.RefuseTimes(method, code, -1) }

// RefuseTimes refuses the next n calls of method. A test whose refusal never
// fires fails at its end: it would show nothing.
func (a *Agent) RefuseTimes(method string, code api.Code, n int) {
	a.mu.Lock()
	s := a.scriptOf(method)
	s.code, s.times = code, n
	first := s.fired == 0
	a.mu.Unlock()
	if first {
		a.t.Cleanup(func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			if s.fired == 0 {
				a.t.Errorf("sdktest: the refusal of %s never fired", method)
			}
		})
	}
}

// Allow ends the refusal of method.
func (a *Agent) Allow(method string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scriptOf(method).times = 0
}

// Hold keeps the answers of method back until release is called.
func (a *Agent) Hold(method string) (release func()) {
	held := make(chan struct{})
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scriptOf(method).held = held
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		if s := a.scriptOf(method); s.held == held {
			s.held = nil
			close(held)
		}
	}
}

// Handle answers method by fn instead of the default; nil restores it.
func (a *Agent) Handle(method string, fn func(params json.RawMessage) (any, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.scriptOf(method).handle = fn
}

// Hello lets fn change the answer to hello, for an agent of another version.
func (a *Agent) Hello(fn func(*api.HelloResult)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hello = fn
}

// Calls are the requests of a method so far; of all methods when it is "".
func (a *Agent) Calls(method string) []Call {
	a.mu.Lock()
	defer a.mu.Unlock()
	var list []Call
	for _, c := range a.calls {
		if method == "" || c.Method == method {
			list = append(list, c)
		}
	}
	return list
}

// scripted applies the method's script; done says that it gave the answer.
func (a *Agent) scripted(ctx context.Context, method string, params json.RawMessage) (done bool, result any, err error) {
	a.mu.Lock()
	s := a.scripts[method]
	if s == nil {
		a.mu.Unlock()
		return false, nil, nil
	}
	held, handle, refuse, code := s.held, s.handle, s.times != 0, s.code
	if refuse {
		s.fired++
		if s.times > 0 {
			s.times--
		}
	}
	a.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-ctx.Done():
			return true, nil, context.Cause(ctx)
		}
	}
	switch {
	case refuse:
		return true, nil, Refusal(code)
	case handle != nil:
		result, err := handle(params)
		return true, result, err
	}
	return false, nil, nil
}

// Refusal is a refusal as the agent's door words it, in English.
func Refusal(code api.Code) error {
	message, hint := api.Text(code, "en")
	return &api.Error{Code: code, Message: message, Hint: hint, Detail: "scripted by a test"}
}
