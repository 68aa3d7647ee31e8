package openapi

import (
	"slices"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestEachReadingHasBothSides: what is sent by our reading, and by the other one. TestUploads has OmitFileName and HashUploads.
func TestEachReadingHasBothSides(t *testing.T) {
	const done = `{"error_code":"CBC.0000","error_msg":"Success"}`
	upload := func(c *Client) error { return c.UploadCharacters(t.Context(), "e", "licence") }
	for _, tt := range []struct {
		name     string
		readings Readings
		answer   string
		call     func(*Client) error
		holds    string // in Content-Type and body; "" for a call that is refused before it is sent
	}{
		{"characters", Readings{}, done, upload, "multipart/form-data; boundary"},
		{"CharactersAsJSON", Readings{CharactersAsJSON: true}, done, upload, `application/json {"type":"CHARACTERS","characters":"licence"}`},
		{"file", Readings{}, done, func(c *Client) error { return c.UploadFile(t.Context(), "e", "111.jpg", []byte("x")) }, `4881"}`},
		{"FileCharacters", Readings{FileCharacters: true}, done, func(c *Client) error { return c.UploadFile(t.Context(), "e", "111.jpg", []byte("x")) }, `,"characters":"111"}`},
		{"heartbeat", Readings{}, `{"error_code":"92020000","error_msg":"success","data":{"license_code":"PL1","status":"ALIVE"}}`,
			func(c *Client) error { _, err := c.Heartbeat(t.Context(), wire.Heartbeat{License: "PL1"}); return err }, `{"license":"PL1"}`},
		{"NeedHeartbeatInfo", Readings{NeedHeartbeatInfo: true}, "",
			func(c *Client) error { _, err := c.Heartbeat(t.Context(), wire.Heartbeat{License: "PL1"}); return err }, ""},
		{"101 records", Readings{}, `{"error_code":"MKT.0000","error_msg":"Success."}`,
			func(c *Client) error {
				return c.PushUsage(t.Context(), wire.UsagePush{UsageRecords: slices.Repeat([]wire.UsageRecord{record()}, 101)})
			}, "sn1"},
		{"SmallUsage", Readings{SmallUsage: true}, "",
			func(c *Client) error {
				return c.PushUsage(t.Context(), wire.UsagePush{UsageRecords: slices.Repeat([]wire.UsageRecord{record()}, 101)})
			}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newMarket(t, says(200, tt.answer))
			c, _ := client(t, func(c *Config) { c.Readings = tt.readings }, m)
			err := tt.call(c)
			if tt.holds == "" {
				if err == nil || len(m.requests()) != 0 {
					t.Errorf("it was sent: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if r := m.requests()[0]; r.err != nil || !strings.Contains(r.header.Get("Content-Type")+" "+string(r.body), tt.holds) {
				t.Errorf("%s %s, %v", r.header.Get("Content-Type"), r.body, r.err)
			}
		})
	}
}
