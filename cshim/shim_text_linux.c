//go:build cgo

/* shim_text_linux.c - Linux has no code page of a process: the choice is refused
 * when a client is opened, so the conversions are never asked for one. */
#include "shim.h"

int32_t shim_page_ansi(uint32_t *page, const char **why)
{
    *page = SHIM_UTF8;
    *why = "text_encoding: there is no ANSI code page on this system; use ISCDESK_TEXT_UTF8 or the calls that end in _w";
    return ISCDESK_E_NOT_SUPPORTED;
}

size_t shim_page_decode(uint32_t page, int strict, const char *from, size_t size, uint16_t *to, size_t room)
{
    return 0;
}

size_t shim_page_encode(uint32_t page, int strict, const uint16_t *from, size_t count, char *to, size_t room, int *lost)
{
    *lost = 1;
    return 0;
}
