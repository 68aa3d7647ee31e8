package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// order is a line on the driver's stdin.
type order struct {
	Do       string          `json:"do"` // save, settle, signIn; end of input ends it
	N        int             `json:"n,omitempty"`
	Path     string          `json:"path,omitempty"`
	Assembly bool            `json:"assembly,omitempty"`
	New      string          `json:"new,omitempty"`    // save: name of the new object
	Reopen   string          `json:"reopen,omitempty"` // save: id of the object that is given back and opened first
	Content  content         `json:"content,omitempty"`
	Ops      []api.Operation `json:"ops,omitempty"` // settle: asked for one by one
}

// report is a line on its stdout: what it did, and what it was told.
type report struct {
	What   string               `json:"what"` // ready, begun, writing, tried, given, refused, event, settled
	N      int                  `json:"n,omitempty"`
	Op     api.Operation        `json:"op,omitempty"`
	Path   string               `json:"path,omitempty"`
	Code   api.Code             `json:"code,omitempty"`
	Text   string               `json:"text,omitempty"`
	Event  *api.Event           `json:"event,omitempty"`
	States []api.OperationState `json:"states,omitempty"`
}

// note is the comeBack of a save: results tell by it which save they are of, also
// those of a save whose number did not arrive.
type note struct {
	N int `json:"n"`
}

// driver is an engineer's application in a process of its own. It does what it is
// told, one thing after the other, and says at once on stdout what it was told
// itself. It is killed like all others, so it keeps nothing.
type driver struct {
	c     *sdk.Client
	space string

	mu     sync.Mutex // guards what follows, and that lines are whole
	opened map[api.Operation]chan map[string]string
}

// driveSaves is the driver's main function: socket, space.
func driveSaves(args []string) error {
	ctx := context.Background()
	c, err := sdk.Init(ctx, sdk.Options{Endpoint: args[0], Product: desk.Product, Timeout: 15 * time.Second})
	if err != nil {
		return fmt.Errorf("init: %w", err)
	}
	d := &driver{c: c, space: args[1], opened: make(map[api.Operation]chan map[string]string)}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		d.listen()
	}()
	d.say(report{What: "ready"})
	orders := bufio.NewScanner(os.Stdin)
	orders.Buffer(nil, 1<<20)
	for orders.Scan() {
		var o order
		if err := json.Unmarshal(orders.Bytes(), &o); err != nil {
			return fmt.Errorf("read order: %w", err)
		}
		switch o.Do {
		case "signIn":
			if _, err := c.Login(ctx, desk.Engineer1, desk.Password); err != nil {
				d.refused(o.N, err)
				continue
			}
			d.say(report{What: "signedIn"})
		case "save":
			d.save(o)
		case "settle":
			d.settle(o.Ops)
		}
	}
	err = c.ShutOut()
	<-heard
	return err
}

func (d *driver) say(r report) {
	line, _ := json.Marshal(r) // plain data
	d.mu.Lock()
	defer d.mu.Unlock()
	_, _ = os.Stdout.Write(append(line, '\n'))
}

func (d *driver) refused(n int, err error) {
	d.say(report{What: "refused", N: n, Code: api.CodeOf(err), Text: err.Error()})
}

// listen repeats the results, and the beginnings and ends of uploads, until ShutOut.
func (d *driver) listen() {
	for {
		e, err := d.c.NextEvent(context.Background())
		if err != nil {
			return
		}
		switch e.Type {
		case api.EventSaveResult, api.EventOpenResult, api.EventUploadStart, api.EventUploadEnd:
			d.say(report{What: "event", Op: e.Operation, Event: &e})
		}
		if e.Type == api.EventOpenResult {
			d.result(e.Operation) <- e.Envelope.Params
		}
	}
}

// result is where the end of an open is put; it may come before its number.
func (d *driver) result(op api.Operation) chan map[string]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.opened[op] == nil {
		d.opened[op] = make(chan map[string]string, 1)
	}
	return d.opened[op]
}

func (d *driver) save(o order) {
	d.say(report{What: "begun", N: o.N})
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if o.Reopen != "" {
		path, err := d.reopen(ctx, o)
		if err != nil {
			d.refused(o.N, fmt.Errorf("open again: %w", err))
			return
		}
		o.Path = path
	}
	d.say(report{What: "writing", N: o.N, Path: o.Path})
	if err := o.Content.lay(o.Path, o.Assembly); err != nil {
		d.refused(o.N, fmt.Errorf("write: %w", err))
		return
	}
	d.say(report{What: "tried", N: o.N, Path: o.Path})
	comeBack, _ := json.Marshal(note{o.N}) // plain data
	ctx = sdk.WithComeBack(ctx, string(comeBack))
	var op api.Operation
	var err error
	if o.New != "" {
		op, err = d.c.SaveTo(ctx, api.SaveTo{Path: o.Path, Assembly: o.Assembly, Space: d.space, Name: o.New})
	} else {
		op, err = d.c.Save(ctx, o.Path, o.Assembly)
	}
	if err != nil {
		d.refused(o.N, err)
		return
	}
	d.say(report{What: "given", N: o.N, Op: op})
}

// reopen gives the check-out back and opens the object with a new one.
func (d *driver) reopen(ctx context.Context, o order) (path string, err error) {
	err = d.c.Checkin(ctx, api.Checkin{Object: o.Reopen})
	if code := api.CodeOf(err); code != api.OK && code != api.NotCheckedOut {
		return "", fmt.Errorf("give back: %w", err)
	}
	op, err := d.c.OpenObject(ctx, api.Open{Object: o.Reopen, Checkout: true})
	if err != nil {
		return "", err
	}
	select {
	case p := <-d.result(op):
		if p[api.ParamStatus] != api.StatusSuccess {
			return "", fmt.Errorf("%v", p)
		}
		return p["mainFile"], nil
	case <-ctx.Done():
		return "", fmt.Errorf("operation %d of the open has no end: %w", op, ctx.Err())
	}
}

// settle tells what became of the given operations and of all that the agent
// lists, when none of them runs any more; at most half a minute.
func (d *driver) settle(ops []api.Operation) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var states []api.OperationState
	for {
		var err error
		if states, err = d.ask(ctx, ops); err == nil && !running(states) || ctx.Err() != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.say(report{What: "settled", States: states})
}

func running(states []api.OperationState) bool {
	for _, s := range states {
		if s.State == api.OpRunning {
			return true
		}
	}
	return false
}

func (d *driver) ask(ctx context.Context, ops []api.Operation) ([]api.OperationState, error) {
	states, err := d.c.Operations(ctx)
	if err != nil {
		return nil, err
	}
	listed := make(map[api.Operation]bool)
	for _, s := range states {
		listed[s.Operation] = true
	}
	for _, op := range ops {
		if listed[op] {
			continue
		}
		s, err := d.c.Operation(ctx, op)
		if err != nil {
			return nil, err
		}
		states = append(states, s)
	}
	return states, nil
}
