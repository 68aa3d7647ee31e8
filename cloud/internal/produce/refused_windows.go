package produce

import "golang.org/x/sys/windows"

// errRefused is how the system says that nobody listens at an address; on Windows
// syscall.ECONNREFUSED is a number of Go's own that no call returns.
const errRefused = windows.WSAECONNREFUSED
