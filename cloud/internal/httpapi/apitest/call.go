package apitest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Code is the error code of a refusal, "" for success.
func (a Answer) Code() string { return a.Error().Code }

// Error is the refusal, zero for success.
func (a Answer) Error() cloudapi.Error {
	var e cloudapi.ErrorBody
	if a.Status >= 400 {
		_ = json.Unmarshal(a.Body, &e) // the checker has refused bodies of another form
	}
	return e.Error
}

// Bearer is the header of a user's or transfer token.
func Bearer(token string) http.Header {
	return http.Header{"Authorization": {"Bearer " + token}}
}

// OnDevice is the header of a user's token beside a device's.
func OnDevice(user, device string) http.Header {
	h := Bearer(user)
	h.Set(cloudapi.HeaderDevice, device)
	return h
}

// Do sends one request through the checks. body may be nil, []byte (sent as it is, as
// application/octet-stream unless header says otherwise), json.RawMessage (sent as it is, as JSON), or
// anything that becomes JSON.
func (c *Cloud) Do(t testing.TB, method, path string, header http.Header, body any) Answer {
	t.Helper()
	var r io.Reader
	kind := ""
	switch b := body.(type) {
	case nil:
	case []byte:
		r, kind = bytes.NewReader(b), "application/octet-stream"
	case json.RawMessage:
		r, kind = bytes.NewReader(b), "application/json"
	default:
		j, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		r, kind = bytes.NewReader(j), "application/json"
	}
	req, err := http.NewRequestWithContext(t.Context(), method, c.URL+path, r)
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := c.HTTP.Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatalf("%s %s: read answer: %v", method, path, err)
	}
	if got := res.Header.Get(cloudapi.HeaderAPI); got != "1" {
		t.Errorf("%s %s: header %s is %q, want 1", method, path, cloudapi.HeaderAPI, got)
	}
	return Answer{Status: res.StatusCode, Header: res.Header, Body: b}
}

// Must sends one request and fails the test unless the status is want; a JSON answer goes into
// the pointer unless that is nil.
func (c *Cloud) Must(t testing.TB, method, path string, header http.Header, body, into any, want int) {
	t.Helper()
	a := c.Do(t, method, path, header, body)
	if a.Status != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, a.Status, want, a.Body)
	}
	if into != nil {
		if err := json.Unmarshal(a.Body, into); err != nil {
			t.Fatalf("%s %s: %v in %s", method, path, err, a.Body)
		}
	}
}

// Refused sends one request and fails the test unless it is refused with the code.
func (c *Cloud) Refused(t testing.TB, method, path string, header http.Header, body any, want string) cloudapi.Error {
	t.Helper()
	a := c.Do(t, method, path, header, body)
	if a.Code() != want {
		t.Errorf("%s %s: status %d code %q, want %q: %s", method, path, a.Status, a.Code(), want, a.Body)
	}
	return a.Error()
}
