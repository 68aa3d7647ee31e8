// Package browser opens one address in the browser of the user's own session:
// the sign-in, open and save-as pages, which the agent, a service, cannot
// show. Go programs hand Open to sdk.Options.OpenURL. Package cshim does not
// use it: there C starts the browser, because a Go child process would be seen
// by the host.
//
// It never goes through a shell, and it opens web addresses only.
package browser

import (
	"fmt"
	"net/url"
	"strings"
)

// Open shows address in the user's browser and returns at once; it does not
// wait for the browser. An error means that none could be started, and the
// caller shows the address to the user instead. On Linux it reads PATH, DISPLAY and
// WAYLAND_DISPLAY.
func Open(address string) error {
	if err := check(address); err != nil {
		return err
	}
	return open(address)
}

// check refuses what is not a web address: a handler for another scheme could
// do anything, and a leading "-" would be read as an option.
func check(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return fmt.Errorf("open page: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.ContainsAny(address, "\x00\n\r ") {
		return fmt.Errorf("open page: %q is not a web address", address)
	}
	return nil
}
