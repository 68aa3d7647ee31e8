package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/meta"
	"github.com/iscdesk/iscdesk/internal/cloudapi"
)

// RefuseApplication implements meta.Applications.
func (s *Store) RefuseApplication(ctx context.Context, event, reason, code, message string, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error {
		a, err := application(tx, event)
		if err != nil || a.State != meta.ApplicationAsking && a.State != meta.ApplicationMaking {
			return err
		}
		if _, err := tx.Exec(`UPDATE applications SET state = 'refused', reason = ?, code = ?, message = ?, decided = ? WHERE event = ?`,
			reason, code, message, millis(now), event); err != nil {
			return fmt.Errorf("refuse application: %w", err)
		}
		return record(tx, decision("license.refused", a, now, "reason", reason, "result", code))
	})
}

// decision is the audit entry of what a merchant did with an application.
func decision(action string, a meta.Application, now time.Time, pairs ...string) meta.Entry {
	e := meta.Entry{Org: a.Org, Time: meta.Stamp(now), Account: a.Account, Device: a.Device, Action: action,
		Params: map[string]string{"event": a.Event, "product": a.Product, "instance": a.Resource}}
	for i := 0; i+1 < len(pairs); i += 2 {
		e.Params[pairs[i]] = pairs[i+1]
	}
	return e
}

// Deliver implements meta.Applications.
func (s *Store) Deliver(ctx context.Context, u meta.Upload) (a meta.Application, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		if a, err = application(tx, u.Event); err != nil {
			return err
		}
		if a.Merchant != u.Merchant {
			return undeliverable("the application is another merchant's", meta.UploadForeign)
		}
		if a.State == meta.ApplicationDelivered {
			if !bytes.Equal(a.Content, u.Content) {
				return undeliverable("the application has its licence already, with other bytes", meta.UploadOther)
			}
			return nil
		}
		if err := deliverable(tx, a, u.Now); err != nil {
			return err
		}
		a.State, a.Content, a.ContentType, a.FileName, a.Decided = meta.ApplicationDelivered, u.Content, u.Type, u.FileName, meta.Stamp(u.Now)
		a.Reason, a.Code, a.Message = "", "", ""
		if _, err := tx.Exec(`UPDATE applications SET state = 'delivered', reason = '', code = '', message = '', content = ?, content_type = ?,
			file_name = ?, decided = ? WHERE event = ?`, a.Content, a.ContentType, a.FileName, millis(a.Decided), a.Event); err != nil {
			return fmt.Errorf("keep licence: %w", err)
		}
		return record(tx, decision("license.delivered", a, u.Now, "type", u.Type))
	})
	return a, err
}

// deliverable says whether a first upload may still come. A frozen resource, or one that has moved into
// another term, does not matter: the merchant was asked for these dates and has made the licence.
func deliverable(tx *sql.Tx, a meta.Application, now time.Time) error {
	res, err := resourceOf(tx, a)
	if err != nil {
		return err
	}
	gone := res.State == meta.ResourceReleasing || res.State == meta.ResourceReleased || res.State == meta.ResourceUnobtainable
	if gone || !a.Until.IsZero() && !now.Before(a.Until) {
		return undeliverable("the licence would have ended, or its resource is gone", meta.UploadEnded)
	}
	if a.State != meta.ApplicationRefused {
		return nil
	}
	if !a.GivenUp() {
		return undeliverable("the application was refused", meta.UploadRefused)
	}
	if _, err := fits(tx, a, now); err != nil {
		var no *meta.Refusal
		if errors.As(err, &no) {
			return undeliverable("the application was given up, and there is no room for it any more", meta.UploadQuota)
		}
		return err
	}
	return nil
}

func undeliverable(sentence, reason string) error {
	return meta.Refuse(cloudapi.ErrConflict, sentence, "reason", reason)
}
