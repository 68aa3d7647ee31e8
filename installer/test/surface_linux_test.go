package machine

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// document is the table of docs/attacksurface.md between two headings.
func document(t *testing.T, from string) []string { return rows(t, from, "| `") }

// rows are the table rows of a part that begin with start.
func rows(t *testing.T, from, start string) []string {
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
	var found []string
	for line := range strings.Lines(part) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, start) {
			found = append(found, line)
		}
	}
	if len(found) == 0 {
		t.Fatalf("part %q of docs/attacksurface.md has no rows", from)
	}
	return found
}

// capabilities are those that the document gives the service, and their bits.
func capabilities(t *testing.T) (names []string, mask string) {
	t.Helper()
	bits := map[string]int{
		"CAP_KILL": unix.CAP_KILL, "CAP_SETGID": unix.CAP_SETGID, "CAP_SETUID": unix.CAP_SETUID,
		"CAP_SETPCAP": unix.CAP_SETPCAP, "CAP_SYS_PTRACE": unix.CAP_SYS_PTRACE,
	}
	var set uint64
	for _, row := range rows(t, "Capabilities of the service", "| CAP_") {
		for _, name := range strings.Split(cells(row)[0], ", ") {
			bit, known := bits[name]
			if !known {
				t.Fatalf("the document gives the service %s, which this test does not know", name)
			}
			names, set = append(names, name), set|1<<bit
		}
	}
	return names, fmt.Sprintf("%016x", set)
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
			continue // a user's own folders, and what does not exist on a new system: see grown
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
	_, mask := capabilities(t)
	caps := i.run(t, "sh", "-c", "grep -E '^Cap(Eff|Prm|Bnd)' /proc/"+main+"/status")
	for line := range strings.Lines(caps) {
		if _, set, _ := strings.Cut(strings.TrimSpace(line), ":"); strings.TrimSpace(set) != mask {
			t.Errorf("capabilities of the agent: %s, the document says %s", line, mask)
		}
	}
}

// grown compares what surface passes over: users' folders after their first work, and
// what exists only after an operation.
func grown(t *testing.T, i installation) {
	compared := 0
	for _, row := range document(t, "Paths") {
		c := cells(row)
		kind, _, conditional := strings.Cut(c[1], ", when")
		places := map[string]string{} // path -> owner
		switch rest, own := strings.CutPrefix(c[0], "~/"); {
		case own:
			for _, user := range []string{"alice", "bob"} {
				places["/home/"+user+"/"+rest] = user + ":" + user
			}
		case conditional:
			for path := range strings.FieldsSeq(i.run(t, "sh", "-c", "ls -d "+c[0]+" 2>/dev/null || true")) {
				places[path] = c[2]
			}
		}
		for path, owner := range places {
			compared++
			got, err := i.try(t, "", "stat", "-c", "%F %a %U:%G", path)
			if want := kind + " " + owner; err != nil || got != want {
				t.Errorf("%s is %q (%v), the document says %q", path, got, err, want)
			}
		}
	}
	if compared < 6 { // two folders of each user, the numbers' file, a sealed record
		t.Errorf("only %d paths were compared", compared)
	}
}
