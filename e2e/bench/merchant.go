//go:build linux

package main

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/iscdesk/iscdesk/merchant"
	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/store/sqlite"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// What the merchant's part does: so many callers at once, for so many calls.
const (
	merchantCallers = 32
	merchantCalls   = 8000
	merchantKey     = "8a5d2d0e-0d5c-4b52-a94f-9c1c5bd2a7a1"
)

// merchant measures an ISV's handler without the network: signature, nonce, turn and answer on the disk. The
// peer checks the same signature and writes one row to a database with the same durability, and nothing else: what
// an ISV would write who forgets about repeats and crashes.
func (r *run) merchant(ctx context.Context) error {
	dir, err := os.MkdirTemp(r.Dir, "merchant")
	if err != nil {
		return err
	}
	store, err := sqlite.Open(ctx, filepath.Join(dir, "isv.db"))
	if err != nil {
		return err
	}
	defer store.Close()
	h, err := merchant.New(merchant.Options{
		Keys: merchant.Keys{Base: []string{merchantKey}}, Store: store,
		Calls: merchant.Callbacks{
			NewInstance: func(context.Context, wire.NewInstance, merchant.Attempt) (merchant.Provision, error) {
				return merchant.Provisioned, nil
			},
			GetLicenseAsync: func(context.Context, wire.GetLicenseAsync, merchant.Attempt) (merchant.License, error) {
				return merchant.License{Content: []byte("licence")}, nil
			},
		},
		Upload: func(context.Context, string, merchant.License) error { return nil },
	})
	if err != nil {
		return err
	}
	defer h.Close(ctx)
	db, err := sql.Open("sqlite", sqlite.DSN(filepath.Join(dir, "peer.db")))
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.ExecContext(ctx, `CREATE TABLE calls (n INTEGER PRIMARY KEY, body TEXT)`); err != nil {
		return err
	}
	plain, err := drive(plainHandler{db}, func(n int) string { return newInstance(n) })
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what string
		body func(n int) string
	}{
		{"merchant: newInstance, 32 callers", newInstance},
		{"merchant: newInstance repeated, 50 order lines", func(n int) string { return newInstance(n % 50) }},
		{"merchant: getLicenseAsync with its upload", func(n int) string {
			return fmt.Sprintf(`{"activity":"getLicenseAsync","eventId":"e%d","instanceId":"i","effectiveTime":"2026-01-01 00:00:00 z","deviceFingerprint":"f"}`, n)
		}},
	} {
		ours, err := drive(h, c.body)
		if err != nil {
			return fmt.Errorf("%s: %w", c.what, err)
		}
		row(c.what+", calls a second", fmt.Sprintf("%.0f", ours.rate), fmt.Sprintf("%.0f", plain.rate), plain.rate/ours.rate, "")
		row("the same, p99", ms(ours.p99), ms(plain.p99), ratio(ours.p99, plain.p99), "5 s of the marketplace")
	}
	return nil
}

func newInstance(n int) string {
	return fmt.Sprintf(`{"activity":"newInstance","businessId":"b%d","orderId":"CS%d","orderLineId":"CS%d-000001"}`, n, n, n)
}

type driven struct {
	rate float64 // calls a second
	p99  time.Duration
}

// drive makes the calls, each signed as the marketplace signs it; signing is not measured.
func drive(h http.Handler, body func(n int) string) (driven, error) {
	var n atomic.Int64
	var mu sync.Mutex // guards took and bad
	var took []time.Duration
	var bad error
	var wg sync.WaitGroup
	began := time.Now()
	for range merchantCallers {
		wg.Go(func() {
			var mine []time.Duration
			for i := n.Add(1); i <= merchantCalls; i = n.Add(1) {
				b := []byte(body(int(i)))
				q := sign.SignProduction(merchantKey, sign.NewNonce(), time.Now(), b).Encode()
				r := httptest.NewRequest("POST", "/produce?"+q, bytes.NewReader(b))
				w := httptest.NewRecorder()
				from := time.Now()
				h.ServeHTTP(w, r)
				mine = append(mine, time.Since(from))
				if !strings.Contains(w.Body.String(), `"000000"`) {
					mu.Lock()
					bad = fmt.Errorf("answered %s", w.Body)
					mu.Unlock()
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	wg.Wait()
	all := time.Since(began)
	if bad != nil {
		return driven{}, bad
	}
	slices.Sort(took)
	return driven{rate: float64(len(took)) / all.Seconds(), p99: took[len(took)*99/100]}, nil
}

// plainHandler is the peer.
type plainHandler struct{ db *sql.DB }

func (p plainHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if _, err := sign.VerifyProduction(merchantKey, r.URL.Query(), body, time.Now()); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	if _, err := p.db.ExecContext(r.Context(), `INSERT INTO calls (body) VALUES (?)`, string(body)); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer := []byte(`{"resultCode":"000000","resultMsg":"success."}`)
	w.Header().Set(sign.HeaderBodySign, sign.BodySign(merchantKey, answer))
	_, _ = w.Write(answer) // into memory
}
