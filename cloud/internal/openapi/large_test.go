package openapi_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/iscdesk/iscdesk/cloud/internal/limit"
	"github.com/iscdesk/iscdesk/cloud/internal/openapi"
	"github.com/iscdesk/iscdesk/cloud/internal/seal"
	"github.com/iscdesk/iscdesk/merchant/sign"
)

// TestLargeBodiesHavePlaces: only so many large bodies are in memory at once, those that prove nothing before they
// are read take no place of the others, and no merchant has them all.
func TestLargeBodiesHavePlaces(t *testing.T) {
	h := open(t)
	box, err := seal.Open(h.Data)
	if err != nil {
		t.Fatal(err)
	}
	api := openapi.New(openapi.Config{Store: h.Store, Box: box, Gates: limit.New(limit.Limits{}), Clock: h.Clock, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	arrived, leave := make(chan struct{}), make(chan struct{})
	api.Handle("POST /api/mkp-openapi-public/large", openapi.Route{Max: openapi.MaxBody, Serve: func(c *openapi.Call) error {
		arrived <- struct{}{}
		<-leave
		c.JSON(http.StatusOK, nil)
		return nil
	}})
	large, small := make([]byte, 1<<20+1), make([]byte, 1<<20)
	pairs := []sign.KeyPair{h.pair}
	for _, account := range []string{"isv2", "isv3", "isv4", "isv5"} {
		_, _, pair := h.sell(t, account)
		pairs = append(pairs, pair)
	}
	post := func(pair sign.KeyPair, content []byte, proved bool) int {
		r := httptest.NewRequest(http.MethodPost, "https://cloud.example.com/api/mkp-openapi-public/large", bytes.NewReader(content))
		sum := sign.PayloadHash(content)
		if proved {
			r.Header.Set(sign.HeaderPayload, sum)
		}
		if err := sign.SignRequest(r, pair, sum, h.Clock.Now()); err != nil {
			t.Error(err)
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		return w.Code
	}
	var wg sync.WaitGroup
	enter := func(pair sign.KeyPair, content []byte, proved bool, n int) {
		t.Helper()
		for range n {
			wg.Go(func() {
				if status := post(pair, content, proved); status != http.StatusOK {
					t.Errorf("status %d", status)
				}
			})
			<-arrived
		}
	}
	enter(h.pair, large, false, 4)
	if status := post(h.pair, large, false); status != http.StatusTooManyRequests {
		t.Errorf("one more that proves nothing: %d", status)
	}
	for _, pair := range pairs[:4] {
		enter(pair, large, true, 4)
		if status := post(pair, large, true); status != http.StatusTooManyRequests {
			t.Errorf("one more of the same merchant: %d", status)
		}
	}
	if status := post(pairs[4], large, true); status != http.StatusTooManyRequests {
		t.Errorf("one more: %d", status)
	}
	enter(h.pair, small, false, 1)
	close(leave)
	wg.Wait()
	wg.Go(func() { <-arrived })
	if status := post(h.pair, large, true); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
	wg.Wait()
}
