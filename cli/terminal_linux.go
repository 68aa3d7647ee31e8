package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// echo gives what switches the terminal's echo off and what puts everything back;
// an error where f is none.
func echo(f *os.File) (quiet, loud func() error, err error) {
	fd := int(f.Fd())
	before, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err != nil {
		return nil, nil, err
	}
	silent := *before
	silent.Lflag &^= unix.ECHO
	silent.Lflag |= unix.ICANON | unix.ISIG
	return func() error { return unix.IoctlSetTermios(fd, unix.TCSETS, &silent) },
		func() error { return unix.IoctlSetTermios(fd, unix.TCSETS, before) }, nil
}

// systemLanguage is for a system that says its language without the environment.
func systemLanguage() string { return "" }
