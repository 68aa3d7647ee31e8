/* The conversions of texts, without the library: shim_text.c itself, with the code
 * pages of Windows, or of iconv where there is no Windows. Whatever the process's own
 * page is: the page is a parameter. Prints the pages that the system has not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "shim_text.c"

#include "shim_error.c"

#define CHECK(cond)                                                                             \
    do {                                                                                        \
        if (!(cond)) {                                                                          \
            fprintf(stderr, "%d: does not hold: %s (page %lu, case %d)\n", __LINE__, #cond,     \
                    (unsigned long)now_page, now_case);                                         \
            exit(1);                                                                            \
        }                                                                                       \
    } while (0)

static uint32_t now_page;
static int now_case;

/* A system that replaces what does not fit although it was asked not to, and says
 * nothing: the way back must find that. */
static int careless;

#ifdef _WIN32

#define shim_page_encode windows_encode
#include "shim_text_windows.c"
#undef shim_page_encode

static int has_page(uint32_t page)
{
    return IsValidCodePage(page);
}

size_t shim_page_encode(uint32_t page, int strict, const uint16_t *from, size_t count, char *to, size_t room, int *lost)
{
    size_t n = windows_encode(page, strict && !careless, from, count, to, room, lost);
    if (careless)
        *lost = 0;
    return n;
}

#else

#include <errno.h>
#include <iconv.h>

static const struct {
    uint32_t page;
    const char *name;
} names[] = {{936, "GBK"}, {54936, "GB18030"}, {950, "BIG5-HKSCS"}, {932, "CP932"}, {1252, "CP1252"}, {65001, "UTF-8"}, {65000, "UTF-7"}};

static const char *name_of(uint32_t page)
{
    size_t i;
    for (i = 0; i < SHIM_COUNT(names); i++)
        if (names[i].page == page)
            return names[i].name;
    return NULL;
}

static int has_page(uint32_t page)
{
    return name_of(page) != NULL;
}

/* Without strict what does not fit becomes instead, unit after unit, as on Windows. */
static size_t convert(const char *to_name, const char *from_name, const char *from, size_t size, size_t unit, char *to, size_t room,
                      const char *instead, size_t instead_size, int strict, int *lost)
{
    iconv_t c = iconv_open(to_name, from_name);
    char *in = (char *)from, *out = to;
    size_t in_left = size, out_left = room;
    *lost = 0;
    if (c == (iconv_t)-1)
        return 0;
    while (in_left > 0 && iconv(c, &in, &in_left, &out, &out_left) == (size_t)-1) {
        *lost = 1;
        if (errno == E2BIG || strict || out_left < instead_size || in_left < unit) {
            iconv_close(c);
            return 0;
        }
        memcpy(out, instead, instead_size);
        out += instead_size;
        out_left -= instead_size;
        in += unit;
        in_left -= unit;
    }
    (void)iconv(c, NULL, NULL, &out, &out_left); /* what ends a text of UTF-7 */
    iconv_close(c);
    return (size_t)(out - to);
}

size_t shim_page_decode(uint32_t page, int strict, const char *from, size_t size, uint16_t *to, size_t room)
{
    int lost;
    return convert("UTF-16LE", name_of(page), from, size, 1, (char *)to, room * 2, "\xfd\xff", 2, strict, &lost) / 2;
}

size_t shim_page_encode(uint32_t page, int strict, const uint16_t *from, size_t count, char *to, size_t room, int *lost)
{
    size_t n = convert(name_of(page), "UTF-16LE", (const char *)from, count * 2, 2, to, room, "?", 1, 0, lost);
    if (!strict || careless)
        *lost = 0;
    return n;
}

#endif

/* ---- code pages */

