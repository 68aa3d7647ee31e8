//go:build linux

package e2e

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/iscdesk/iscdesk/e2e/desk"
	"github.com/iscdesk/iscdesk/sdk"
	"github.com/iscdesk/iscdesk/sdk/api"
)

// driveSaves is an engineer's application in a process of its own: it signs in,
// makes one object and saves ever new content into it, telling on stdout what was
// promised to it:
//
//	OBJECT id            the object that was made
//	TRY i sha            content i is written and about to be saved
//	ACK i version sha    the agent said success
//	QUEUED i sha         the agent said failed, queued: it will be sent
//	FAILED i code        the agent said failed
//	LEFT i code "path"   what was queued was refused at last and laid there; an empty
//	                     path: it was still what lay at the save's own
//	REFUSED i code       the call itself was refused
//
// It goes on until stdin ends, waits for what is queued, then prints END.
func driveSaves(args []string) error {
	d := &driver{socket: args[0], space: args[1], dir: args[2], queued: map[api.Operation]string{}}
	if err := d.open(); err != nil {
		return err
	}
	stop := make(chan struct{})
	go func() { // ends with stdin, at the latest with the process
		defer close(stop)
		for s := bufio.NewScanner(os.Stdin); s.Scan(); {
		}
	}()
	for i := 1; ; i++ {
		select {
		case <-stop:
			return d.drain()
		default:
		}
		d.save(i)
	}
}

type driver struct {
	socket, space, dir string
	path               string
	c                  *sdk.Client
	queued             map[api.Operation]string // "i sha", by operation
}

func (d *driver) open() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var err error
	if d.c, err = sdk.Init(ctx, sdk.Options{Endpoint: d.socket, Product: desk.Product, Timeout: 10 * time.Second}); err != nil {
		return fmt.Errorf("init: %w", err)
	}
	if _, err = d.c.Login(ctx, desk.Engineer1, desk.Password); err != nil {
		return fmt.Errorf("login: %w", err)
	}
	d.path = filepath.Join(d.dir, "part.dxf")
	sum, err := d.write(0)
	if err != nil {
		return err
	}
	fmt.Printf("TRY 0 %s\n", sum)
	op, err := d.c.SaveTo(ctx, api.SaveTo{Path: d.path, Space: d.space, Name: "part.dxf"})
	if err != nil {
		return fmt.Errorf("save to: %w", err)
	}
	ev, err := d.wait(op)
	if err != nil {
		return err
	}
	p := ev.Envelope.Params
	if p[api.ParamStatus] != api.StatusSuccess {
		return fmt.Errorf("first save: %v", p)
	}
	fmt.Printf("OBJECT %s\nACK 0 %s %s\n", p["object"], p["version"], sum)
	return nil
}

// write makes content i, from a few bytes to some chunks, and replaces the file.
func (d *driver) write(i int) (sum string, err error) {
	size := rand.IntN(3 << 20)
	b := fmt.Appendf(nil, "content %d of %d bytes\n", i, size)
	source := rand.NewChaCha8(sha256.Sum256(b))
	tail := make([]byte, size)
	_, _ = source.Read(tail) // never fails
	b = append(b, tail...)
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:]), os.WriteFile(d.path, b, 0o644)
}

func (d *driver) save(i int) {
	sum, err := d.write(i)
	if err != nil {
		fmt.Printf("REFUSED %d local %v\n", i, err)
		return
	}
	fmt.Printf("TRY %d %s\n", i, sum)
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	op, err := d.c.Save(ctx, d.path, false)
	if err != nil {
		fmt.Printf("REFUSED %d %d %v\n", i, api.CodeOf(err), err)
		time.Sleep(20 * time.Millisecond)
		return
	}
	ev, err := d.wait(op)
	if err != nil {
		fmt.Printf("LOST %d op=%d %v\n", i, op, err)
		return
	}
	p := ev.Envelope.Params
	switch {
	case p[api.ParamStatus] == api.StatusSuccess:
		fmt.Printf("ACK %d %s %s\n", i, p["version"], sum)
	case p["queued"] == "true":
		fmt.Printf("QUEUED %d %s\n", i, sum)
		d.queued[op] = fmt.Sprintf("%d %s", i, sum)
	default:
		fmt.Printf("FAILED %d %s %s\n", i, p[api.ParamCode], p[api.ParamReason])
	}
}

// wait is for the operation's own result; results of queued ones are told on the way.
func (d *driver) wait(op api.Operation) (api.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	for {
		ev, err := d.c.NextEvent(ctx)
		if err != nil {
			return ev, err
		}
		if ev.Type != api.EventSaveResult {
			continue
		}
		if ev.Operation == op {
			return ev, nil
		}
		d.late(ev)
	}
}

// late takes the result of a save that was queued before.
func (d *driver) late(ev api.Event) {
	what, ok := d.queued[ev.Operation]
	if !ok || ev.Envelope.Params["queued"] == "true" {
		return
	}
	delete(d.queued, ev.Operation)
	var i, sum string
	_, _ = fmt.Sscan(what, &i, &sum)
	p := ev.Envelope.Params
	if p[api.ParamStatus] == api.StatusSuccess {
		fmt.Printf("ACK %s %s %s\n", i, p["version"], sum)
		return
	}
	fmt.Printf("LEFT %s %s %q\n", i, p[api.ParamCode], p["conflictCopy"])
}

// drain waits until everything that was queued has its result.
func (d *driver) drain() error {
	end := time.Now().Add(90 * time.Second)
	for len(d.queued) > 0 && time.Now().Before(end) {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		ev, err := d.c.NextEvent(ctx)
		cancel()
		if err == nil && ev.Type == api.EventSaveResult {
			d.late(ev)
		}
	}
	for op, what := range d.queued {
		fmt.Printf("STILL-QUEUED %s op=%d\n", what, op)
	}
	fmt.Println("END")
	return d.c.ShutOut()
}
