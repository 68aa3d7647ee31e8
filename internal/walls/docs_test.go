package walls

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The README's C program is the one that is compiled and run by cshim/ctest.
func TestReadmeShowsTheRealProgram(t *testing.T) {
	readme := read(t, "../../README.md")
	program := read(t, "../../cshim/examples/hello.c")
	if !strings.Contains(readme, "```c\n"+program+"```") {
		t.Error("README.md does not show cshim/examples/hello.c as it is")
	}
}

var link = regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)

// A link to a file that is not there survives for years unless somebody looks.
func TestLinksOfDocumentsLeadSomewhere(t *testing.T) {
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "../../README.md", "../../README.zh.md", "../../CHANGELOG.md")
	links := 0
	for _, page := range pages {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links were looked at", links)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