static const struct {
    uint32_t page;
    const char *utf8, *bytes; /* NULL: the page cannot hold it */
} fits[] = {
    {936, "", ""},
    {936, "C:\\a b.dxf", "C:\\a b.dxf"},
    {936, "\xe5\x9b\xbe", "\xcd\xbc"},
    {936, "\xe6\xb3\x95\xe5\x85\xb0 flange", "\xb7\xa8\xc0\xbc flange"},
    {936, "\xe8\xaa\xa0", "\xd5\\"}, /* a second byte that looks like a backslash */
    {936, "\xe4\xb8\x82", "\x81@"},
    {936, "\xc3\xa9", "\xa8\xa6"},
    {936, "\xed\x95\x9c", NULL},         /* Korean */
    {936, "\xf0\x9f\x98\x80", NULL},     /* past U+FFFF */
    {936, "a\xf0\xa0\x80\x80.dxf", NULL},
    {936, "\xc3\xbf", NULL},
    {54936, "\xe5\x9b\xbe", "\xcd\xbc"},
    {54936, "\xf0\x9f\x98\x80", "\x94\x39\xfc\x36"},
    {54936, "\xed\x95\x9c", "\x83\x36\x84\x33"},
    {54936, "\xc3\xbf", "\x81\x30\x8b\x37"},
    {950, "\xe8\xa8\xb1\xe5\x8a\x9f\xe8\x93\x8b", "\xb3\\\xa5\\\xbb\\"},
    {950, "\xe5\x9c\x96", "\xb9\xcf"},
    {950, "\xe5\x9b\xbe", NULL}, /* the simplified one */
    {950, "\xed\x95\x9c", NULL},
    {932, "\xe8\xa1\xa8", "\x95\\"},
    {932, "\xef\xbe\x8a\xef\xbe\x9f", "\xca\xdf"},
    {932, "\xe2\x91\xa0", "\x87@"},
    {932, "\xe5\x9b\xbe", NULL},
    {932, "\xc3\xa9", NULL}, /* Windows would take e */
    {1252, "\xc3\xa9", "\xe9"},
    {1252, "\xe2\x82\xac", "\x80"},
    {1252, "\xc3\xbf", "\xff"},
    {1252, "\xe5\x9b\xbe.dxf", NULL},
    {1252, "\xc4\x80", NULL},     /* Windows would take A */
    {1252, "\xe2\x88\x9e", NULL}, /* 8 */
    {1252, "\xef\xbd\x86", NULL}, /* f */
    {1252, "\xef\xbc\x8f", NULL}, /* /, which would change the path */
    {65001, "\xe5\x9b\xbe \xf0\x9f\x98\x80", "\xe5\x9b\xbe \xf0\x9f\x98\x80"},
};

static void fitting(void)
{
    size_t i;
    for (i = 0; i < SHIM_COUNT(fits); i++) {
        const char *utf8 = fits[i].utf8, *bytes = fits[i].bytes, *back;
        char *made;
        void *out;
        int32_t rc;
        now_page = fits[i].page;
        now_case = (int)i;
        if (!has_page(now_page))
            continue;
        CHECK(shim_text_ok(utf8, 100) == ISCDESK_OK);
        rc = shim_text_out(now_page, utf8, strlen(utf8), &out);
        if (bytes == NULL) {
            CHECK(rc == ISCDESK_E_TEXT_ENCODING && out == NULL);
            continue;
        }
        CHECK(rc == ISCDESK_OK && strcmp(out, bytes) == 0);
        free(out);
        CHECK(shim_text_in(now_page, bytes, strlen(utf8), &made, &back) == ISCDESK_OK && strcmp(back, utf8) == 0);
        free(made);
        if (utf8[0] != 0)
            CHECK(shim_text_in(now_page, bytes, strlen(utf8) - 1, &made, &back) == ISCDESK_E_TOO_LARGE && made == NULL);
    }
}

static const struct {
    uint32_t page;
    const char *bytes;
} broken[] = {
    {936, "\xcd"},          {936, "C:\\\xcd"},      {936, "\x81\x20"}, {936, "\xcd\xbc\xcd"}, {950, "\xb3"},       {950, "a\xb3\x20"},
    {932, "\x95"},          {932, "\x95\x20"},      {54936, "\x94"},   {54936, "\x94\x39"},   {54936, "\x94\x39\xfc"}, {54936, "\xff"},
    {54936, "\xcd\x20"},    {65001, "\xc0\xaf"},    {65001, "\xed\xa0\x80"}, {65001, "\xe5\x9b"}, {65001, "\xff"},
    {65000, "a\xff"},
};

