//go:build 386 || amd64

package identity

import (
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestProcessorIdIsTheKernels decodes what the instruction says as the kernel does: family,
// model and stepping stand in EAX, features in EDX. Exchanged registers would give an
// application another ProcessorId than the documented one.
func TestProcessorIdIsTheKernels(t *testing.T) {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n\n")
	says := map[string]string{}
	for _, line := range strings.Split(first, "\n") {
		k, v, _ := strings.Cut(line, ":")
		says[strings.TrimSpace(k)] = strings.TrimSpace(v)
	}
	edx, eax, ok := cpuid()
	if !ok {
		t.Fatal("no CPUID on x86")
	}
	family, model := eax>>8&15, eax>>4&15
	if family == 15 {
		family += eax >> 20 & 255
	}
	if family >= 6 {
		model += eax >> 16 & 15 << 4
	}
	for name, got := range map[string]uint32{"cpu family": family, "model": model, "stepping": eax & 15} {
		if want := says[name]; strconv.FormatUint(uint64(got), 10) != want {
			t.Errorf("%s is %d of EAX %08X; the kernel says %q", name, got, eax, want)
		}
	}
	flags := " " + says["flags"] + " "
	for name, bit := range map[string]int{"fpu": 0, "tsc": 4, "cx8": 8, "cmov": 15, "sse": 25, "sse2": 26} {
		if (edx>>bit&1 == 1) != strings.Contains(flags, " "+name+" ") {
			t.Errorf("%s: bit %d of EDX %08X; the kernel's flags are%s", name, bit, edx, flags)
		}
	}
}
