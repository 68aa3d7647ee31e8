package api

import (
	"fmt"
	"go/ast"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// codeNames lists the constants of type Code by the source.
func codeNames(t *testing.T) []string {
	t.Helper()
	var names []string
	inspect(t, func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Code" {
			names = append(names, spec.Names[0].Name)
		}
	})
	return names
}

func TestEveryCodeHasItsSentences(t *testing.T) {
	if got, want := len(Codes()), len(codeNames(t)); got != want {
		t.Errorf("%d codes have a text, %d are declared", got, want)
	}
	names := map[string]bool{}
	for _, code := range Codes() {
		name := Name(code)
		t.Run(name, func(t *testing.T) {
			if names[name] {
				t.Errorf("the name is used twice")
			}
			names[name] = true
			var b strings.Builder
			fmt.Fprintf(&b, "%d %s\n", code, name)
			for _, language := range []string{"en", "zh"} {
				message, hint := Text(code, language)
				fmt.Fprintf(&b, "%s cause: %s\n%s next:  %s\n", language, message, language, hint)
				if code != OK {
					sentence(t, language, message)
					sentence(t, language, hint)
				}
			}
			golden(t, "codes/"+name+".golden", []byte(b.String()))
		})
	}
}

// sentence checks what can be checked of good prose.
func sentence(t *testing.T, language, text string) {
	t.Helper()
	if fault := badSentence(language, text); fault != "" {
		t.Errorf("%q is %s", text, fault)
	}
}

// sentenceEnd does not take "names without ? *" for one.
var sentenceEnd = regexp.MustCompile(`[.]\s|[!?]\s+\p{Lu}|[。！？]`)

// badSentence says what is wrong with a text, or "". A stop within a name (agent.toml) ends no sentence.
func badSentence(language, text string) string {
	han := strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	end := "."
	if language == "zh" {
		end = "。"
	}
	inside, whole := strings.CutSuffix(text, end)
	switch {
	case !whole || sentenceEnd.MatchString(inside):
		return "not one sentence"
	case han != (language == "zh"):
		return "not in " + language
	case len([]rune(text)) > 120:
		return "too long to be read"
	}
	return ""
}

func TestBadSentencesAreSeen(t *testing.T) {
	for _, c := range []struct {
		language, text string
		bad            bool
	}{
		{"en", "Set the address in agent.toml.", false},
		{"en", "The disk is full. Free some room.", true},
		{"en", "Is the disk full? Free some room.", true},
		{"en", "The disk is full", true},
		{"zh", "磁盘已满。", false},
		{"zh", "磁盘已满。请清理。", true},
		{"zh", "The disk is full。", true},
		{"en", "磁盘已满.", true},
		{"en", strings.Repeat("x", 120) + ".", true},
	} {
		if got := badSentence(c.language, c.text); (got != "") != c.bad {
			t.Errorf("%s %q: %q", c.language, c.text, got)
		}
	}
}

func TestEveryRefusalHasItsSentences(t *testing.T) {
	if len(Refusals()) != len(textsRefused) || len(Refusals()) != len(constants(t, "Refused")) {
		t.Errorf("%d words listed, %d have a text, %d are declared", len(Refusals()), len(textsRefused), len(constants(t, "Refused")))
	}
	for _, reason := range Refusals() {
		for _, language := range []string{"en", "zh"} {
			message, hint := RefusalText(reason, language)
			sentence(t, language, message)
			sentence(t, language, hint)
		}
	}
	message, _ := RefusalText("of a later cloud", "en")
	if refused, _ := Text(LicenseRefused, "en"); message != refused {
		t.Errorf("an unknown reason says %q", message)
	}
}

func TestUnknownCodeIsAFailure(t *testing.T) {
	message, hint := Text(-77, "en")
	if internal, _ := Text(Internal, "en"); message != internal || hint == "" {
		t.Errorf("got %q, %q", message, hint)
	}
	if Name(-77) != "" {
		t.Errorf("name %q", Name(-77))
	}
}

func TestChinese(t *testing.T) {
	for tag, want := range map[string]bool{
		"zh": true, "zh-CN": true, "ZH_cn.UTF-8": true, "zh-Hant-TW": true,
		"": false, "en": false, "zha": false, "C": false, "de-ZH": false,
	} {
		if got := Chinese(tag); got != want {
			t.Errorf("%q: %v", tag, got)
		}
	}
}

func TestErrorText(t *testing.T) {
	tests := []struct {
		name string
		err  *Error
		want string
	}{
		{"message", &Error{Code: Busy, Message: "M.", Detail: "d"}, "M. (code -7)"},
		{"detail", &Error{Code: Busy, Detail: "d"}, "d (code -7)"},
		{"bare", &Error{Code: Busy}, "iscdesk code -7"},
	}
	for _, tt := range tests {
		if got := tt.err.Error(); got != tt.want {
			t.Errorf("%s: %q", tt.name, got)
		}
		if got := CodeOf(fmt.Errorf("save: %w", tt.err)); got != Busy {
			t.Errorf("%s: code %d", tt.name, got)
		}
	}
	if CodeOf(nil) != OK || CodeOf(fmt.Errorf("x")) != Internal {
		t.Error("codes of nil and of a plain error")
	}
}
