package acl

import (
	"fmt"

	"golang.org/x/sys/windows"
)

// User is the account that this process runs as.
func User() (*windows.SID, error) {
	u, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("read this process's account: %w", err)
	}
	return u.User.Sid, nil
}

// Machine are the accounts that can do what they like on a machine anyway: the system,
// its administrators, and who owns the folder of Windows, out of which the system's
// programs run. That is TrustedInstaller, which owns Program Files and C:\ as well.
func Machine() ([]*windows.SID, error) {
	var list []*windows.SID
	for _, kind := range []windows.WELL_KNOWN_SID_TYPE{windows.WinLocalSystemSid, windows.WinBuiltinAdministratorsSid} {
		sid, err := windows.CreateWellKnownSid(kind)
		if err != nil {
			return nil, fmt.Errorf("make a known account's id: %w", err)
		}
		list = append(list, sid)
	}
	dir, err := windows.GetSystemWindowsDirectory()
	if err != nil {
		return nil, fmt.Errorf("find the folder of Windows: %w", err)
	}
	sd, err := windows.GetNamedSecurityInfo(dir, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return nil, fmt.Errorf("read who owns %s: %w", dir, err)
	}
	owner, _, err := sd.Owner()
	if err == nil && owner == nil {
		err = windows.ERROR_INVALID_OWNER
	}
	if err != nil {
		return nil, fmt.Errorf("read who owns %s: %w", dir, err)
	}
	return append(list, owner), nil
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
