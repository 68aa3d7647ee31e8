//go:build !linux

package product

import (
	"os"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func trusted(*os.File) error {
	return &api.Error{Code: api.NotSupported, Detail: "registrations are checked on Linux only in this version"}
}
