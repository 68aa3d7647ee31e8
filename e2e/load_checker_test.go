//go:build linux

package e2e

import (
	"crypto/ed25519"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"
)

// intents are what a driver wanted and was told.
type intents struct {
	Orders   map[string]string // by Repeat: the order's id
	Licences map[string]string // by event: the licence that was downloaded
	Problems []string
}

// checkMarket reads the cloud's and the ISV's databases by itself, with none of their code, and says what is wrong.
func checkMarket(t *testing.T, cloud, book, key string, in intents) []string {
	t.Helper()
	bad := in.Problems
	say := func(format string, args ...any) { bad = append(bad, fmt.Sprintf(format, args...)) }
	c, isv := readOnly(t, cloud), readOnly(t, book)

	// Each wish is one order, and each new order is one resource with one instance at the ISV.
	instances := rows(t, isv, `SELECT order_id || '/' || line, id FROM instances WHERE test = 0`)
	lines := map[string]string{}
	for _, r := range instances {
		if other, twice := lines[r[0]]; twice {
			say("order line %s has the instances %s and %s", r[0], other, r[1])
		}
		lines[r[0]] = r[1]
	}
	placed := map[string]string{}
	for _, r := range rows(t, c, `SELECT coalesce(o.repeat, ''), o.id, o.id || '/' || o.line, o.state, r.state, r.merchant_id FROM orders o
		JOIN resources r ON r.made_by = o.id WHERE o.type = 'NEW'`) {
		repeat, id, line, state, resource, instance := r[0], r[1], r[2], r[3], r[4], r[5]
		if repeat != "" && placed[repeat] != "" {
			say("wish %s has the orders %s and %s", repeat, placed[repeat], id)
		}
		placed[repeat] = id
		if state != "done" || resource != "active" {
			say("order %s is %s, its resource %s", id, state, resource)
		}
		if instance == "" || lines[line] != instance {
			say("order line %s: the cloud knows instance %q, the ISV %q", line, instance, lines[line])
		}
		delete(lines, line)
	}
	for line, instance := range lines {
		say("the ISV has instance %s of %s, which nobody ordered", instance, line)
	}
	for repeat, id := range in.Orders {
		if placed[repeat] != id {
			say("wish %s was told order %s, the cloud has %q", repeat, id, placed[repeat])
		}
	}

	// Each application is one licence, the same on both sides and as it was downloaded, signed by the ISV.
	numbers := map[string]string{}
	for _, r := range rows(t, isv, `SELECT event || '/' || instance || '/' || fingerprint, number FROM licences`) {
		if other, twice := numbers[r[0]]; twice {
			say("application %s has the licences %s and %s", r[0], other, r[1])
		}
		numbers[r[0]] = r[1]
	}
	public, err := hex.DecodeString(key)
	if err != nil {
		t.Fatal(err)
	}
	wanted, delivered := map[string]string{}, 0
	for _, r := range rows(t, c, `SELECT a.event, a.resource || '/' || a.term || '/' || a.form || '/' || a.fingerprint, a.state, a.event || '/' || r.merchant_id || '/' || a.fingerprint,
		coalesce(CAST(a.content AS TEXT), ''), a.reason || ' ' || a.code FROM applications a JOIN resources r ON r.id = a.resource`) {
		event, wish, state, licence, content := r[0], r[1], r[2], r[3], r[4]
		if state == "refused" {
			say("application %s was refused: %s", event, r[5])
			continue
		}
		if other, twice := wanted[wish]; twice {
			say("%s was applied for as %s and as %s", wish, other, event)
		}
		wanted[wish] = event
		if state != "delivered" {
			say("application %s is %s", event, state)
			continue
		}
		delivered++
		if !strings.Contains(content, ";no="+numbers[licence]+";") || numbers[licence] == "" {
			say("application %s: the ISV's book has licence %q, the cloud %q", event, numbers[licence], content)
		}
		body, sig, _ := strings.Cut(content, ";sig=")
		if raw, err := base64.StdEncoding.DecodeString(sig); err != nil || !ed25519.Verify(public, []byte(body), raw) {
			say("application %s: the licence is not signed by the ISV: %q", event, content)
		}
		if told, known := in.Licences[event]; known && told != content {
			say("application %s was downloaded as %q, the cloud has %q", event, told, content)
		}
		delete(numbers, licence)
	}
	for application, number := range numbers {
		say("the ISV has licence %s of %s, which the cloud does not have", number, application)
	}
	t.Logf("checker: %d orders, %d instances, %d applications delivered, %d licences compared as they were downloaded", len(placed), len(instances), delivered, len(in.Licences))
	if len(placed) < 2 || delivered < 2 {
		say("there was next to nothing to check")
	}
	return bad
}

