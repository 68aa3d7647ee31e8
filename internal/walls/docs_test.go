package walls

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The C program of both READMEs is the one that is compiled and run by cshim/ctest.
func TestReadmeShowsTheRealProgram(t *testing.T) {
	program := read(t, "../../cshim/examples/hello.c")
	for _, name := range []string{"README.md", "README.zh.md"} {
		if !strings.Contains(read(t, "../../"+name), "```c\n"+program+"```") {
			t.Errorf("%s does not show cshim/examples/hello.c as it is", name)
		}
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

var named = regexp.MustCompile(`\bdocs/[a-z]+\.md`)

// Code and build files send their readers to documents by name.
func TestDocumentsThatAreNamedExist(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if err == nil && (d.Name() == "build" || d.Name() == ".git") {
				return filepath.SkipDir
			}
			return err
		}
		switch filepath.Ext(path) {
		case ".go", ".c", ".h", ".hpp", ".md", ".sh", ".service", "":
		default:
			return nil
		}
		for _, name := range named.FindAllString(read(t, path), -1) {
			seen++
			if _, err := os.Stat(filepath.Join("../..", name)); err != nil {
				t.Errorf("%s names %s: %v", path, name, err)
			}
		}
		return nil
	})
	if err != nil || seen < 20 {
		t.Errorf("%d names were looked at: %v", seen, err)
	}
}

var room = regexp.MustCompile("`([a-z0-9/]+)`")

// The map of docs/design.md has every package, by its path or as a part of the row
// of the folder that it lies in, and every path in its first column is there.
func TestTheMapHasEveryRoom(t *testing.T) {
	_, text, found := strings.Cut(read(t, "../../docs/design.md"), "## Where what stands")
	text, _, ended := strings.Cut(text, "\n## ")
	if !found || !ended {
		t.Fatal("docs/design.md has no map")
	}
	named := map[string]bool{}
	for _, row := range strings.Split(text, "\n") {
		cells := strings.Split(row, "|")
		if len(cells) != 4 {
			continue
		}
		var folders []string
		for _, m := range room.FindAllStringSubmatch(cells[1], -1) {
			folders = append(folders, m[1])
			named[m[1]] = true
			if _, err := os.Stat("../../" + m[1]); err != nil {
				t.Errorf("the map names a folder: %v", err)
			}
		}
		for _, m := range room.FindAllStringSubmatch(cells[2], -1) {
			for _, folder := range folders {
				named[folder+"/"+m[1]] = true
				named[filepath.Dir(folder)+"/"+m[1]] = true
			}
		}
	}
	for _, pkg := range list(t, []string{module + "..."}) {
		path := strings.TrimPrefix(pkg, module)
		if !named[path] && filepath.Base(path) != "gen" && filepath.Base(path) != "codegen" {
			t.Errorf("the map has no %s", path)
		}
	}
}

var phony = regexp.MustCompile(`(?m)^\.PHONY: (.*)$`)

// make help prints the targets that have a line of words; each has.
func TestMakeHelpListsEveryTarget(t *testing.T) {
	text := read(t, "../../Makefile")
	all := phony.FindStringSubmatch(text)
	if all == nil {
		t.Fatal("the Makefile names no targets")
	}
	for _, target := range strings.Fields(all[1]) {
		if !regexp.MustCompile(`(?m)^` + target + `:.*## \S`).MatchString(text) {
			t.Errorf("make help does not list %s", target)
		}
	}
	for _, rule := range regexp.MustCompile(`(?m)^([a-z][a-z0-9-]*):`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(all[1]+" ", rule[1]+" ") {
			t.Errorf(".PHONY does not name %s", rule[1])
		}
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

// The unit that operating.md tells people to install is shown there as it is.
func TestOperatingShowsTheRealUnit(t *testing.T) {
	if !strings.Contains(read(t, "../../docs/operating.md"), "```ini\n"+read(t, "../../installer/linux/iscdesk-cloud.service")+"```") {
		t.Error("docs/operating.md does not show installer/linux/iscdesk-cloud.service as it is")
	}
}
