package localapi

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/iscdesk/iscdesk/agent/internal/service/caller"
	"github.com/iscdesk/iscdesk/agent/internal/service/events"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func owner(c *client, a *agent) events.Owner {
	return events.Owner{UID: caller.Own(), Product: a.rooms.last.Product}
}

func TestSubscribeAndComeBack(t *testing.T) {
	a := start(t, nil)
	c := greet(t, a, os.Geteuid(), api.Hello{Product: "cad"})
	o := owner(c, a)
	a.events.Emit(o, "BEFORE", "X", nil)
	if r := c.subscribe(t, "", 0); r.Next != 1 || r.Epoch != c.hello.Epoch {
		t.Errorf("subscribed at %+v", r)
	}
	a.events.Emit(o, "AFTER", "X", nil)
	if one, two := c.event(t), c.event(t); one.Type != "BEFORE" || two.Type != "AFTER" || two.ID != 2 {
		t.Errorf("got %+v, %+v", one, two)
	}
	c.subscribe(t, c.hello.Epoch, 1) // a second subscription moves the first
	if again := c.event(t); again.ID != 2 {
		t.Errorf("got %+v", again)
	}
	_ = c.Close()
	<-c.Done()
	a.events.Emit(o, "AWAY", "X", nil)
	back := greet(t, a, os.Geteuid(), api.Hello{Product: "cad", Session: c.hello.Session})
	if !back.hello.Resumed || back.hello.Epoch != c.hello.Epoch || back.hello.Session != c.hello.Session {
		t.Errorf("hello again %+v", back.hello)
	}
	back.subscribe(t, c.hello.Epoch, 2)
	if missed := back.event(t); missed.Type != "AWAY" || missed.ID != 3 {
		t.Errorf("missed %+v", missed)
	}
	back.subscribe(t, "0000", 2)
	select {
	case g := <-back.gaps:
		if g.Epoch != c.hello.Epoch || g.Next != 1 {
			t.Errorf("gap %+v", g)
		}
	case <-time.After(5 * time.Second):
		t.Error("another epoch gave no gap")
	}
}

func TestSlowReaderOverrunsItsOwnRingOnly(t *testing.T) {
	a := start(t, func(_ *Config, s *Server) { s.writeTime = 5 * time.Second })
	slow := dialAs(t, a.path, os.Geteuid())
	for _, body := range []string{helloFrame, `{"jsonrpc":"2.0","id":2,"method":"events.subscribe"}`} {
		if _, err := slow.Write(frame(body)); err != nil {
			t.Fatal(err)
		}
		if got, err := answer(slow); err != nil || got.Error != nil {
			t.Fatal(err, got.Error)
		}
	}
	quick := greet(t, a, os.Geteuid(), api.Hello{})
	quick.subscribe(t, "", 0)
	big := map[string]string{"pad": string(make([]byte, 200))}
	const n = 3 * api.RingEvents
	for i := range n {
		a.events.Emit(events.Owner{UID: caller.Own()}, fmt.Sprint(i), "X", big)
		if e := quick.event(t); e.ID != int64(i+1) { // the quick one gets each, while the slow one reads nothing
			t.Fatalf("event %d came as %d", i+1, e.ID)
		}
	}
	_ = slow.Close()
}

func TestStoppingIsToldToEverybody(t *testing.T) {
	a := start(t, nil)
	c := greet(t, a, os.Geteuid(), api.Hello{})
	c.subscribe(t, "", 0)
	greet(t, a, os.Geteuid(), api.Hello{}) // one without a subscription holds nothing up
	a.stop()
	if e := c.event(t); e.Type != api.EventDeskClosed || e.Envelope.Params[api.ParamReason] != "stopping" {
		t.Errorf("last event %+v", e)
	}
	<-c.Done()
}

func TestRequestsEndWithTheirConnection(t *testing.T) {
	a := start(t, nil)
	a.rooms.block = make(chan struct{})
	c := greet(t, a, os.Geteuid(), api.Hello{})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_ = c.Call(ctx, api.MethodStatus, nil, nil)
	_ = c.Close() // the leak check of start sees that the room's call has ended
}
