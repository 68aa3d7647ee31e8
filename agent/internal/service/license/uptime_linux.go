package license

import (
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/iscdesk/iscdesk/internal/atomicfile"
)

// uptime reads the name of this run of the kernel once, and gives a function for
// its age with the time asleep, which Go's own monotonic reading leaves out.
func uptime() func() (boot string, since time.Duration) {
	id, err := atomicfile.ReadFile("/proc/sys/kernel/random/boot_id", 128)
	boot := strings.TrimSpace(string(id))
	if err != nil {
		boot = "" // without a name only the kept time is known
	}
	return func() (string, time.Duration) {
		var ts unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
			return "", 0
		}
		return boot, time.Duration(ts.Nano())
	}
}
