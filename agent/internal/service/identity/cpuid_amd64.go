package identity

// cpuid1 runs CPUID with leaf 1; every amd64 processor has it.
func cpuid1() (eax, edx uint32)

func cpuid() (edx, eax uint32, ok bool) {
	eax, edx = cpuid1()
	return edx, eax, true
}
