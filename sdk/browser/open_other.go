//go:build !linux

package browser

import "github.com/iscdesk/iscdesk/sdk/api"

func open(string) error {
	return &api.Error{Code: api.NotSupported, Detail: "opening a browser exists on Linux only in this version"}
}
