package state

import "github.com/iscdesk/iscdesk/sdk/api"

// ownFolder refuses: the folder's access list is not made here yet, and keys
// must not lie in a folder that others may read.
func ownFolder(string) error {
	return &api.Error{Code: api.NotSupported, Detail: "the agent keeps no state on Windows in this version"}
}

func ownFile(string) error { return ownFolder("") }
