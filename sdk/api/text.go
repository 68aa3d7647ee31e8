package api

import "strings"

// Text gives the two sentences of a code: what happened, and what to do next.
// language is BCP 47: "zh…" gives Chinese, all else English. A code that this
// version does not know gets the sentences of Internal, because an unknown code
// is a failure. Both are empty for OK.
func Text(code Code, language string) (message, hint string) {
	if code == OK {
		return "", ""
	}
	t, ok := texts[code]
	if !ok {
		t = texts[Internal]
	}
	if Chinese(language) {
		return t.zh[0], t.zh[1]
	}
	return t.en[0], t.en[1]
}

// Chinese says whether a language tag asks for Chinese: "zh", "zh-CN", "zh_CN.UTF-8".
func Chinese(language string) bool {
	l := strings.ToLower(language)
	return l == "zh" || strings.HasPrefix(l, "zh-") || strings.HasPrefix(l, "zh_")
}

// Name is the code's name in iscdesk.h, such as "ISCDESK_E_NOT_SIGNED_IN", and
// "" for a code that this version does not know.
func Name(code Code) string {
	if code == OK {
		return "ISCDESK_OK"
	}
	t, ok := texts[code]
	if !ok {
		return ""
	}
	return "ISCDESK_E_" + t.name
}

// Codes lists every code of this version, from OK downwards.
func Codes() []Code {
	list := make([]Code, 0, len(texts)+1)
	for c := OK; c > -100; c-- {
		if _, ok := texts[c]; ok || c == OK {
			list = append(list, c)
		}
	}
	return list
}

// text is one row of a table: its name, and cause and next step per language.
type text struct {
	name   string
	en, zh [2]string
}

// texts joins the tables of the code groups; all are read and never written.
var texts = join(textsLocal, textsCloud, textsFiles)

func join(tables ...map[Code]text) map[Code]text {
	all := make(map[Code]text)
	for _, table := range tables {
		for code, t := range table {
			all[code] = t
		}
	}
	return all
}
