//go:build cgo && (linux || windows)

/* shim_text.c - texts on their way through the border. Inside the library all are
 * UTF-8; what the application gives and gets is in its own encoding: UTF-8, UTF-16,
 * or a code page, which shim_text_linux.c and shim_text_windows.c know. Strict in
 * both ways: what does not fit is a code, never another character. */
#include <stdlib.h>
#include <string.h>

#include "shim.h"

/* The character at p, which is good UTF-8, and the start of the next one. */
static const char *next_character(const char *text, uint32_t *c)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80) {
        *c = p[0];
        return text + 1;
    }
    if (p[0] < 0xe0) {
        *c = (uint32_t)(p[0] & 0x1f) << 6 | (p[1] & 0x3f);
        return text + 2;
    }
    if (p[0] < 0xf0) {
        *c = (uint32_t)(p[0] & 0x0f) << 12 | (uint32_t)(p[1] & 0x3f) << 6 | (p[2] & 0x3f);
        return text + 3;
    }
    *c = (uint32_t)(p[0] & 0x07) << 18 | (uint32_t)(p[1] & 0x3f) << 12 | (uint32_t)(p[2] & 0x3f) << 6 | (p[3] & 0x3f);
    return text + 4;
}

/* ---- UTF-16 */

static size_t put_units(uint32_t c, uint16_t *to)
{
    if (c < 0x10000) {
        to[0] = (uint16_t)c;
        return 1;
    }
    to[0] = (uint16_t)(0xd800 + ((c - 0x10000) >> 10));
    to[1] = (uint16_t)(0xdc00 + ((c - 0x10000) & 0x3ff));
    return 2;
}

/* UTF-16 of good UTF-8, ending with NUL; to has room for length + 1 units. */
static size_t units_of(const char *text, size_t length, uint16_t *to)
{
    const char *end = text + length;
    size_t n = 0;
    uint32_t c;
    while (text < end) {
        text = next_character(text, &c);
        n += put_units(c, to + n);
    }
    to[n] = 0;
    return n;
}

/* The character at w and the start of the next one; NULL where a surrogate stands alone. */
static const uint16_t *next_unit(const uint16_t *w, uint32_t *c)
{
    *c = w[0];
    if (w[0] < 0xd800 || w[0] > 0xdfff)
        return w + 1;
    if (w[0] > 0xdbff || w[1] < 0xdc00 || w[1] > 0xdfff)
        return NULL;
    *c = 0x10000 + ((uint32_t)(w[0] - 0xd800) << 10) + (uint32_t)(w[1] - 0xdc00);
    return w + 2;
}

