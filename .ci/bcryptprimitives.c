/* Go programs take their random numbers from ProcessPrng of bcryptprimitives.dll, which
 * Windows has since 10 and Wine only since 9. Test prefixes of Wine 8 get this one. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE out, SIZE_T n)
{
    while (n > 0) {
        ULONG part = n > 0x10000 ? 0x10000 : (ULONG)n;
        if (!RtlGenRandom(out, part))
            return FALSE;
        out += part;
        n -= part;
    }
    return TRUE;
}
