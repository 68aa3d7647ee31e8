//go:build 386 || amd64

package identity

// cpuid1 runs CPUID with leaf 1. Every amd64 processor has it, and every one on which
// Go's 386 code runs: that asks for more than the first processor with CPUID had.
func cpuid1() (eax, edx uint32)

func cpuid() (edx, eax uint32, ok bool) {
	eax, edx = cpuid1()
	return edx, eax, true
}
