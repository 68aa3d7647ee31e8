package openapi

import (
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/merchant/wire"
)

// TestForeignTextsAreClean: what a log or a terminal would obey is gone from every part of an error.
func TestForeignTextsAreClean(t *testing.T) {
	const evil = `a\u001b[2J\u009b31m\u0085\u2028\u202e\u200b\u0000\r\nb`
	e := judge(callUpload, 500, []byte(`{"error_code":"`+evil+`","error_msg":"`+evil+`","request_id":"`+evil+`","extra_info":"`+evil+`"}`))
	if e == nil {
		t.Fatal("taken for a success")
	}
	for _, text := range []string{e.Code, e.Message, e.RequestID, e.Extra, e.Error()} {
		if strings.ContainsAny(text, "\x1b\u009b\u0085\u2028\u202e\u200b\x00\r\n") || !strings.Contains(text, "31m") {
			t.Errorf("%q", text)
		}
	}
	if e.Step != wire.StepAsk {
		t.Errorf("step %v", e.Step)
	}
	if got := clean("许可证 “x”"); got != "许可证 “x”" {
		t.Errorf("%q", got)
	}
}
