package machine

import (
	"os"
	"strings"
	"testing"
)

// document is the table of docs/attacksurface.md between two headings.
func document(t *testing.T, from string) []string {
	t.Helper()
	b, err := os.ReadFile("../../docs/attacksurface.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(b), "\n## "+from+"\n")
	if !ok {
		t.Fatalf("docs/attacksurface.md has no part %q", from)
	}
	part, _, _ := strings.Cut(rest, "\n## ")
	var rows []string
	for line := range strings.Lines(part) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "| `") {
			rows = append(rows, line)
		}
	}
	if len(rows) == 0 {
		t.Fatalf("part %q of docs/attacksurface.md has no rows", from)
	}
	return rows
}

// cells are a row's columns without marks.
func cells(row string) []string {
	var all []string
	for _, c := range strings.Split(strings.Trim(row, "|"), "|") {
		all = append(all, strings.Trim(strings.TrimSpace(c), "`"))
	}
	return all
}

// surface compares the paths of the document with the machine, both ways: no path
// with another mode, and none below the agent's folders that the document omits.
func surface(t *testing.T, i installation) {
	documented := map[string]bool{}
	for _, row := range document(t, "Paths") {
		c := cells(row) // path, kind and mode, owner, what
		documented[c[0]] = true
		if strings.Contains(c[0], "~") || strings.Contains(c[1], "when") {
			continue // a user's own folders, and what does not exist on a new system
		}
		got, err := i.try(t, "", "stat", "-c", "%F %a %U:%G", c[0])
		if want := c[1] + " " + c[2]; err != nil || got != want {
			t.Errorf("%s is %q (%v), the document says %q", c[0], got, err, want)
		}
	}
	found := i.run(t, "find", "/var/lib/iscdesk", "/run/iscdesk")
	for path := range strings.Lines(found) {
		path = strings.TrimSpace(path)
		if !documented[path] && !documented[path[:strings.LastIndex(path, "/")]+"/*"] {
			t.Errorf("%s is not in the document", path)
		}
	}
	main := i.show(t, "MainPID")
	if out := i.run(t, "sh", "-c", "ls -l /proc/"+main+"/fd | grep -c socket: || true"); out == "0" {
		t.Error("no socket is open: the looking is broken")
	}
	if tcp := i.run(t, "sh", "-c", `for s in $(ls -l /proc/`+main+`/fd | sed -n 's/.*socket:\[\([0-9]*\)\]/\1/p'); do
		awk -v s=$s '$10==s && $4=="0A"' /proc/net/tcp /proc/net/tcp6; done`); tcp != "" {
		t.Errorf("the agent listens on TCP: %s", tcp)
	}
	caps := i.run(t, "sh", "-c", "grep -E '^Cap(Eff|Prm|Bnd)' /proc/"+main+"/status")
	for line := range strings.Lines(caps) {
		if _, set, _ := strings.Cut(strings.TrimSpace(line), ":"); strings.TrimSpace(set) != "00000000000801e0" {
			t.Errorf("capabilities of the agent: %s", line)
		}
	}
}
