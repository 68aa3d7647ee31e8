/* gearcad.c: the program whose licences isvserver sells. It asks the desk for its licence, checks it
 * with the ISV's own key, and reports the verdict.
 *
 *   cc -DGEARCAD_KEY='"64 HEX DIGITS"' gearcad.c $(pkg-config --cflags --libs iscdesk libsodium) -o gearcad
 *   ./gearcad string|file [SOCKET]
 *
 * The digits are what "isvserver key FOLDER" prints. */
#ifdef _WIN32
#include <windows.h>
#endif
#include <iscdesk.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { MAX_LICENCE = 1024 };

/* A field of the licence, or NULL; out has at least MAX_LICENCE + 1 bytes. */
static const char *field(const char *text, const char *name, char *out)
{
    const char *at = strstr(text, name);
    size_t n;
    if (!at)
        return NULL;
    at += strlen(name);
    n = strcspn(at, ";");
    memcpy(out, at, n); /* the whole text is no longer than out */
    out[n] = 0;
    return out;
}

/* Over 1024 characters the publisher was told a digest in place of the fingerprint: "SHA256:" and 64 upper-case
 * hex digits. The event says so (fingerprintForm is "digest"). */
static void digest(char *fingerprint)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    size_t i;
    crypto_hash_sha256(hash, (const unsigned char *)fingerprint, strlen(fingerprint));
    memcpy(fingerprint, "SHA256:", 7);
    for (i = 0; i < sizeof hash; i++)
        snprintf(fingerprint + 7 + 2 * i, 3, "%02X", hash[i]);
}

/* NULL: text is the ISV's word for this machine, now. Otherwise why not. */
static const char *check(const char *text, const char *fingerprint, time_t now)
{
    unsigned char key[crypto_sign_PUBLICKEYBYTES], sig[crypto_sign_BYTES], hash[crypto_hash_sha256_BYTES];
    char hex[2 * sizeof hash + 1], value[MAX_LICENCE + 1], today[32];
    const char *end = strstr(text, ";sig=");
    size_t n;
    if (sodium_hex2bin(key, sizeof key, GEARCAD_KEY, strlen(GEARCAD_KEY), NULL, &n, NULL) != 0 || n != sizeof key)
        return "GearCAD was built without its publisher's key";
    if (!end || strlen(text) > MAX_LICENCE || strncmp(text, "GEARCAD-1;", 10) != 0)
        return "this is no licence of GearCAD";
    /* The signature first: nothing is believed that it does not cover. */
    if (sodium_base642bin(sig, sizeof sig, end + 5, strlen(end + 5), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 || n != sizeof sig ||
        crypto_sign_verify_detached(sig, (const unsigned char *)text, (unsigned long long)(end - text), key) != 0)
        return "the signature is not the publisher's";
    strftime(today, sizeof today, "%Y-%m-%dT%H:%M:%SZ", gmtime(&now));
    if (!field(text, ";until=", value) || (strcmp(value, "never") != 0 && strcmp(value, today) < 0))
        return "the licence has ended";
    crypto_hash_sha256(hash, (const unsigned char *)fingerprint, strlen(fingerprint));
    if (!field(text, ";machine=", value) || strcmp(value, sodium_bin2hex(hex, sizeof hex, hash, sizeof hash)) != 0)
        return "the licence is for another machine";
    return NULL;
}

#ifdef _WIN32
/* Paths of the library are UTF-8; fopen would take them in the computer's own code page. */
static FILE *open_file(const char *path)
{
    wchar_t name[ISCDESK_MAX_PATH + 1];
    return MultiByteToWideChar(CP_UTF8, 0, path, -1, name, ISCDESK_MAX_PATH + 1) > 0 ? _wfopen(name, L"rb") : NULL;
}
#else
static FILE *open_file(const char *path)
{
    return fopen(path, "rb");
}
#endif

/* The text of a licence file without its line end, or NULL. */
static const char *read_file(const char *path, char *out, size_t size)
{
    FILE *f = path ? open_file(path) : NULL;
    size_t n;
    if (!f)
        return NULL;
    n = fread(out, 1, size - 1, f);
    fclose(f);
    out[n] = 0;
    out[strcspn(out, "\r\n")] = 0;
    return out;
}

static const char *param(iscdesk_event event, const char *name)
{
    const char *value = iscdesk_event_param(event, name);
    return value ? value : "";
}

int main(int argc, char **argv)
{
    iscdesk_options options;
    iscdesk_error err;
    iscdesk_client desk;
    iscdesk_event event;
    int64_t op;
    int file = argc > 1 && strcmp(argv[1], "file") == 0, bad;
    char fingerprint[ISCDESK_MAX_DEV_INFO + 1], buffer[2 * MAX_LICENCE];
    const char *text, *why;
    memset(&options, 0, sizeof options);
    memset(&err, 0, sizeof err);
    options.size = sizeof options;
    err.size = sizeof err;
    options.product = "gearcad";
    options.endpoint = argc > 2 ? argv[2] : NULL; /* NULL: the agent of this computer */
    if (sodium_init() < 0 || iscdesk_init(&options, &desk, &err) != ISCDESK_OK ||
        iscdesk_get_fingerprint(desk, fingerprint, sizeof fingerprint, &err) < 0)
        return printf("%s %s\n", err.message, err.hint), 1;
    bad = file ? iscdesk_get_license_file_request(desk, "gearcad.lic", NULL, &op, &err)
               : iscdesk_get_license_string_request(desk, NULL, &op, &err);
    if (bad != ISCDESK_OK)
        return printf("%s %s\n", err.message, err.hint), 1;
    puts("waiting for the licence"); /* the publisher makes it now: seconds, or hours when his server is away */
    fflush(stdout);
    for (;;) {
        if (iscdesk_next_event(desk, -1, &event, &err) != ISCDESK_OK)
            return printf("%s %s\n", err.message, err.hint), 1;
        if (iscdesk_event_operation(event) == op && iscdesk_event_type(event) == ISCDESK_EVENT_LICENSE_VERIFY)
            break;
        iscdesk_event_free(event);
    }
    text = file ? read_file(iscdesk_event_param(event, "LicenseFilePath"), buffer, sizeof buffer) : iscdesk_event_param(event, "LicenseContent");
    if (text) {
        if (strcmp(param(event, "fingerprintForm"), "digest") == 0)
            digest(fingerprint);
        why = check(text, fingerprint, time(NULL));
        (void)iscdesk_license_verify_notify(desk, why == NULL, why, &err); /* for the administrators */
        printf("%s\n%s\n", why ? why : "licensed", text);
    } else {
        why = "no licence";
        printf("no licence: %s %s\n", param(event, "reason"), param(event, "hint"));
    }
    iscdesk_event_free(event);
    return iscdesk_shut_out(desk, &err) != ISCDESK_OK || why;
}
