package ipc

import (
	"errors"
	"fmt"
	"io"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/internal/need"
	"github.com/iscdesk/iscdesk/sdk/api"
)

func TestSecondListener(t *testing.T) {
	l := listenAt(t, pipePath())
	if _, err := ListenPipe(l.path, false); api.CodeOf(err) != api.Forbidden {
		t.Errorf("beside one: %v", err)
	}
	// The question of the second was a client, who has gone by now.
	accepted := make(chan *Conn, 2)
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	c, err := Dial(l.path, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
	_ = (<-accepted).Close()
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	listenAt(t, l.path)
}

// What clients of an agent that has ended keep open is taken up where it was this user's,
// and nobody else's. (Wine forgets a pipe with its last server, so that one stands in here.)
func TestRemainsOfAnAgent(t *testing.T) {
	sd, err := descriptor(true)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, sddl string
		want       api.Code
	}{
		{"its own", sd.String(), api.OK},
		{"another user's", "O:S-1-5-21-1-2-3-1001D:(A;;FA;;;WD)", api.Forbidden},
		{"the administrators'", "O:BAD:(A;;FA;;;WD)", api.Forbidden},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name, err := pipeName(pipePath())
			if err != nil {
				t.Fatal(err)
			}
			before, err := windows.SecurityDescriptorFromString(tt.sddl)
			if err != nil {
				t.Fatal(err)
			}
			old, err := serve(name, false, windows.PIPE_UNLIMITED_INSTANCES, before)
			if err != nil {
				needOwner(t, err)
			}
			defer windows.CloseHandle(old)
			h, err := again(name, sd)
			if api.CodeOf(err) != tt.want {
				t.Errorf("got %v", err)
			}
			if err == nil {
				_ = windows.CloseHandle(h)
			}
		})
	}
}

// Whose instances are all busy is not taken for gone.
func TestUnserved(t *testing.T) {
	name, err := pipeName(pipePath())
	if err != nil {
		t.Fatal(err)
	}
	if !unserved(name) {
		t.Error("a name that nobody has is served")
	}
	sd, err := descriptor(true)
	if err != nil {
		t.Fatal(err)
	}
	server, err := serve(name, true, 1, sd)
	if err != nil {
		t.Fatal(err)
	}
	client, err := open(name, windows.SECURITY_IDENTIFICATION)
	if err != nil {
		t.Fatal(err)
	}
	if unserved(name) {
		t.Error("one that serves a client is gone")
	}
	if err := errors.Join(windows.CloseHandle(client), windows.CloseHandle(server)); err != nil {
		t.Fatal(err)
	}
	if !unserved(name) {
		t.Error("it is served after its end")
	}
}

// The name stays taken: after each Accept another instance waits, though nobody accepts.
func TestAnInstanceAlwaysWaits(t *testing.T) {
	l := listenAt(t, pipePath())
	for range 20 {
		c, err := Dial(l.path, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		peer, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
	}
	if err := waitPipe(l.name, 1); err != nil {
		t.Errorf("no instance waits: %v", err)
	}
}

func TestCloseWakesAccept(t *testing.T) {
	need.NoLeak(t)
	l := listenAt(t, pipePath())
	ended := make(chan error, 1)
	go func() { // ends with the listener
		_, err := l.Accept()
		ended <- err
	}()
	time.Sleep(20 * time.Millisecond)
	if err := l.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v", err)
	}
	if _, err := l.Accept(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	if err := l.Close(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	if _, err := Dial(l.path, 0); api.CodeOf(err) != api.AgentAbsent {
		t.Errorf("dial after the end: %v", err)
	}
}

// A crowd that comes at once is served one after the other.
func TestACrowdAtTheDoor(t *testing.T) {
	need.NoLeak(t)
	l := listenAt(t, pipePath())
	go func() { // ends with the listener: greets whoever is there
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("hello"))
			_ = c.Close()
		}
	}()
	const crowd, times = 64, 4
	ended := make(chan error, crowd)
	for range crowd {
		go func() { // ends when it was greeted so many times
			ended <- func() error {
				for range times {
					c, err := Dial(l.path, 30*time.Second)
					if err != nil {
						return err
					}
					got, err := io.ReadAll(c)
					_ = c.Close()
					if string(got) != "hello" || err != nil {
						return fmt.Errorf("got %q, %w", got, err)
					}
				}
				return nil
			}()
		}()
	}
	for range crowd {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
	_ = l.Close()
}

// Where no further instance can be made, the client that came is let go, and the name is
// kept for the next.
func TestNoRoomForAnotherInstance(t *testing.T) {
	l := listenAt(t, pipePath())
	name := l.name
	l.name = windows.StringToUTF16Ptr(pipePrefix) // a name that nobody can make
	c, err := Dial(l.path, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	_, err = l.Accept()
	var passes interface{ Temporary() bool }
	if !errors.As(err, &passes) || !passes.Temporary() {
		t.Errorf("got %v", err)
	}
	if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the client read %d, %v", n, err)
	}
	_ = c.Close()
	if _, err := ListenPipe(l.path, false); api.CodeOf(err) != api.Forbidden {
		t.Errorf("the name was free meanwhile: %v", err)
	}
	l.name = name
	accepted := make(chan error, 1)
	go func() { // ends with the client that it accepts
		c, err := l.Accept()
		if err == nil {
			err = c.Close()
		}
		accepted <- err
	}()
	c, err = Dial(l.path, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := <-accepted; err != nil {
		t.Error(err)
	}
	_ = c.Close()
}
