package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// What is printed needs no code page of the console: package os hands UTF-16 to a
// console (WriteConsole), so that Chinese text shows whatever "chcp" says, and UTF-8
// to a file or pipe, as on every system. SetConsoleOutputCP would outlive this
// command and change what the next program in the same window prints.

// echo gives what switches the console's echo off and what puts everything back;
// an error where f is none.
func echo(f *os.File) (quiet, loud func() error, err error) {
	console := windows.Handle(f.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, nil, err
	}
	silent := before&^windows.ENABLE_ECHO_INPUT | windows.ENABLE_LINE_INPUT | windows.ENABLE_PROCESSED_INPUT
	return func() error { return windows.SetConsoleMode(console, silent) },
		func() error { return windows.SetConsoleMode(console, before) }, nil
}

// systemLanguage is what the user chose for the system's own windows.
func systemLanguage() string {
	tags, err := windows.GetUserPreferredUILanguages(windows.MUI_LANGUAGE_NAME)
	if err != nil || len(tags) == 0 {
		return ""
	}
	return tags[0]
}
