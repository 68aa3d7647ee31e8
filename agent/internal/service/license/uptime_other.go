//go:build !linux

package license

import "time"

// uptime knows no run of the system here: only the kept time counts.
func uptime() func() (boot string, since time.Duration) {
	return func() (string, time.Duration) { return "", 0 }
}