static void breaking(void)
{
    size_t i;
    for (i = 0; i < SHIM_COUNT(broken); i++) {
        char *made;
        const char *back;
        now_page = broken[i].page;
        now_case = (int)i;
        if (has_page(now_page))
            CHECK(shim_text_in(now_page, broken[i].bytes, 100, &made, &back) == ISCDESK_E_INVALID_ARGUMENT && made == NULL);
    }
}

/* The way back alone finds what was replaced. */
static void careless_system(void)
{
    size_t i;
    careless = 1;
    for (i = 0; i < SHIM_COUNT(fits); i++) {
        void *out;
        now_page = fits[i].page;
        now_case = (int)i;
        if (!has_page(now_page) || fits[i].bytes != NULL)
            continue;
        CHECK(shim_text_out(now_page, fits[i].utf8, strlen(fits[i].utf8), &out) == ISCDESK_E_TEXT_ENCODING && out == NULL);
    }
    careless = 0;
}

/* ---- UTF-16 */

static const struct {
    uint16_t units[4];
    int32_t code;
    const char *utf8;
} wides[] = {
    {{0}, ISCDESK_OK, ""},
    {{'a', 0x7f, 0x80, 0}, ISCDESK_OK, "a\x7f\xc2\x80"},
    {{0x7ff, 0x800, 0xffff, 0}, ISCDESK_OK, "\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"},
    {{0xd7ff, 0xe000, 0}, ISCDESK_OK, "\xed\x9f\xbf\xee\x80\x80"},
    {{0xd800, 0xdc00, 0}, ISCDESK_OK, "\xf0\x90\x80\x80"},
    {{0xdbff, 0xdfff, 'z', 0}, ISCDESK_OK, "\xf4\x8f\xbf\xbfz"},
    {{0xd83d, 0}, ISCDESK_E_INVALID_ARGUMENT, NULL},
    {{0xde00, 0}, ISCDESK_E_INVALID_ARGUMENT, NULL},
    {{0xde00, 0xd83d, 0}, ISCDESK_E_INVALID_ARGUMENT, NULL},
    {{0xd83d, 0xd83d, 0xde00}, ISCDESK_E_INVALID_ARGUMENT, NULL},
    {{'a', 0xd83d, 'b', 0}, ISCDESK_E_INVALID_ARGUMENT, NULL},
};

static void wide(void)
{
    size_t i, n;
    char *made;
    const char *back;
    void *out;
    now_page = SHIM_UTF16;
    for (i = 0; i < SHIM_COUNT(wides); i++) {
        now_case = (int)i;
        CHECK(shim_text_in(SHIM_UTF16, wides[i].units, 100, &made, &back) == wides[i].code);
        if (wides[i].code != ISCDESK_OK)
            continue;
        CHECK(strcmp(back, wides[i].utf8) == 0 && shim_text_ok(back, 100) == ISCDESK_OK);
        CHECK(shim_text_out(SHIM_UTF16, back, strlen(back), &out) == ISCDESK_OK);
        for (n = 0; wides[i].units[n] != 0; n++)
            CHECK(((uint16_t *)out)[n] == wides[i].units[n]);
        CHECK(((uint16_t *)out)[n] == 0);
        free(out);
        free(made);
    }
    CHECK(shim_text_in(SHIM_UTF16, NULL, 5, &made, &back) == ISCDESK_OK && back == NULL && made == NULL);
}

/* ---- borders of lengths; memory ends where a text over its limit is not read on */

