package sqlite

import (
	"database/sql"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"
)

// TestOperatorOfAnOldDatabase: a cloud that was set up before there were operators has the oldest organisation as its own.
func TestOperatorOfAnOldDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cloud.db")
	db, err := sql.Open("sqlite", dsn(path, "immediate", false))
	if err != nil {
		t.Fatal(err)
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, dir, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`INSERT INTO organisations (id, name, created) VALUES ('org_b', 'Later', 2000), ('org_a', 'First', 1000), ('org_c', 'Last', 3000)`); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if org, err := open(t, path).Operator(t.Context()); err != nil || org != "org_a" {
		t.Errorf("the operator is %q, %v", org, err)
	}
}