// checkerSees plants faults in copies of the databases, one at a time: the checker must find each.
func checkerSees(t *testing.T, cloud, book, key string, in intents) {
	t.Helper()
	for _, plant := range []struct{ what, where, fault string }{
		{"a second instance for a line", book, `INSERT INTO instances SELECT id || 'x', order_id, line, test, seats, until, status FROM instances LIMIT 1`},
		{"an instance that nobody ordered", book, `INSERT INTO instances SELECT id || 'x', 'CSX', 'CSX-000001', 0, seats, until, status FROM instances LIMIT 1`},
		{"an instance that is gone", book, `PRAGMA foreign_keys = OFF; DELETE FROM instances WHERE id = (SELECT id FROM instances WHERE test = 0 LIMIT 1)`},
		{"another number in the ISV's book", book, `UPDATE licences SET number = number + 1000000 WHERE number = (SELECT max(number) FROM licences)`},
		{"a licence that the cloud does not have", book, `INSERT INTO licences (event, instance, fingerprint) SELECT 'evt_x', id, 'f' FROM instances LIMIT 1`},
		{"another licence in the cloud", cloud, `UPDATE applications SET content = CAST(replace(CAST(content AS TEXT), 'seats=5', 'seats=6') AS BLOB) WHERE event = (SELECT event FROM applications WHERE state = 'delivered' LIMIT 1)`},
		{"an application that was made twice", cloud, `INSERT INTO applications SELECT seq + 1000000, event || 'x', CAST('k' AS BLOB), org, resource, merchant, product, term, account, device, form, fingerprint,
			fingerprint_form, starts, ends, state, reason, code, message, asks, asked, content, content_type, file_name, created, decided FROM applications WHERE state = 'delivered' LIMIT 1`},
		{"an order that is not done", cloud, `UPDATE orders SET state = 'processing' WHERE id = (SELECT id FROM orders WHERE type = 'NEW' LIMIT 1)`},
		{"an order that is gone", cloud, `DELETE FROM orders WHERE id = (SELECT id FROM orders WHERE type = 'NEW' AND repeat IS NOT NULL LIMIT 1)`},
	} {
		paths := map[string]string{}
		for _, path := range []string{cloud, book} {
			copied := filepath.Join(t.TempDir(), filepath.Base(path))
			if _, err := readOnly(t, path).Exec(`VACUUM INTO ?`, copied); err != nil {
				t.Fatal(err)
			}
			paths[path] = copied
		}
		db, err := sql.Open("sqlite", paths[plant.where])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(plant.fault); err != nil {
			t.Fatalf("plant %s: %v", plant.what, err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		if len(checkMarket(t, paths[cloud], paths[book], key, in)) == 0 {
			t.Errorf("the checker does not see %s", plant.what)
		}
	}
}

func readOnly(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// rows reads a query's answer as texts.
func rows(t *testing.T, db *sql.DB, query string) (all [][]string) {
	t.Helper()
	r, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for r.Next() {
		row := make([]string, len(columns))
		into := make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		if err := r.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
