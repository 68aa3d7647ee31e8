package localapi

import (
	"net"
	"os"

	"github.com/iscdesk/iscdesk/sdk/api"
)

func listen(string, os.FileMode, os.FileMode) (*net.UnixListener, error) {
	return nil, &api.Error{Code: api.NotSupported, Detail: "the local API runs on Linux only in this version"}
}