static size_t put_bytes(uint32_t c, char *to)
{
    if (c < 0x80) {
        to[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (char)(0xc0 | c >> 6);
        to[1] = (char)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < 0x10000) {
        to[0] = (char)(0xe0 | c >> 12);
        to[1] = (char)(0x80 | (c >> 6 & 0x3f));
        to[2] = (char)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (char)(0xf0 | c >> 18);
    to[1] = (char)(0x80 | (c >> 12 & 0x3f));
    to[2] = (char)(0x80 | (c >> 6 & 0x3f));
    to[3] = (char)(0x80 | (c & 0x3f));
    return 4;
}

/* New UTF-8 of UTF-16 that ends with NUL; no unit is read past the one that goes
 * over limit bytes. */
static int32_t from_units(const uint16_t *wide, size_t limit, char **made)
{
    const uint16_t *w = wide;
    size_t bytes = 0;
    char four[4], *at;
    uint32_t c;
    while (*w != 0) {
        if ((*w & 0xfc00) == 0xd800 && limit - bytes < 4) /* its other half is over the limit, too */
            return ISCDESK_E_TOO_LARGE;
        w = next_unit(w, &c);
        if (w == NULL)
            return ISCDESK_E_INVALID_ARGUMENT;
        bytes += put_bytes(c, four);
        if (bytes > limit)
            return ISCDESK_E_TOO_LARGE;
    }
    *made = at = malloc(bytes + 1);
    if (at == NULL)
        return ISCDESK_E_INTERNAL;
    for (w = wide; *w != 0; at += put_bytes(c, at))
        w = next_unit(w, &c);
    *at = 0;
    return ISCDESK_OK;
}

/* ---- code pages */

/* Pages whose conversions take no flags, so that the system would put something
 * else in the place of what does not fit: the symbols, the ISO 2022 and HZ ones,
 * GB18030 (to bytes), the Indian ones, UTF-7 and UTF-8 (to bytes). */
static int lax(uint32_t page, int to_bytes)
{
    return page == 42 || (page >= 50220 && page <= 50229) || page == 52936 || (page >= 57002 && page <= 57011) ||
           page == 65000 || (to_bytes && (page == 54936 || page == 65001));
}

/* The bytes of UTF-16 in a page. The way back must give the same units: that finds
 * what a system replaces in spite of its flags as well. *made is new, ends with NUL. */
static int32_t page_bytes(uint32_t page, const uint16_t *wide, size_t count, char **made, size_t *size)
{
    const size_t room = count * 8 + 16; /* UTF-7, the longest, takes under 6 bytes a unit and its marks */
    char *bytes = malloc(room + 1);
    uint16_t *back = malloc((count + 1) * sizeof *back);
    size_t n = 0;
    int lost = 0, good;
    good = bytes != NULL && back != NULL;
    if (good && count > 0) {
        n = shim_page_encode(page, !lax(page, 1), wide, count, bytes, room, &lost);
        good = n > 0 && !lost && shim_page_decode(page, !lax(page, 0), bytes, n, back, count) == count &&
               memcmp(wide, back, count * sizeof *back) == 0;
    }
    if (bytes == NULL || back == NULL) {
        free(bytes);
        free(back);
        return ISCDESK_E_INTERNAL;
    }
    free(back);
    if (!good) {
        free(bytes);
        return ISCDESK_E_TEXT_ENCODING;
    }
    bytes[n] = 0;
    *made = bytes;
    *size = n;
    return ISCDESK_OK;
}

/* UTF-16 of bytes in a page, new, ending with NUL. Two sequences may mean the same
 * character (932 has such), so the way back is asked only where the system does
 * not refuse broken bytes itself. */
static int32_t page_units(uint32_t page, const char *text, size_t size, uint16_t **made)
{
    uint16_t *wide = malloc((size + 1) * sizeof *wide); /* no byte gives more than one unit */
    size_t n = 0, back_size = 0;
    char *back = NULL;
    int good = 1;
    if (wide == NULL)
        return ISCDESK_E_INTERNAL;
    if (size > 0) {
        n = shim_page_decode(page, !lax(page, 0), text, size, wide, size);
        good = n > 0;
    }
    if (good && lax(page, 0) && size > 0) {
        good = page_bytes(page, wide, n, &back, &back_size) == ISCDESK_OK && back_size == size && memcmp(back, text, size) == 0;
        free(back);
    }
    if (!good) {
        free(wide);
        return ISCDESK_E_INVALID_ARGUMENT;
    }
    wide[n] = 0;
    *made = wide;
    return ISCDESK_OK;
}

/* ---- in and out */

int32_t shim_text_in(uint32_t page, const void *text, size_t limit, char **made, const char **utf8)
{
    uint16_t *wide;
    size_t size;
    int32_t rc;
    *made = NULL;
    *utf8 = text;
    if (text == NULL)
        return ISCDESK_OK;
    if (page == SHIM_UTF8)
        return shim_text_ok(text, limit);
    if (page == SHIM_UTF16) {
        rc = from_units(text, limit, made);
    } else {
        size = strnlen(text, 2 * limit + 1); /* GB18030 has 4 bytes where UTF-8 has 2 */
        if (size > 2 * limit) /* and no byte past it is read */
            return ISCDESK_E_TOO_LARGE;
        rc = page_units(page, text, size, &wide);
        if (rc != ISCDESK_OK)
            return rc;
        rc = from_units(wide, limit, made);
        free(wide);
    }
    *utf8 = *made;
    return rc;
}

int32_t shim_text_out(uint32_t page, const char *utf8, size_t length, void **made)
{
    uint16_t *wide = malloc((length + 1) * sizeof *wide);
    size_t n, size;
    char *bytes = NULL;
    int32_t rc;
    *made = NULL;
    if (wide == NULL)
        return ISCDESK_E_INTERNAL;
    n = units_of(utf8, length, wide);
    if (page == SHIM_UTF16) {
        *made = wide;
        return ISCDESK_OK;
    }
    rc = page_bytes(page, wide, n, &bytes, &size);
    free(wide);
    *made = bytes;
    return rc;
}

/* Writes c as JSON and C know it. */
static size_t put_escape(uint32_t c, char *to)
{
    static const char digits[] = "0123456789abcdef";
    uint16_t units[2];
    size_t n = put_units(c, units), i;
    for (i = 0; i < n; i++, to += 6) {
        to[0] = '\\';
        to[1] = 'u';
        to[2] = digits[units[i] >> 12];
        to[3] = digits[units[i] >> 8 & 15];
        to[4] = digits[units[i] >> 4 & 15];
        to[5] = digits[units[i] & 15];
    }
    return n * 6;
}

char *shim_text_ascii(const char *utf8)
{
    char *made = malloc(strlen(utf8) * 3 + 1), *at = made; /* two bytes become six, four twelve */
    uint32_t c;
    if (made == NULL)
        return NULL;
    while (*utf8 != 0) {
        utf8 = next_character(utf8, &c);
        if (c < 0x80)
            *at++ = (char)c;
        else
            at += put_escape(c, at);
    }
    *at = 0;
    return made;
}

/* A page may need more bytes than UTF-8: then fewer characters are taken. */
int shim_text_fit(uint32_t page, char *to, size_t size, const char *utf8, size_t length)
{
    void *made;
    size_t n;
    while (shim_text_out(page, utf8, length, &made) == ISCDESK_OK) {
        n = strlen(made);
        if (n < size)
            memcpy(to, made, n + 1);
        free(made);
        if (n < size)
            return 0;
        n = (n - size) / 3 + 1; /* at least so many bytes of UTF-8 are too many: no page takes more than 3 for one */
        length = n < length ? length - n : 0;
        while (length > 0 && ((unsigned char)utf8[length] & 0xc0) == 0x80)
            length--;
    }
    return -1;
}

/* ---- texts that belong to an object */

const void *shim_kept(struct shim_kept **list, uint32_t page, const char *utf8, int32_t *code)
{
    struct shim_kept *k;
    *code = ISCDESK_OK;
    if (utf8 == NULL || page == SHIM_UTF8)
        return utf8;
    for (k = __atomic_load_n(list, __ATOMIC_ACQUIRE); k != NULL; k = k->next)
        if (k->from == utf8 && k->page == page)
            break;
    if (k == NULL) {
        k = malloc(sizeof *k);
        if (k == NULL) {
            *code = ISCDESK_E_INTERNAL;
            return NULL;
        }
        k->from = utf8;
        k->page = page;
        k->text = NULL;
        if (page == SHIM_ASCII) {
            k->text = shim_text_ascii(utf8);
            k->code = k->text == NULL ? ISCDESK_E_INTERNAL : ISCDESK_OK;
        } else {
            k->code = shim_text_out(page, utf8, strlen(utf8), &k->text);
        }
        /* Without a lock, which a fork could catch: two threads at once keep two. */
        k->next = __atomic_load_n(list, __ATOMIC_RELAXED);
        while (!__atomic_compare_exchange_n(list, &k->next, k, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            ;
    }
    *code = k->code;
    return k->text;
}

void shim_kept_free(struct shim_kept *list)
{
    struct shim_kept *next;
    for (; list != NULL; list = next) {
        next = list->next;
        free(list->text);
        free(list);
    }
}

/* ---- the texts of a call */

void shim_texts_free(char **made, size_t n)
{
    size_t i;
    for (i = 0; i < n; i++)
        free(made[i]);
}

int32_t shim_texts_in(uint32_t page, const struct shim_argument *a, size_t n, const char **utf8, char **made, const char **bad)
{
    size_t i;
    int32_t rc;
    for (i = 0; i < n; i++) {
        *bad = a[i].name;
        rc = shim_text_in((a[i].kind & SHIM_WIDE) != 0 ? (uint32_t)SHIM_UTF16 : page, a[i].text, a[i].limit, &made[i], &utf8[i]);
        if (rc == ISCDESK_OK && (a[i].kind & SHIM_REQUIRED) != 0 && (utf8[i] == NULL || utf8[i][0] == 0))
            rc = ISCDESK_E_INVALID_ARGUMENT;
        if (rc != ISCDESK_OK) {
            shim_texts_free(made, i + 1);
            return rc;
        }
    }
    return ISCDESK_OK;
}
