/* start_windows.c - linked behind the Go archive by build-windows.sh, which takes
 * out the archive's own constructor: that starts Go's runtime as soon as the DLL is
 * loaded, and on a Windows that is too old for Go it would end a program which only
 * carries the DLL. So the start is handed to shim_start_windows.c. It is no part of
 * package cshim. */
#ifdef _WIN64
extern void go_start(int argc, char **argv) __asm__("_rt0_amd64_windows_lib");
#else
extern void go_start(int argc, char **argv) __asm__("_rt0_386_windows_lib");
#endif

extern void (*shim_go_start)(int argc, char **argv);

__attribute__((constructor)) static void hand_over(void)
{
    shim_go_start = go_start;
}
