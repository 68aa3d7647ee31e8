package sdk

import (
	"os"
	"time"

	"github.com/iscdesk/iscdesk/internal/clock"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// DefaultTimeout bounds a call whose context has no deadline.
const DefaultTimeout = 30 * time.Second

// Options say who the application is and how it wants to be told. The zero
// value is a tool without a product, in English, at the default endpoints.
type Options struct {
	Product    string // product id; empty for tools
	AppVersion string // the application's own version
	Language   string // BCP 47; "zh…" gives Chinese, all else English
	Build      string // of the library or program, told to the agent

	// Endpoint is the agent's socket, on Windows its pipe. Empty: the system's, then the
	// user's own (DefaultEndpoints with the environment's XDG_RUNTIME_DIR and HOME).
	Endpoint string

	// Timeout bounds each call whose context has no deadline of its own, and
	// Init. 0 takes DefaultTimeout.
	Timeout time.Duration

	// OpenURL shows a page in the user's browser; the agent, a service, cannot.
	// package browser has one. It runs on the goroutine of the call that wanted
	// the page. With nil, or when it fails, EVENT_PAGE carries the address, so
	// that the application shows it itself.
	OpenURL func(url string) error

	// OnQueue hears when waiting events go from none to some (true) and back
	// (false), in order, for programs that wait on a descriptor. It must not
	// block and must not call the client.
	OnQueue func(nonEmpty bool)

	// OnLicense hears each change of the cached licence state, in order, the
	// first one before Init returns. It must not block and must not call the client.
	OnLicense func(api.LicenseState)

	// Clock tells the age of the cached licence state; nil takes the system's.
	Clock clock.Clock
}

// Endpoints is what a client with these options tries, in order.
func (o Options) Endpoints() []string {
	if o.Endpoint != "" {
		return []string{o.Endpoint}
	}
	return DefaultEndpoints(os.Getenv("XDG_RUNTIME_DIR"), os.Getenv("HOME"))
}

func (o Options) timeout() time.Duration {
	if o.Timeout > 0 {
		return o.Timeout
	}
	return DefaultTimeout
}

// check refuses what the agent would refuse, before anything is sent.
func (o Options) check() error {
	for _, f := range []struct{ name, value string }{
		{"product", o.Product}, {"application version", o.AppVersion}, {"language", o.Language},
		{"build", o.Build}, {"endpoint", o.Endpoint},
	} {
		if err := checkText(f.name, f.value, api.MaxText); err != nil {
			return err
		}
	}
	return nil
}
