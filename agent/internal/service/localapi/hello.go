package localapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/sdk/api"
)

const (
	maxWord         = 256 // bytes of a build, version or language
	maxCapabilities = 64
)

// greet answers the first request, which must be hello; anything else ends the
// connection.
func (c *conn) greet(id int64, name string, params json.RawMessage) error {
	result, err := c.hello(name, params)
	if err != nil {
		c.refuse(id, err, nil)
		return err
	}
	if err := c.nc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	c.answer(id, result, nil)
	return nil
}

func (c *conn) hello(name string, params json.RawMessage) (api.HelloResult, error) {
	if name != api.MethodHello {
		return api.HelloResult{}, &api.Error{Code: api.Protocol, Detail: "the first request must be " + api.MethodHello}
	}
	var h api.Hello
	if err := decode(params, &h); err != nil {
		return api.HelloResult{}, err
	}
	c.actor.Language = h.Language
	if err := checkHello(h); err != nil {
		return api.HelloResult{}, err
	}
	if err := c.s.cfg.Product(h.Product, c.peer); err != nil {
		return api.HelloResult{}, err
	}
	owner := events.Owner{UID: c.actor.UID, Product: h.Product, Language: h.Language}
	session, resumed, err := c.s.cfg.Events.Attach(owner, h.Session)
	if err != nil {
		return api.HelloResult{}, err
	}
	c.session = session
	c.actor.Product, c.actor.AppVersion, c.actor.Session = h.Product, h.AppVersion, session.ID()
	return api.HelloResult{
		Protocol:  min(h.Protocol, api.ProtocolVersion),
		Build:     c.s.cfg.Build,
		Session:   session.Secret(),
		Resumed:   resumed,
		Epoch:     session.Epoch(),
		Heartbeat: int(api.HeartbeatPeriod.Seconds()),
		User:      c.actor.UID.Text(),
		System:    c.s.cfg.UID.System(),
		License:   c.s.cfg.License.State(c.ctx, c.actor),
	}, nil
}

func checkHello(h api.Hello) error {
	if h.MinProtocol > api.ProtocolVersion || h.Protocol < api.MinProtocolVersion || h.Protocol < h.MinProtocol {
		return &api.Error{Code: api.AgentTooOld, Detail: fmt.Sprintf("the caller speaks protocol %d to %d, the agent %d to %d",
			h.MinProtocol, h.Protocol, api.MinProtocolVersion, api.ProtocolVersion)}
	}
	if len(h.Capabilities) > maxCapabilities {
		return &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("%d capabilities, limit %d", len(h.Capabilities), maxCapabilities)}
	}
	for _, word := range append([]string{h.Build, h.AppVersion, h.Language, h.Session}, h.Capabilities...) {
		if err := checkText("a text of hello", word, maxWord); err != nil {
			return err
		}
	}
	return nil
}

// checkText bounds a text and refuses what no screen, log or path can hold.
func checkText(what, text string, limit int) error {
	switch {
	case len(text) > limit:
		return &api.Error{Code: api.TooLarge, Detail: fmt.Sprintf("%s has %d bytes, limit %d", what, len(text), limit)}
	case !utf8.ValidString(text), strings.ContainsRune(text, 0):
		return &api.Error{Code: api.InvalidArgument, Detail: what + " is not UTF-8 without NUL"}
	}
	return nil
}
