package walls

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// holders are the packages whose constants the documents' numbers are.
var holders = map[string]string{
	"api": "sdk/api", "localapi": "agent/internal/service/localapi", "events": "agent/internal/service/events",
	"conns": "cloud/internal/conns", "cloud": "cloud", "agent": "agent", "eventlog": "agent/internal/eventlog",
	"cloudapi": "internal/cloudapi", "license": "agent/internal/service/license", "produce": "cloud/internal/produce", "pages": "cloud/internal/pages", "openapi": "cloud/internal/openapi", "sign": "merchant/sign", "workerapi": "agent/internal/workerapi",
}

// numbered are the tables of numbers: what each row says, a constant in braces where
// its number stands (a time in seconds). A row without constants has no number.
var numbered = []struct {
	document, heading string
	column            int // of the numbers
	rows              map[string][]string
}{
	{"docs/attacksurface.md", "Handles", 3, map[string][]string{
		"local socket, JSON-RPC frames": {
			"{api.MaxConnections} connections a user, {localapi.maxOpen} in all;", "{api.HelloTimeout} s to `hello`;",
			"requests of {api.MaxRequestFrame>>10} KiB, {api.MaxInFlight} unanswered;", "{api.WriteTimeout} s to take an answer;"},
		"operations, each a record in the one ledger": {
			"a user begins {localapi.beginRate} a second, {localapi.beginOnce} at once;",
			"{events.maxUnfinished} and {events.maxUnfinishedBytes>>20} MiB of them unfinished,",
			"{events.maxKept} and {events.maxKeptBytes>>20} MiB of results kept."},
		"session secret":     {"{8*events.secretBytes} random bits,"},
		"HTTPS to the cloud": {},
		"TCP port of the cloud": {
			"{conns.defaultAll} connections, {conns.defaultNetwork} of one network, {conns.defaultNew} of those that have not asked yet;",
			"{cloud.greetTime} s for the TLS handshake and {cloud.greetTime} s for a head.", "holds {conns.defaultNetwork} requests"},
		"HTTPS to merchants": {"{produce.CallTime} s and {produce.MaxAnswer>>10} KiB for an answer;"},
		"the marketplace's open API": {
			"{sign.DateWindow/60} minutes;", "{openapi.maxURI>>10} KiB of address, {openapi.maxHeaders>>10} KiB of headers, {openapi.maxJSON>>20} MiB of body,",
			"{openapi.MaxBody>>20} MB of an upload:", "{openapi.atOnce} uploads over {openapi.maxJSON>>20} MiB at once, {openapi.merchantAtOnce} of one merchant, and {openapi.unprovedAtOnce} that prove nothing"},
		"the console, `/console/`": {"SHA-256, {pages.sessionIdle/3600} hours idle;", "{pages.maxForm>>10} KiB;"},
		"`secrets.key`":            {},
		"socketpair":               {"frames of {api.MaxAnswerFrame>>20} MiB, to a worker {workerapi.MaxFrame>>20} MiB; {api.WriteTimeout} s to take one"}, // ipc.Options takes both from api
		"127.0.0.1, a free port":   {"{api.PageSilence} s of silence"},
		"pidfd of each caller":     {},
	}},
	{"docs/protocol.md", "Limits", 2, map[string][]string{
		"frame to the agent":                  {"{api.MaxRequestFrame>>10} KiB"},
		"frame to the application":            {"{api.MaxAnswerFrame>>20} MiB"},
		"unanswered requests of a connection": {"{api.MaxInFlight}"},
		"open connections of a user":          {"{api.MaxConnections}"},
		"sessions of a user":                  {"{api.MaxSessions}"},
		"unfinished operations of a session":  {"{api.MaxOperations}"},
		"unfinished operations of a user":     {"{events.maxUnfinished}, and {events.maxUnfinishedBytes>>20} MiB of"},
		"operations that a user begins (`files.open`, `pick`, `save`, `saveAs`, `saveTo`, `license.request`)": {"{localapi.beginRate} a second, {localapi.beginOnce} at once"},
		"`auth.login`, `auth.page` and `agent.doctor`, each user":                                             {"{localapi.costlyRate} a second, {localapi.costlyOnce} at once"},
		"from accept to `hello`":                                    {"{api.HelloTimeout} s"},
		"a frame that the peer does not take":                       {"{api.WriteTimeout} s"},
		"`devInfo`, fingerprint":                                    {"{api.MaxDevInfo} bytes"},
		"a path; any other text":                                    {"{api.MaxPath} bytes"}, // api.MaxText is the same
		"an ISV's licence text":                                     {"{api.MaxLicenseText} characters"},
		"an ISV's licence file":                                     {"{cloudapi.MaxLicenseFile>>20} MiB"},
		"a licence document, and one part of it (`license.import`)": {"{api.MaxImport>>20} MiB, {api.MaxImportPart>>10} KiB"},
		"a licence that its publisher has to make":                  {"{license.patience/60} minutes"},
		"`comeBack`":                      {"{api.MaxComeBack} bytes,"},
		"events kept for a session":       {"{api.RingEvents}"},
		"a session without a connection":  {"{api.SessionKeep/60} minutes"},
		"a result that was not delivered": {"{api.OperationKeep/86400} days"},
		"results kept for a user":         {"{events.maxKept}, and {events.maxKeptBytes>>20} MiB of"},
	}},
}

