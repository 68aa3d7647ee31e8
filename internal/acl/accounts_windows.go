package acl

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// trustedInstaller owns Windows' own folders, the root of the disk and Program Files.
const trustedInstaller = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"

// User is the account that this process runs as.
func User() (*windows.SID, error) {
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("read this process's account: %w", err)
	}
	return u.User.Sid, nil
}

// Machine are the accounts that can do what they like on a machine anyway: the system,
// its administrators and Windows' installer.
func Machine() ([]*windows.SID, error) {
	var list []*windows.SID
	for _, kind := range []windows.WELL_KNOWN_SID_TYPE{windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid} {
		sid, err := windows.CreateWellKnownSid(kind)
		if err != nil {
			return nil, fmt.Errorf("make a known account's id: %w", err)
		}
		list = append(list, sid)
	}
	sid, err := windows.StringToSid(trustedInstaller)
	if err != nil {
		return nil, fmt.Errorf("make a known account's id: %w", err)
	}
	return append(list, sid), nil
}

// Trusted are Machine and this process's own account.
func Trusted() ([]*windows.SID, error) {
	list, err := Machine()
	if err != nil {
		return nil, err
	}
	own, err := User()
	if err != nil {
		return nil, err
	}
	return append(list, own), nil
}
