package main

import (
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// exitInterrupted is what a shell gives a command that ended by Ctrl-C.
const exitInterrupted = 130

// echoOff stops the terminal from showing what is typed, until restore. An
// interrupt in between restores it too and ends the command.
func echoOff(f *os.File) (restore func(), err error) {
	quiet, loud, err := echo(f)
	if err != nil {
		return nil, err
	}
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, syscall.SIGTERM)
	back := sync.OnceFunc(func() { _ = loud() })
	done := make(chan struct{})
	go func() {
		select {
		case <-interrupts:
			back()
			os.Exit(exitInterrupted)
		case <-done:
		}
	}()
	restore = func() {
		signal.Stop(interrupts)
		close(done)
		back()
	}
	if err := quiet(); err != nil {
		restore()
		return nil, err
	}
	return restore, nil
}
