package files

import (
	"errors"
	"syscall"

	"golang.org/x/sys/windows"

	"github.com/iscdesk/iscdesk/sdk/api"
)

// systemCode knows the errors that only this system has.
func systemCode(err error) (api.Code, bool) {
	var no syscall.Errno
	if !errors.As(err, &no) {
		return api.Internal, false
	}
	switch no {
	case windows.ERROR_SHARING_VIOLATION, windows.ERROR_LOCK_VIOLATION, windows.ERROR_USER_MAPPED_FILE, windows.ERROR_DELETE_PENDING:
		return api.PathInUse, true
	case windows.ERROR_WRITE_PROTECT, windows.ERROR_VIRUS_INFECTED, windows.ERROR_CLOUD_FILE_PROVIDER_NOT_RUNNING,
		windows.ERROR_CLOUD_FILE_NETWORK_UNAVAILABLE, windows.ERROR_CLOUD_FILE_UNSUCCESSFUL:
		return api.PathDenied, true
	case windows.ERROR_DISK_FULL, windows.ERROR_HANDLE_DISK_FULL, windows.ERROR_DISK_QUOTA_EXCEEDED:
		return api.DiskFull, true
	case windows.ERROR_DIRECTORY, windows.ERROR_CANT_ACCESS_FILE, windows.ERROR_CANT_RESOLVE_FILENAME:
		return api.PathNotRegular, true
	case windows.ERROR_INVALID_NAME, windows.ERROR_BAD_PATHNAME, windows.ERROR_FILENAME_EXCED_RANGE:
		return api.NameInvalid, true
	case windows.ERROR_BAD_NETPATH, windows.ERROR_BAD_NET_NAME, windows.ERROR_NETNAME_DELETED, windows.ERROR_NOT_READY, windows.ERROR_INVALID_DRIVE:
		return api.PathNotFound, true
	}
	return api.Internal, false
}
