//go:build !linux

// Package machine boots a container with a real systemd; there is one on Linux only.
package machine
