package sqlite

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
)

// record stores an audit entry in the command it belongs to; Action "" records nothing.
func record(tx *sql.Tx, e meta.Entry) error {
	if e.Action == "" {
		return nil
	}
	params, err := json.Marshal(e.Params)
	if err != nil {
		return fmt.Errorf("record entry: %w", err)
	}
	if _, err := tx.Exec(`INSERT INTO audit (org, time, account, device, action, params) VALUES (?, ?, ?, ?, ?, ?)`,
		e.Org, millis(e.Time), e.Account, e.Device, e.Action, string(params)); err != nil {
		return fmt.Errorf("record entry: %w", err)
	}
	return nil
}
