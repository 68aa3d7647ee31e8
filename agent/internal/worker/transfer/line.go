package transfer

import (
	"sync"
	"time"
)

// line decides the codec of a transfer's packs by what it has seen: while a pack
// crosses more slowly than zstd makes one, zstd; once one has crossed faster, the
// line waits for zstd, and S2 fills it. Both speeds are those of one pack, in stored
// bytes; as many are made at once as are sent. What counts of the line is its fastest
// pack, because other work of either machine only makes a pack look slower.
type line struct {
	mu    sync.Mutex    // guards what follows
	best  float64       // bytes a second, request to answer; 0 before the first pack
	made  int64         // bytes that zstd made
	spent time.Duration // in which it made them
}

// crossed notes a pack of n bytes that the cloud took.
func (l *line) crossed(n int, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.best = max(l.best, float64(n)/max(took, time.Microsecond).Seconds())
}

// packed notes n bytes that zstd made.
func (l *line) packed(n int64, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.made += n
	l.spent += took
}

func (l *line) known() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.best > 0
}

// fast says that the line is faster than zstd.
func (l *line) fast() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.best*l.spent.Seconds() > float64(l.made)
}
