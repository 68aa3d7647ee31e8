//go:build !linux

package main

import (
	"os"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// echoOff refuses: on this system a password comes through --password-stdin.
func echoOff(*os.File) (restore func(), err error) {
	return nil, &api.Error{Code: api.NotSupported, Detail: "reading a password from the console"}
}
