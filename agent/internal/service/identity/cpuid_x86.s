//go:build 386 || amd64

#include "textflag.h"

// The results lie at the same offsets on both, and neither keeps a register for its caller.

// func cpuid1() (eax, edx uint32)
TEXT ·cpuid1(SB), NOSPLIT, $0-8
	MOVL $1, AX
	MOVL $0, CX
	CPUID
	MOVL AX, eax+0(FP)
	MOVL DX, edx+4(FP)
	RET
