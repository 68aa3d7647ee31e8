package acl

import (
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Rights that are asked for.
const (
	// Change is every right by which a file, or what lies directly in a folder, becomes
	// another one: content, names, attributes (a folder becomes a junction by them), and
	// the list itself.
	Change = windows.FILE_WRITE_DATA | windows.FILE_APPEND_DATA | windows.FILE_WRITE_EA | windows.FILE_WRITE_ATTRIBUTES | Replace
	// Replace is every right by which a folder high above a file is exchanged whole. To
	// add names there does no harm: the way to the file has its name already.
	Replace = fileDeleteChild | windows.DELETE | windows.WRITE_DAC | windows.WRITE_OWNER | windows.GENERIC_WRITE | windows.GENERIC_ALL
	// Any counts what files in a folder would inherit as well.
	Any = ^windows.ACCESS_MASK(0)
)

const fileDeleteChild = 0x40 // FILE_DELETE_CHILD of winnt.h

// Kinds of entries, by winnt.h.
const (
	allowed         = 0 // ACCESS_ALLOWED_ACE_TYPE
	denied          = 1 // ACCESS_DENIED_ACE_TYPE
	allowedCallback = 9 // ACCESS_ALLOWED_CALLBACK_ACE_TYPE: with a condition behind the SID
	deniedCallback  = 10
)

// Others is the first account besides the trusted that owns the file or folder behind h
// or has one of rights to it, in words; "" for nobody. h needs READ_CONTROL. Entries that
// deny are not subtracted: who is granted something and denied it is named.
func Others(h windows.Handle, rights windows.ACCESS_MASK, trusted []*windows.SID) (string, error) {
	sd, err := windows.GetSecurityInfo(h, windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION|windows.DACL_SECURITY_INFORMATION)
	if err != nil {
		return "", fmt.Errorf("read access list: %w", err)
	}
	return others(sd, rights, trusted)
}

func others(sd *windows.SECURITY_DESCRIPTOR, rights windows.ACCESS_MASK, trusted []*windows.SID) (string, error) {
	owner, _, err := sd.Owner()
	if err != nil {
		return "", fmt.Errorf("read owner: %w", err)
	}
	if owner == nil {
		return "nobody, who owns it", nil
	}
	if !among(trusted, owner) { // who owns it can always change its list
		return name(owner) + ", who owns it", nil
	}
	list, _, err := sd.DACL()
	if err != nil || list == nil { // a system without lists, or an empty one: open to all
		return "everybody: it has no access list", nil
	}
	for i := range uint32(list.AceCount) {
		var ace *windows.ACCESS_ALLOWED_ACE
		if err := windows.GetAce(list, i, &ace); err != nil {
			return "", fmt.Errorf("read entry %d of the access list: %w", i, err)
		}
		switch ace.Header.AceType {
		case denied, deniedCallback:
			continue
		case allowed, allowedCallback:
		default:
			return fmt.Sprintf("an entry of kind %d", ace.Header.AceType), nil
		}
		if ace.Mask&rights == 0 || ace.Header.AceFlags&windows.INHERIT_ONLY_ACE != 0 && rights != Any {
			continue
		}
		if sid := (*windows.SID)(unsafe.Pointer(&ace.SidStart)); !among(trusted, sid) {
			return name(sid), nil
		}
	}
	return "", nil
}

func among(list []*windows.SID, sid *windows.SID) bool {
	return slices.ContainsFunc(list, sid.Equals)
}

// name is for people. Accounts are not looked up: that can ask a server of the domain
// and wait for it.
func name(sid *windows.SID) string {
	text := sid.String()
	switch text {
	case "S-1-1-0":
		return "Everyone"
	case "S-1-3-0":
		return "CREATOR OWNER"
	case "S-1-5-4":
		return "INTERACTIVE"
	case "S-1-5-11":
		return "Authenticated Users"
	case "S-1-5-32-545":
		return "Users"
	case "S-1-5-32-547":
		return "Power Users"
	}
	return "the account " + text
}
