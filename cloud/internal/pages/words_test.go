package pages

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

var (
	verbs    = regexp.MustCompile(`%[a-z]`)
	names    = regexp.MustCompile(`\{[a-z]+\}`)
	words    = regexp.MustCompile(`"([a-z]+(?:\.[A-Za-z_]+)+|[a-z]+)"`)
	prefixes = regexp.MustCompile(`\(print "([a-z]+\.)`)
	han      = regexp.MustCompile(`\p{Han}`)
)

// TestSentencesStandInBothLanguages: with the same arguments and the same names.
func TestSentencesStandInBothLanguages(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range sentences() {
		if seen[s.key] {
			t.Errorf("%s stands twice", s.key)
		}
		seen[s.key] = true
		if s.en == "" || s.zh == "" {
			t.Errorf("%s is missing in a language", s.key)
		}
		if !slices.Equal(verbs.FindAllString(s.en, -1), verbs.FindAllString(s.zh, -1)) {
			t.Errorf("%s takes other arguments in the other language: %q %q", s.key, s.en, s.zh)
		}
		en, zh := names.FindAllString(s.en, -1), names.FindAllString(s.zh, -1)
		slices.Sort(en)
		slices.Sort(zh)
		if !slices.Equal(en, zh) {
			t.Errorf("%s names other params in the other language: %q %q", s.key, s.en, s.zh)
		}
		if !han.MatchString(s.zh) && s.key != "language.other" {
			t.Errorf("%s is not Chinese: %q", s.key, s.zh)
		}
		if han.MatchString(s.en) && s.key != "language.other" {
			t.Errorf("%s is not English: %q", s.key, s.en)
		}
	}
	for key := range seen {
		if strings.HasPrefix(key, "no.") && !strings.HasSuffix(key, ".do") && !seen[key+".do"] {
			t.Errorf("%s says not what to do", key)
		}
	}
	for _, code := range []string{cloudapi.ErrInvalid, cloudapi.ErrTooLarge, cloudapi.ErrUnauthenticated, cloudapi.ErrWrongCredentials, cloudapi.ErrForbidden, cloudapi.ErrNotFound,
		cloudapi.ErrNameExists, cloudapi.ErrConflict, cloudapi.ErrProductUnknown, cloudapi.ErrLicenseNone, cloudapi.ErrLicenseRefused, cloudapi.ErrRateLimited, cloudapi.ErrInternal} {
		if !seen["no."+code] {
			t.Errorf("the refusal %s has no words", code)
		}
	}
}

// TestWordsAreThereAndUsed compares the table with what templates and code name.
func TestWordsAreThereAndUsed(t *testing.T) {
	table := map[string]bool{}
	for _, s := range sentences() {
		table[s.key] = true
	}
	used, starts := map[string]bool{}, []string{"no."}
	files, err := filepath.Glob("templates/*.html")
	if err != nil {
		t.Fatal(err)
	}
	code, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range slices.Concat(files, code) {
		if strings.HasPrefix(f, "messages") || f == "doc.go" || strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range words.FindAllStringSubmatch(string(b), -1) {
			used[m[1]] = true
		}
		for _, m := range prefixes.FindAllStringSubmatch(string(b), -1) {
			starts = append(starts, m[1])
		}
		for _, m := range regexp.MustCompile(`\.T "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
			if !table[m[1]] {
				t.Errorf("%s names the sentence %s, which does not exist", f, m[1])
			}
		}
		for _, m := range regexp.MustCompile(`"(done\.[a-z.]+[a-z])"|Nav: "([^"]+)"`).FindAllStringSubmatch(string(b), -1) {
			if key := m[1] + m[2]; !table[key] {
				t.Errorf("%s names the sentence %s, which does not exist", f, key)
			}
		}
	}
	for key := range table {
		if !used[key] && !slices.ContainsFunc(starts, func(p string) bool { return strings.HasPrefix(key, p) }) {
			t.Errorf("nobody says %s", key)
		}
	}
}

func TestVendoredFilesAreThoseOfTheTable(t *testing.T) {
	theirs, err := os.ReadFile("../../../agent/internal/worker/picker/assets/vendor/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	ours, err := os.ReadFile("assets/vendor/htmx.min.js")
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(ours, theirs) {
		t.Error("the picker and the console have different copies of htmx")
	}
}