// stated are numbers in running text.
var stated = map[string][]string{
	"docs/attacksurface.md": {
		"{events.maxKeptBytes>>20} MiB of results and {events.maxUnfinishedBytes>>20} MiB of what is unfinished",
		"readers get {localapi.drainTime} s for the last event", "{localapi.maxOpen} connections, each with a handle",
		"ready within {agent.startTime} s or reported running all the same, stopped within {agent.stopTime} s ({agent.shutdownTime} s at shutdown)",
		"counted anew after {agent.recoveryReset/60} min without one", "{eventlog.maxText>>10} KiB a message, {eventlog.burst} at once"},
	"docs/operating.md": {
		"It takes {conns.defaultAll} connections, {conns.defaultNetwork} of one network (an IPv4 address, an IPv6 /64), {conns.defaultNew} of those",
		"handshake has {cloud.greetTime} s, a request's head {cloud.greetTime} s, an idle connection {cloud.idleTime/60} minutes;"},
}

// TestNumbersOfDocumentsAreTheCodes walks every row of these tables: each has exactly the numbers
// that the code holds, and one that nobody compares fails.
func TestNumbersOfDocumentsAreTheCodes(t *testing.T) {
	code := constants(t)
	for _, table := range numbered {
		left := map[string]bool{}
		for row := range table.rows {
			left[row] = true
		}
		for row, says := range tableOf(t, table.document, table.heading, table.column) {
			phrases, known := table.rows[row]
			if !known {
				t.Errorf("%s: nobody compares the row %q", table.document, row)
				continue
			}
			delete(left, row)
			if err := compare(code, says, phrases, true); err != nil {
				t.Errorf("%s, row %q: %v", table.document, row, err)
			}
		}
		for row := range left {
			t.Errorf("%s has no row %q", table.document, row)
		}
	}
	for document, phrases := range stated {
		if err := compare(code, read(t, "../../"+document), phrases, false); err != nil {
			t.Errorf("%s: %v", document, err)
		}
	}
}

// A wrong number, one more and one that is no constant's are each seen.
func TestWrongNumbersAreSeen(t *testing.T) {
	code := map[string]string{"p.rate": "20", "p.room": "4 << 20", "p.wait": "5 * time.Second"}
	phrases := []string{"{p.rate} a second,", "{p.room>>20} MiB;", "{p.wait} s"}
	for says, want := range map[string]bool{
		"20 a second, 4 MiB; 5 s": true, "21 a second, 4 MiB; 5 s": false, "120 a second, 4 MiB; 5 s": false,
		"20 a second, 4 MiB; 5 s, then 7": false, "20 a second, 4 KiB; 5 s": false, "": false,
	} {
		if err := compare(code, says, phrases, true); (err == nil) != want {
			t.Errorf("%q: %v", says, err)
		}
	}
	if compare(code, "20", []string{"{p.gone}"}, true) == nil {
		t.Error("a constant that is not there")
	}
}

var placeholder = regexp.MustCompile(`\{([^}]*?)([a-z]+\.\w+)([^}]*)\}`)

// compare says what of phrases the text does not say; whole demands that it has no other number.
func compare(code map[string]string, text string, phrases []string, whole bool) error {
	text = strings.Join(strings.Fields(text), " ")
	for _, phrase := range phrases {
		var missing error
		want := placeholder.ReplaceAllStringFunc(phrase, func(found string) string {
			m := placeholder.FindStringSubmatch(found)
			expr, known := code[m[2]]
			for unit, seconds := range map[string]string{"time.Second": "1", "time.Minute": "60", "time.Hour": "3600"} {
				expr = strings.ReplaceAll(expr, unit, seconds)
			}
			v, err := types.Eval(token.NewFileSet(), nil, token.NoPos, m[1]+"("+expr+")"+m[3])
			if !known || err != nil || v.Value == nil {
				missing = fmt.Errorf("%s is no constant: %v", m[2], err)
				return found
			}
			return v.Value.ExactString()
		})
		if missing != nil {
			return missing
		}
		before, after, found := strings.Cut(" "+text, " "+want)
		if !found {
			return fmt.Errorf("it does not say %q, which is what holds: %.300s", want, text)
		}
		if whole {
			text = before + after
		}
	}
	if whole && strings.ContainsAny(strings.NewReplacer("127.0.0.1", "", "IPv4", "", "IPv6", "").Replace(text), "0123456789") {
		return fmt.Errorf("it has a number that no constant holds: %s", text)
	}
	return nil
}

// constants are the holders' by "package.name", as they are written.
func constants(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for pkg, dir := range holders {
		files, err := filepath.Glob("../../" + dir + "/*.go")
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files, %v", dir, err)
		}
		for _, path := range files {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			set := token.NewFileSet()
			tree, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range tree.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST {
					for _, s := range g.Specs {
						v := s.(*ast.ValueSpec)
						for i, value := range v.Values {
							found[pkg+"."+v.Names[i].Name] = string(source[set.Position(value.Pos()).Offset:set.Position(value.End()).Offset])
						}
					}
				}
			}
		}
	}
	return found
}

// tableOf reads the table below a heading: first cell to the one in the column, counted from 1.
func tableOf(t *testing.T, document, heading string, column int) map[string]string {
	t.Helper()
	_, text, found := strings.Cut(read(t, "../../"+document), "\n## "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n## ")
	rows := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if cells := strings.Split(line, "|"); len(cells) > column+1 && !strings.HasPrefix(line, "|---") {
			rows[strings.TrimSpace(cells[1])] = strings.TrimSpace(cells[column])
		}
	}
	delete(rows, "handle") // the heads
	delete(rows, "what")
	if !found || len(rows) == 0 {
		t.Fatalf("%s has no table %q", document, heading)
	}
	return rows
}
