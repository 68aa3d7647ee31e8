package main

import (
	"os"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"
)

// echoOff stops the terminal from showing what is typed, until restore. An
// interrupt in between restores it too and ends the command.
func echoOff(f *os.File) (restore func(), err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, err
	}
	quiet := *before
	quiet.Lflag &^= unix.ECHO
	quiet.Lflag |= unix.ICANON | unix.ISIG
	interrupts := make(chan os.Signal, 1)
	signal.Notify(interrupts, os.Interrupt, unix.SIGTERM)
	back := sync.OnceFunc(func() { _ = unix.IoctlSetTermios(fd, unix.TCSETS, before) })
	done := make(chan struct{})
	go func() {
		select {
		case <-interrupts:
			back()
			os.Exit(130)
		case <-done:
		}
	}()
	restore = func() {
		signal.Stop(interrupts)
		close(done)
		back()
	}
	if err := unix.IoctlSetTermios(fd, unix.TCSETS, &quiet); err != nil {
		restore()
		return nil, err
	}
	return restore, nil
}