static void limits(void)
{
    static const struct {
        uint16_t unit[2];
        size_t units, bytes; /* of one character */
    } kinds[] = {{{'a', 0}, 1, 1}, {{0xe9, 0}, 1, 2}, {{0x56fe, 0}, 1, 3}, {{0xd83d, 0xde00}, 2, 4}};
    size_t k, n, i;
    char *made;
    const char *back;
    now_page = SHIM_UTF16;
    for (k = 0; k < SHIM_COUNT(kinds); k++)
        for (n = 0; n < 3; n++) {
            size_t count = ISCDESK_MAX_PATH / kinds[k].bytes + n, used = count * kinds[k].units;
            int over = count * kinds[k].bytes > ISCDESK_MAX_PATH;
            uint16_t *text = malloc((used + !over) * sizeof *text); /* no NUL where it is too long */
            CHECK(text != NULL);
            for (i = 0; i < used; i++)
                text[i] = kinds[k].unit[kinds[k].units == 2 ? i % 2 : 0];
            if (!over)
                text[used] = 0;
            now_case = (int)(k * 10 + n);
            if (!over || n == 1 || count * kinds[k].bytes - kinds[k].bytes <= ISCDESK_MAX_PATH) {
                int32_t rc = shim_text_in(SHIM_UTF16, text, ISCDESK_MAX_PATH, &made, &back);
                CHECK(rc == (over ? ISCDESK_E_TOO_LARGE : ISCDESK_OK));
                if (!over)
                    CHECK(strlen(back) == count * kinds[k].bytes);
                free(made);
            }
            free(text);
        }
    for (n = ISCDESK_MAX_PATH - 3; n <= ISCDESK_MAX_PATH; n++) { /* half of a pair is what goes over */
        uint16_t *text = malloc((n + 1) * sizeof *text);
        CHECK(text != NULL);
        for (i = 0; i < n; i++)
            text[i] = 'a';
        text[n] = 0xd83d;
        now_case = (int)n;
        CHECK(shim_text_in(SHIM_UTF16, text, ISCDESK_MAX_PATH, &made, &back) == ISCDESK_E_TOO_LARGE && made == NULL);
        free(text);
    }
    for (n = ISCDESK_MAX_PATH - 1; n <= 2 * ISCDESK_MAX_PATH + 1; n += n <= ISCDESK_MAX_PATH ? 1 : ISCDESK_MAX_PATH) { /* bytes in a page */
        char *text = malloc(n + (n <= 2 * ISCDESK_MAX_PATH));
        CHECK(text != NULL);
        memset(text, 'a', n);
        if (n <= 2 * ISCDESK_MAX_PATH)
            text[n] = 0;
        now_page = 1252;
        now_case = (int)n;
        CHECK(shim_text_in(1252, text, ISCDESK_MAX_PATH, &made, &back) == (n <= ISCDESK_MAX_PATH ? ISCDESK_OK : ISCDESK_E_TOO_LARGE));
        free(made);
        free(text);
    }
    for (n = 1365; n <= 1366; n++) { /* 3 bytes of UTF-8 for each 2 of the page */
        char *text = malloc(2 * n + 1);
        CHECK(text != NULL);
        for (i = 0; i < n; i++)
            memcpy(text + 2 * i, "\xcd\xbc", 2);
        text[2 * n] = 0;
        now_page = 936;
        now_case = (int)n;
        CHECK(shim_text_in(936, text, ISCDESK_MAX_PATH, &made, &back) == (n == 1365 ? ISCDESK_OK : ISCDESK_E_TOO_LARGE));
        free(made);
        free(text);
    }
}

/* ---- sentences, JSON, and what an object keeps */

