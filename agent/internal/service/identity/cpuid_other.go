//go:build !386 && !amd64

package identity

// cpuid: this architecture has no ProcessorId; the slot stays empty.
func cpuid() (edx, eax uint32, ok bool) { return 0, 0, false }
