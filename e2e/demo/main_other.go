//go:build !linux

// Command demo runs on Linux only in this version.
package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "demo: runs on Linux only in this version")
	os.Exit(1)
}