static void sentences(void)
{
    static const char text[] = "\xe5\x9b\xbe\xe5\x9b\xbe\xc3\xa9"; /* 2+2+2 bytes in 936 */
    char to[16], *ascii;
    size_t size;
    struct shim_kept *kept = NULL;
    int32_t code;
    const void *first;
    now_page = 936;
    for (size = 1; size <= 8; size++) { /* cut between characters */
        now_case = (int)size;
        memset(to, 'x', sizeof to);
        CHECK(shim_text_fit(936, to, size, text, sizeof text - 1) == 0);
        CHECK(strlen(to) == (size > 6 ? 6 : (size - 1) / 2 * 2) && memcmp(to, "\xcd\xbc\xcd\xbc\xa8\xa6", strlen(to)) == 0 && to[size] == 'x');
    }
    CHECK(shim_text_fit(1252, to, sizeof to, text, sizeof text - 1) == -1);
    shim_say(to, sizeof to, text, sizeof text - 1, "instead", 1252);
    CHECK(strcmp(to, "instead") == 0);
    if (has_page(54936)) { /* longer than UTF-8: 4 bytes for 2 */
        now_page = 54936;
        for (size = 1; size <= 10; size++) {
            now_case = (int)size;
            CHECK(shim_text_fit(54936, to, size, "\xc3\xbf\xc3\xbf", 4) == 0 && strlen(to) <= (size - 1) / 4 * 4);
        }
        CHECK(strlen(to) == 8);
    }
    ascii = shim_text_ascii("{\"a\":\"\xe5\x9b\xbe \xf0\x9f\x98\x80 \x7f\xc3\xa9\\n\"}");
    CHECK(ascii != NULL && strcmp(ascii, "{\"a\":\"\\u56fe \\ud83d\\ude00 \x7f\\u00e9\\n\"}") == 0);
    free(ascii);
    first = shim_kept(&kept, SHIM_UTF16, text, &code);
    CHECK(code == ISCDESK_OK && first != NULL && shim_kept(&kept, SHIM_UTF16, text, &code) == first);
    CHECK(shim_kept(&kept, 1252, text, &code) == NULL && code == ISCDESK_E_TEXT_ENCODING);
    CHECK(shim_kept(&kept, 1252, text, &code) == NULL && code == ISCDESK_E_TEXT_ENCODING);
    CHECK(strcmp(shim_kept(&kept, SHIM_ASCII, text, &code), "\\u56fe\\u56fe\\u00e9") == 0 && code == ISCDESK_OK);
    CHECK(shim_kept(&kept, SHIM_UTF8, text, &code) == text && shim_kept(&kept, 1252, NULL, &code) == NULL && code == ISCDESK_OK);
    shim_kept_free(kept);
}

/* An error whose sentence the page cannot hold comes in English, a path in it by escapes. */
static void errors(void)
{
    struct shim_voice chinese = {"zh-CN", 1252};
    iscdesk_error e;
    memset(&e, 0, sizeof e);
    e.size = sizeof e;
    now_page = 1252;
    (void)shim_fail(&e, ISCDESK_E_DISK_FULL, &chinese, "\xe5\x9b\xbe.dxf");
    CHECK(strcmp(e.message, iscdesk_error_text(ISCDESK_E_DISK_FULL, "en")) == 0 && strcmp(e.detail, "\\u56fe.dxf") == 0);
    CHECK(strcmp(e.hint, iscdesk_error_hint(ISCDESK_E_DISK_FULL, "en")) == 0);
    chinese.page = now_page = 936;
    (void)shim_fail(&e, ISCDESK_E_CLOSED, &chinese, "\xe5\x9b\xbe.dxf");
    CHECK(strcmp(e.detail, "\xcd\xbc.dxf") == 0);
    CHECK(memcmp(e.message, "\xbf\xcd\xbb\xa7\xb6\xcb", 6) == 0); /* the sentence's first word */
    chinese.page = SHIM_UTF8;
    (void)shim_fail(&e, ISCDESK_E_CLOSED, &chinese, "\xe5\x9b\xbe");
    CHECK(strcmp(e.message, iscdesk_error_text(ISCDESK_E_CLOSED, "zh")) == 0 && strcmp(e.detail, "\xe5\x9b\xbe") == 0);
}

int main(void)
{
    static const uint32_t pages[] = {936, 54936, 950, 932, 1252, 65001};
    size_t i;
    for (i = 0; i < SHIM_COUNT(pages); i++)
        if (!has_page(pages[i]))
            printf("this system has no code page %lu\n", (unsigned long)pages[i]);
    fitting();
    breaking();
    careless_system();
    wide();
    limits();
    sentences();
    errors();
    return 0;
}
