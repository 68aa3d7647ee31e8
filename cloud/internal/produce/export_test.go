package produce

import (
	"time"

	"github.com/iscdesk/iscdesk/cloud/internal/readings"
)

// Control is what a connection's address goes through, for tests that cannot have such addresses.
func Control(c *Caller, address string) error { return c.control("", address, nil) }

// Flagged is a call's body with or without testFlag, by a reading.
func Flagged(on readings.Readings, body []byte) []byte {
	return (&Queue{Config: Config{Readings: on}}).flagged(body)
}

// Troubled is how long a call rests after so many troubles.
func Troubled(before int) time.Duration { return troubled(before) }
