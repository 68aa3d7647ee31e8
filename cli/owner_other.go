//go:build !linux

package main

import "os"

// owner is shown on Linux only.
func owner(os.FileInfo) string { return "" }

func ownUser() string { return "" }
