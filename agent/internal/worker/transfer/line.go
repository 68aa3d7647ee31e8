package transfer

import (
	"sync/atomic"
	"time"
)

// fastLine is the speed of one pack, in bytes a second, from which on compressing
// with zstd costs more time than it saves on the way. Two packs are under way at
// once, so a gigabit line (118 MB/s) is just fast.
const fastLine = 40 << 20

// line is what a transfer knows of the way to the cloud: the speed of its fastest
// pack, from the request's beginning to the cloud's answer. The fastest, because
// other work of either machine can only make a pack look slower than the line is.
type line struct{ best atomic.Int64 } // bytes a second; 0 before the first pack

func (l *line) crossed(n int, took time.Duration) {
	speed := int64(float64(n) / max(took, time.Microsecond).Seconds())
	for best := l.best.Load(); speed > best && !l.best.CompareAndSwap(best, speed); best = l.best.Load() {
	}
}

func (l *line) known() bool { return l.best.Load() > 0 }
func (l *line) fast() bool  { return l.best.Load() >= fastLine }
