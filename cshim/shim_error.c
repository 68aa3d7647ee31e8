//go:build cgo && (linux || windows)

/* shim_error.c - codes as sentences, the caller's error struct, and the checks
 * that every text passes before it goes further. */
#include <stdlib.h>
#include <string.h>

#include "shim.h"
#include "text_gen.h"

static int chinese(const char *language)
{
    return language != NULL && (language[0] == 'z' || language[0] == 'Z') && (language[1] == 'h' || language[1] == 'H') &&
           (language[2] == 0 || language[2] == '-' || language[2] == '_');
}

static const struct shim_text *text_of(int32_t code)
{
    static const struct shim_text unknown = {
        0, "The library reported a code that this version does not know.", "Treat it as a failure and update ISCDesk.",
        "\xe5\xba\x93\xe8\xbf\x94\xe5\x9b\x9e\xe4\xba\x86\xe6\x9c\xaa\xe7\x9f\xa5\xe4\xbb\xa3\xe7\xa0\x81\xe3\x80\x82",
        "\xe8\xaf\xb7\xe6\x8c\x89\xe5\xa4\xb1\xe8\xb4\xa5\xe5\xa4\x84\xe7\x90\x86\xe5\xb9\xb6\xe5\x8d\x87\xe7\xba\xa7 ISCDesk\xe3\x80\x82"};
    size_t i;
    for (i = 0; i < sizeof shim_texts / sizeof shim_texts[0]; i++)
        if (shim_texts[i].code == code)
            return &shim_texts[i];
    return &unknown;
}

const char *iscdesk_error_text(int32_t code, const char *language)
{
    return chinese(language) ? text_of(code)->zh : text_of(code)->en;
}

const char *iscdesk_error_hint(int32_t code, const char *language)
{
    return chinese(language) ? text_of(code)->zh_hint : text_of(code)->en_hint;
}

/* Copies text and cuts it, when too long, between two UTF-8 characters. */
void shim_copy_text(char *to, size_t size, const char *from, size_t length)
{
    if (length >= size) {
        length = size - 1;
        while (length > 0 && ((unsigned char)from[length] & 0xc0) == 0x80)
            length--;
    }
    if (length > 0)
        memcpy(to, from, length);
    to[length] = 0;
}

void shim_say(char *to, size_t size, const char *utf8, size_t length, const char *instead, uint32_t page)
{
    if (page == SHIM_UTF8)
        shim_copy_text(to, size, utf8, length);
    else if (shim_text_fit(page, to, size, utf8, length) != 0)
        shim_copy_text(to, size, instead, strlen(instead));
}

/* What the caller's struct can hold, by its own size: an older, shorter one is
 * filled as far as it goes, a newer one as far as we know. Where the code page
 * cannot hold a sentence the English one of the code stands; the detail, which
 * may name a file, keeps its sense by escapes. */
void shim_give(iscdesk_error *to, const iscdesk_error *from, const struct shim_voice *voice)
{
    const uint32_t page = voice == NULL ? SHIM_UTF8 : voice->page;
    char *ascii;
    size_t size;
    if (to == NULL || to->size < offsetof(iscdesk_error, message))
        return;
    size = to->size < sizeof *to ? to->size : sizeof *to;
    to->code = from->code;
#define GIVE(member, instead)                                          \
    if (size >= offsetof(iscdesk_error, member) + sizeof to->member)   \
    shim_say(to->member, sizeof to->member, from->member, strnlen(from->member, sizeof from->member), instead, page)
    GIVE(message, text_of(from->code)->en);
    GIVE(hint, text_of(from->code)->en_hint);
    ascii = page == SHIM_UTF8 ? NULL : shim_text_ascii(from->detail);
    GIVE(detail, ascii == NULL ? "" : ascii);
    free(ascii);
#undef GIVE
}

void shim_clear(iscdesk_error *err)
{
    static const iscdesk_error none = {sizeof none, ISCDESK_OK, "", "", ""};
    shim_give(err, &none, NULL);
}

int32_t shim_fail(iscdesk_error *err, int32_t code, const struct shim_voice *voice, const char *detail)
{
    const char *language = voice == NULL ? NULL : voice->language;
    iscdesk_error e;
    const char *text;
    if (err == NULL)
        return code;
    e.code = code;
    text = iscdesk_error_text(code, language);
    shim_copy_text(e.message, sizeof e.message, text, strlen(text));
    text = iscdesk_error_hint(code, language);
    shim_copy_text(e.hint, sizeof e.hint, text, strlen(text));
    shim_copy_text(e.detail, sizeof e.detail, detail, strlen(detail));
    shim_give(err, &e, voice);
    return code;
}

void shim_go_fail(iscdesk_error *err, int32_t code, const char *message, size_t message_size, const char *hint,
                  size_t hint_size, const char *detail, size_t detail_size)
{
    err->code = code;
    shim_copy_text(err->message, sizeof err->message, message, message_size);
    shim_copy_text(err->hint, sizeof err->hint, hint, hint_size);
    shim_copy_text(err->detail, sizeof err->detail, detail, detail_size);
}

/* Bytes of the UTF-8 character at p, 0 when it is none: cut short, overlong, a
 * surrogate, or past U+10FFFF. NUL is never part of one. */
static size_t character(const unsigned char *p)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        return (p[1] & 0xc0) == 0x80 ? 2 : 0;
    if (p[0] >= 0xe0 && p[0] <= 0xef) {
        unsigned char low = p[0] == 0xe0 ? 0xa0 : 0x80, high = p[0] == 0xed ? 0x9f : 0xbf;
        return p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 ? 3 : 0;
    }
    if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        unsigned char low = p[0] == 0xf0 ? 0x90 : 0x80, high = p[0] == 0xf4 ? 0x8f : 0xbf;
        return p[1] >= low && p[1] <= high && (p[2] & 0xc0) == 0x80 && (p[3] & 0xc0) == 0x80 ? 4 : 0;
    }
    return 0;
}

int32_t shim_text_ok(const char *text, size_t limit)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t length = 0, n;
    if (text == NULL)
        return ISCDESK_OK;
    while (p[length] != 0) {
        n = character(p + length);
        if (n == 0)
            return ISCDESK_E_INVALID_ARGUMENT;
        length += n;
        if (length > limit) /* and no byte past it is read */
            return ISCDESK_E_TOO_LARGE;
    }
    return ISCDESK_OK;
}

int shim_url_ok(const char *url, size_t size)
{
    static const char page[] = "http://127.0.0.1:", secure[] = "https://";
    size_t i;
    if (size > SHIM_MAX_URL || (!(size >= sizeof page - 1 && memcmp(url, page, sizeof page - 1) == 0) &&
                                !(size >= sizeof secure - 1 && memcmp(url, secure, sizeof secure - 1) == 0)))
        return 0;
    for (i = 0; i < size; i++)
        if ((unsigned char)url[i] <= ' ' || (unsigned char)url[i] >= 0x7f)
            return 0;
    return 1;
}
