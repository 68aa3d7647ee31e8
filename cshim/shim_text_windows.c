//go:build cgo && windows

/* shim_text_windows.c - code pages as Windows has them. Which flags a page takes
 * and what a result is worth is known in shim_text.c. */
#include <windows.h>

#include "shim.h"

/* With the system's "beta: use Unicode UTF-8" or a manifest that asks for it, the
 * code page is UTF-8. */
int32_t shim_page_ansi(uint32_t *page, const char **why)
{
    *page = GetACP();
    if (*page == CP_UTF8)
        *page = SHIM_UTF8;
    *why = "text_encoding: the code page of this process is not installed";
    return *page == SHIM_UTF8 || IsValidCodePage(*page) ? ISCDESK_OK : ISCDESK_E_NOT_SUPPORTED;
}

size_t shim_page_decode(uint32_t page, int strict, const char *from, size_t size, uint16_t *to, size_t room)
{
    int n = MultiByteToWideChar(page, strict ? MB_ERR_INVALID_CHARS : 0, from, (int)size, (wchar_t *)to, (int)room);
    return n > 0 ? (size_t)n : 0;
}

size_t shim_page_encode(uint32_t page, int strict, const uint16_t *from, size_t count, char *to, size_t room, int *lost)
{
    BOOL used = FALSE;
    int n = WideCharToMultiByte(page, strict ? WC_NO_BEST_FIT_CHARS : 0, (const wchar_t *)from, (int)count, to, (int)room, NULL,
                                strict ? &used : NULL);
    *lost = used;
    return n > 0 ? (size_t)n : 0;
}
