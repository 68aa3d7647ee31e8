package cases

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/iscdesk/iscdesk/cloud/internal/produce"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// Verdict is what an answer is worth: Code names a row of Words, Params fill its {names}. Params may
// hold what the merchant's server said, never a key.
type Verdict struct {
	Code   string
	Params map[string]string
}

// passed is the one good verdict.
const passed = "passed"

// maxSaid bounds a text of the other side within a verdict, in bytes.
const maxSaid = 300

func said(s string) string {
	if len(s) > maxSaid {
		s = s[:maxSaid] + "…"
	}
	return strings.ToValidUTF8(s, "?")
}

// judge says what one answer is worth by itself.
func judge(a aim, x produce.Exchange) Verdict {
	v := func(code string, pairs ...string) Verdict { return Verdict{code, with(map[string]string{}, pairs...)} }
	switch x.Outcome {
	case produce.Done:
		if id := missingInfo(a, x); id != "" {
			return v("no_info", "instance", id)
		}
		return v(passed)
	case produce.Processing:
		if a.scene.Activity == wire.ActivityNewInstance || a.scene.Activity == wire.ActivityGetLicenseAsync {
			return v(passed)
		}
		return v("processing")
	case produce.Refused:
		return refused(a, x)
	case produce.Unreached:
		return v("unreached."+string(x.Cause), "why", x.Verdict)
	}
	switch x.Cause {
	case produce.CauseBodySign:
		given := strings.Join(x.Given.Values(sign.HeaderBodySign), " | ")
		return v("body_sign", "expected", sign.BodySign(a.to.Key, x.Answer), "given", said(given))
	case produce.CauseStatus:
		status := strconv.Itoa(x.Status)
		if x.Status >= 300 && x.Status < 400 {
			return v("redirect", "status", status, "location", said(x.Given.Get("Location")))
		}
		return v("status", "status", status)
	case produce.CauseForm:
		var p *wire.Problem
		if !errors.As(x.Problem, &p) || p.Field == "" {
			return v("not_json", "why", said(x.Problem.Error()))
		}
		if p.Field == "instanceId" && strings.Contains(p.Why, "missing") {
			return v("no_instance")
		}
		return v("field", "field", p.Field, "why", said(p.Why))
	}
	return v(string(x.Cause))
}

// refused explains a result code.
func refused(a aim, x produce.Exchange) Verdict {
	code, message := string(x.Result.ResultCode), said(x.Result.ResultMsg)
	v := Verdict{"result.other", map[string]string{"code": code, "message": message}}
	if x.Result.ResultCode == wire.BadSignature {
		v.Code = "result.000001"
		if a.scene.Kit() {
			v.Code = "kit.000001"
			with(v.Params, "signature", x.Header.Get(sign.HeaderKitSign), "timestamp", x.Header.Get(sign.HeaderKitTimestamp), "nonce", x.Header.Get(sign.HeaderKitNonce))
			return v
		}
		m := hmac.New(sha256.New, []byte(a.to.Key))
		m.Write(x.Request)
		u, err := url.Parse(x.URL)
		if err != nil {
			return v
		}
		q := u.Query()
		with(v.Params, "signature", q.Get(sign.ParamSignature), "timestamp", q.Get(sign.ParamTimestamp), "nonce", q.Get(sign.ParamNonce), "digest", hex.EncodeToString(m.Sum(nil)))
		return v
	}
	if _, known := words["result."+code]; known {
		v.Code = "result." + code
	}
	return v
}

// missingInfo is the first instance that queryInstance was asked for and did not tell of.
func missingInfo(a aim, x produce.Exchange) string {
	if a.scene.Activity != wire.ActivityQueryInstance {
		return ""
	}
	for id := range strings.SplitSeq(a.Params["instanceId"], ",") {
		if !slices.ContainsFunc(x.Result.Info, func(i wire.InstanceInfo) bool { return i.InstanceID == id }) {
			return said(id)
		}
	}
	return ""
}

// judgeRepeat holds the answer to the same request against the first one.
func judgeRepeat(v Verdict, first, again produce.Exchange) Verdict {
	switch {
	case v.Code != passed:
		return Verdict{"repeat", map[string]string{"why": v.English()}}
	case first.Result.InstanceID != again.Result.InstanceID:
		return Verdict{"other_instance", map[string]string{"first": said(first.Result.InstanceID), "second": said(again.Result.InstanceID)}}
	}
	return v
}

// English is the verdict's sentence, EnglishStep what to do next.
func (v Verdict) English() string { return v.fill(words[v.Code].En) }

// EnglishStep see English.
func (v Verdict) EnglishStep() string { return v.fill(words[v.Code].EnDo) }

// Chinese is the verdict's sentence, ChineseStep what to do next.
func (v Verdict) Chinese() string { return v.fill(words[v.Code].Zh) }

// ChineseStep see Chinese.
func (v Verdict) ChineseStep() string { return v.fill(words[v.Code].ZhDo) }

func (v Verdict) fill(sentence string) string {
	var pairs []string
	for name, value := range v.Params {
		pairs = append(pairs, "{"+name+"}", value)
	}
	return strings.NewReplacer(pairs...).Replace(sentence)
}
