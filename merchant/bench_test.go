package merchant

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/merchant/sign"
	"github.com/iscdesk/iscdesk/merchant/wire"
)

// BenchmarkHandler is a whole call without the network: signature, nonce, turn and answer on the
// disk (SQLite, synchronous=FULL), Body-Sign. It prints calls a second and the 99th percentile.
func BenchmarkHandler(b *testing.B) {
	for _, tt := range []struct {
		name string
		line func(n int64) string
	}{
		{"new", func(n int64) string { return fmt.Sprint(n) }},
		{"repeat", func(n int64) string { return fmt.Sprint(n % 50) }},
	} {
		b.Run(tt.name, func(b *testing.B) {
			var ran atomic.Int32
			d := newDesk(b, func(o *Options) { o.Calls.NewInstance, o.Log = counted(&ran), nil })
			var n atomic.Int64
			var mu sync.Mutex // guards took
			var took []time.Duration
			b.SetParallelism(16) // callers for each core: they wait for the disk together
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				var mine []time.Duration
				for pb.Next() {
					body, err := wire.Encode(order(tt.line(n.Add(1))))
					if err != nil {
						b.Error(err)
						return
					}
					query := sign.SignProduction(baseKey, sign.NewNonce(), start, body).Encode()
					began := time.Now()
					if w := d.send(query, body); !strings.HasPrefix(w.Body.String(), `{"resultCode":"000000"`) {
						b.Errorf("got %s", w.Body)
						return
					}
					mine = append(mine, time.Since(began))
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, mine...)
			})
			b.StopTimer()
			slices.Sort(took)
			b.ReportMetric(float64(len(took))/b.Elapsed().Seconds(), "calls/s")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
