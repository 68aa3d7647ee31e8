//go:build unix

package produce

import "syscall"

// errRefused is how the system says that nobody listens at an address.
const errRefused = syscall.ECONNREFUSED
