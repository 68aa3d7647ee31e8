//go:build !linux

package main

// running is nil while the service runs.
func running() error { return asked() }

// cause is where to look for why a start failed.
func cause() string { return "\n  see: the event log of applications" }
