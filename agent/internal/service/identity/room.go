package identity

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// probeLimit is how long one probe may take; one that hangs (a dying disk, a
// broken driver) leaves its slot empty.
const probeLimit = 2 * time.Second

// Config of the room.
type Config struct {
	System bool // the agent is the system's: said in the answer

	source source                            // of the hardware; nil asks the running system
	cpuid  func() (edx, eax uint32, ok bool) // CPUID leaf 1; nil runs the instruction
	limit  time.Duration                     // of one probe; 0 takes two seconds
}

// Room is localapi.Identity. Its methods may be used from any goroutine.
type Room struct {
	cfg  Config
	once sync.Once
	done chan struct{} // closed when got is set
	got  api.Fingerprint
}

// New makes the room; nothing is read before Start or the first question.
func New(cfg Config) *Room {
	if cfg.source == nil {
		cfg.source = here()
	}
	if cfg.cpuid == nil {
		cfg.cpuid = cpuid
	}
	if cfg.limit == 0 {
		cfg.limit = probeLimit
	}
	return &Room{cfg: cfg, done: make(chan struct{})}
}

// Start collects in the background, so that the first question need not wait.
// The goroutine ends by itself, within the probes' limits.
func (r *Room) Start() {
	r.once.Do(func() {
		go func() {
			r.got = r.collect()
			close(r.done)
		}()
	})
}

// Fingerprint is the documented string with its parts, collected once per start:
// a disk that is plugged in later does not change what an application got. The
// caller must not change the parts.
func (r *Room) Fingerprint(ctx context.Context) (api.Fingerprint, error) {
	r.Start()
	select {
	case <-r.done:
		return r.got, nil
	case <-ctx.Done():
		return api.Fingerprint{}, fmt.Errorf("collect fingerprint: %w", context.Cause(ctx))
	}
}

// slot is what one probe found.
type slot struct {
	values []string
	absent []string // reasons, for the whole slot or for values that were left out
}

func (s *slot) miss(format string, args ...any) {
	s.absent = append(s.absent, fmt.Sprintf(format, args...))
}

// collect runs the four probes side by side. A probe whose call never comes back keeps its
// goroutine and thread, one each at most, since a Room collects once; nothing waits for it.
func (r *Room) collect() api.Fingerprint {
	ctx, cancel := context.WithTimeout(context.Background(), r.cfg.limit)
	defer cancel()
	probes := []func(context.Context) slot{r.cfg.source.macs, r.cfg.source.disks, r.board, r.cpu}
	answers := make([]chan slot, len(probes))
	for i, probe := range probes {
		answers[i] = make(chan slot, 1) // a probe that comes too late finds room and ends
		go func() { answers[i] <- probe(ctx) }()
	}
	var found [4]slot
	for i, a := range answers {
		select {
		case found[i] = <-a:
		case <-ctx.Done():
			select {
			case found[i] = <-a: // it was there at the same moment
			default:
				found[i].miss("not read within %v", r.cfg.limit)
			}
		}
	}
	return assemble(found, r.cfg.System)
}

// assemble makes the answer of the four slots.
func assemble(found [4]slot, system bool) api.Fingerprint {
	one := func(s slot) string {
		if len(s.values) == 0 {
			return ""
		}
		return s.values[0]
	}
	text, macs, disks := join(found[0].values, found[1].values, one(found[2]), one(found[3]))
	for i, fit := range []int{macs, disks} {
		for _, v := range found[i].values[fit:] {
			found[i].miss("%s left out: the whole would be longer than %d bytes", v, api.MaxDevInfo)
		}
		found[i].values = found[i].values[:fit]
	}
	fp := api.Fingerprint{Fingerprint: text, System: system}
	for i, name := range []string{"mac", "disk", "board", "cpu"} {
		part := api.FingerprintPart{Name: name, Absent: sentence(found[i].absent)}
		for _, v := range found[i].values {
			part.Values = append(part.Values, upper(v))
		}
		fp.Parts = append(fp.Parts, part)
	}
	return fp
}

// cpu is the documented ProcessorId form: CPUID leaf 1, EDX then EAX.
func (r *Room) cpu(context.Context) slot {
	var s slot
	edx, eax, ok := r.cfg.cpuid()
	if !ok {
		s.miss("this processor has no CPUID")
		return s
	}
	s.values = []string{fmt.Sprintf("%08X%08X", edx, eax)}
	return s
}
