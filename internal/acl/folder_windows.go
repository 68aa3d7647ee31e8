package acl

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/windows"
)

// Private is the access list of a folder for the process's account and the system alone,
// the files that will lie in it included; for the system itself, administrators beside it.
func Private() (*windows.SECURITY_DESCRIPTOR, error) {
	own, err := User()
	if err != nil {
		return nil, err
	}
	beside := own.String()
	if own.IsWellKnown(windows.WinLocalSystemSid) {
		beside = "BA"
	}
	return describe("O:" + own.String() + "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;" + beside + ")")
}

// Public is the access list of a folder that administrators and the system fill and
// everybody reads.
func Public() (*windows.SECURITY_DESCRIPTOR, error) {
	return describe("O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)")
}

func describe(sddl string) (*windows.SECURITY_DESCRIPTOR, error) {
	sd, err := windows.SecurityDescriptorFromString(sddl)
	if err != nil {
		return nil, fmt.Errorf("make access list: %w", err)
	}
	return sd, nil
}

// Mkdir makes a folder that has sd from its first moment; one that is there already is
// left as it is and is fs.ErrExist.
func Mkdir(path string, sd *windows.SECURITY_DESCRIPTOR) error {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return fmt.Errorf("make folder %q: %w", path, err)
	}
	sa := windows.SecurityAttributes{SecurityDescriptor: sd}
	sa.Length = uint32(unsafe.Sizeof(sa))
	if err := windows.CreateDirectory(name, &sa); err != nil {
		return fmt.Errorf("make folder %s: %w", path, err)
	}
	return nil
}

// Protect gives the empty folder behind h sd's access list, cut off from what is
// inherited; the owner stays. h needs WRITE_DAC. SetSecurityInfo is not used: it would
// carry the list on to what lies below.
func Protect(h windows.Handle, sd *windows.SECURITY_DESCRIPTOR) error {
	if err := windows.SetKernelObjectSecurity(h, windows.DACL_SECURITY_INFORMATION|windows.PROTECTED_DACL_SECURITY_INFORMATION, sd); err != nil {
		return fmt.Errorf("set access list: %w", err)
	}
	return nil
}

// Open opens what lies at path itself, a link too, with access (READ_CONTROL for Others)
// and tells its attributes. The caller closes it.
func Open(path string, access uint32) (h windows.Handle, attributes uint32, err error) {
	name, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return 0, 0, fmt.Errorf("open %q: %w", path, err)
	}
	h, err = windows.CreateFile(name, access|windows.FILE_READ_ATTRIBUTES,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OPEN_REPARSE_POINT, 0)
	if err != nil {
		return 0, 0, fmt.Errorf("open %s: %w", path, err)
	}
	var info windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(h, &info); err != nil {
		return 0, 0, errors.Join(fmt.Errorf("look at %s: %w", path, err), windows.CloseHandle(h))
	}
	return h, info.FileAttributes, nil
}
