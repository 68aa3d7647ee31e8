/*
 * minicad - a small CAD program that works in the cloud through ISCDesk.
 *
 * It reads and writes ASCII DXF of release 12 (LINE, CIRCLE, ARC, POLYLINE, INSERT;
 * the later LWPOLYLINE is taken too), knows assemblies (a folder whose main file
 * bears its name and inserts blocks that are references to the files beside it),
 * checks its licence with its publisher's key, and is driven by commands from its
 * arguments or, without any, from standard input. It is one file of over 700 lines
 * on purpose: a whole program to read and to copy.
 *
 *   cc minicad.c $(pkg-config --cflags --libs iscdesk libsodium) -o minicad
 *   x86_64-w64-mingw32-gcc minicad.c -DSODIUM_STATIC=1 -I... -liscdesk64 -lsodium -o minicad.exe
 *   ./minicad [--endpoint SOCKET] [--key HEX] [--product ID] [--wait SECONDS] [--no-browser] [COMMAND ...]
 */
#ifdef _WIN32
#define __USE_MINGW_ANSI_STDIO 1 /* numbers are written as everywhere else */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include <shellapi.h>
#endif
#include <ctype.h>
#include <errno.h>
#include <iscdesk.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#ifndef MINICAD_KEY_HEX
#define MINICAD_KEY_HEX "" /* the publisher compiles its Ed25519 key in; --key overrides */
#endif

/* ---- the system: all texts of this program are UTF-8, on Windows too. Its own calls
 * take UTF-16 there; a program that has its paths as UTF-16 calls iscdesk_save_w. */

#ifdef _WIN32

enum { MAX_WIDE = 4200 };

static const wchar_t *wide(const char *utf8, wchar_t *out)
{
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, utf8, -1, out, MAX_WIDE) == 0)
        out[0] = 0; /* no text: no file has this name */
    return out;
}

static FILE *open_file(const char *path, const char *mode)
{
    wchar_t name[MAX_WIDE], how[8];
    return _wfopen(wide(path, name), wide(mode, how));
}

static int replace_file(const char *from, const char *to)
{
    wchar_t a[MAX_WIDE], b[MAX_WIDE];
    if (MoveFileExW(wide(from, a), wide(to, b), MOVEFILE_REPLACE_EXISTING))
        return 0;
    errno = EACCES; /* another program has it open */
    return -1;
}

/* 0: a file, 1: a folder, -1: neither. */
static int look_at(const char *path)
{
    wchar_t name[MAX_WIDE];
    DWORD found = GetFileAttributesW(wide(path, name));
    errno = ENOENT;
    return found == INVALID_FILE_ATTRIBUTES ? -1 : (found & FILE_ATTRIBUTE_DIRECTORY) != 0;
}

static const char *last_part(const char *path)
{
    const char *at, *part = path;
    for (at = path; *at; at++)
        if (*at == '/' || *at == '\\')
            part = at + 1;
    return part;
}

static time_t seconds(void)
{
    return (time_t)(GetTickCount64() / 1000);
}

/* main's own argv is in the code page, which cannot hold every path. */
static char **utf8_arguments(int *count)
{
    wchar_t **from = CommandLineToArgvW(GetCommandLineW(), count);
    char **to = from ? calloc((size_t)*count + 1, sizeof *to) : NULL;
    int i, n;
    for (i = 0; to && i < *count; i++) {
        n = WideCharToMultiByte(CP_UTF8, 0, from[i], -1, NULL, 0, NULL, NULL);
        to[i] = malloc((size_t)n + 1);
        if (!to[i])
            return NULL;
        to[i][0] = 0;
        (void)WideCharToMultiByte(CP_UTF8, 0, from[i], -1, to[i], n, NULL, NULL);
    }
    SetConsoleOutputCP(CP_UTF8);
    SetConsoleCP(CP_UTF8);
    return to;
}

#else

static FILE *open_file(const char *path, const char *mode)
{
    return fopen(path, mode);
}

static int replace_file(const char *from, const char *to)
{
    return rename(from, to);
}

static int look_at(const char *path)
{
    struct stat s;
    return stat(path, &s) != 0 ? -1 : S_ISDIR(s.st_mode) != 0;
}

static const char *last_part(const char *path)
{
    const char *name = strrchr(path, '/');
    return name ? name + 1 : path;
}

static time_t seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

#endif

/* ---- the drawing: every DXF line stays as it was read, edits change values */

enum { MAX_PAIRS = 1 << 19, MAX_LINE = 512 };

struct pair {
    int code;
    char *value;
};

static struct drawing {
    struct pair *pair;
    size_t count, room;
    char path[4096];     /* the DXF file */
    char document[4096]; /* what came from the cloud: the file, or the assembly's folder */
    int assembly;
} dxf;

static void close_drawing(void)
{
    size_t i;
    for (i = 0; i < dxf.count; i++)
        free(dxf.pair[i].value);
    free(dxf.pair);
    memset(&dxf, 0, sizeof dxf);
}

static int insert_pair(size_t at, int code, const char *value)
{
    struct pair *p;
    if (dxf.count == dxf.room) {
        size_t room = dxf.room ? dxf.room * 2 : 1024;
        struct pair *more = room <= MAX_PAIRS ? realloc(dxf.pair, room * sizeof *more) : NULL;
        if (!more)
            return -1;
        dxf.pair = more;
        dxf.room = room;
    }
    p = &dxf.pair[at];
    memmove(p + 1, p, (dxf.count - at) * sizeof *p);
    p->code = code;
    p->value = malloc(strlen(value) + 1);
    if (!p->value)
        return -1;
    strcpy(p->value, value);
    dxf.count++;
    return 0;
}

static int read_line(FILE *f, char *line)
{
    size_t n;
    if (!fgets(line, MAX_LINE, f))
        return -1;
    n = strcspn(line, "\r\n");
    if (line[n] == 0 && !feof(f))
        return -1; /* over the limit */
    line[n] = 0;
    return 0;
}

/* Ends an INSERT with the scales 41 to 43 that it left out, for edits to change. */
static int add_scales(int seen)
{
    int i;
    for (i = 0; i < 3; i++)
        if (!(seen >> i & 1) && insert_pair(dxf.count, 41 + i, "1") != 0)
            return -1;
    return 0;
}

static int load(const char *path)
{
    char code[MAX_LINE], value[MAX_LINE];
    FILE *f = open_file(path, "rb");
    int ok = 0, scales = 7; /* those read of this INSERT, or not one */
    if (!f)
        return printf("cannot open %s: %s\n", path, strerror(errno)), -1;
    while (!ok && read_line(f, code) == 0 && read_line(f, value) == 0) {
        char *end;
        long n = strtol(code, &end, 10);
        while (isspace((unsigned char)*end))
            end++;
        if (end == code || *end || (n == 0 && add_scales(scales) != 0) || insert_pair(dxf.count, (int)n, value) != 0)
            break;
        if (n == 0)
            scales = strcmp(value, "INSERT") == 0 ? 0 : 7;
        else if (n >= 41 && n <= 43)
            scales |= 1 << (n - 41);
        ok = n == 0 && strcmp(value, "EOF") == 0;
    }
    fclose(f);
    if (!ok)
        printf("%s is not a DXF file that minicad can read\n", path);
    return ok ? 0 : -1;
}

/* Writes beside the file and renames, so that a crash leaves the old or the new. */
static int store(void)
{
    char temp[sizeof dxf.path + 8];
    size_t i;
    int bad = 0;
    FILE *f;
    snprintf(temp, sizeof temp, "%s.new", dxf.path);
    f = open_file(temp, "wb");
    if (!f)
        return printf("cannot write %s: %s\n", temp, strerror(errno)), -1;
    for (i = 0; i < dxf.count; i++)
        bad |= fprintf(f, "%3d\n%s\n", dxf.pair[i].code, dxf.pair[i].value) < 0;
    bad |= fclose(f) != 0;
    if (bad || replace_file(temp, dxf.path) != 0)
        return printf("cannot write %s: %s\n", dxf.path, strerror(errno)), -1;
    return 0;
}

static int is(size_t i, int code, const char *value)
{
    return i < dxf.count && dxf.pair[i].code == code && strcmp(dxf.pair[i].value, value) == 0;
}

/* A section's first pair, and its end, where new entities go; 0 to 0 when the file has none. */
static size_t section(const char *name, size_t *end)
{
    size_t i, start = 0;
    for (i = 1; i < dxf.count; i++) {
        if (start == 0 && is(i, 2, name) && is(i - 1, 0, "SECTION"))
            start = i + 1;
        if (start > 0 && is(i, 0, "ENDSEC"))
            return *end = i, start;
    }
    return *end = 0;
}

/* The file that a block refers to, "" for a block that is drawn here, NULL for none. */
static const char *reference(const char *block)
{
    size_t end, i = section("BLOCKS", &end);
    for (; i < end; i++) {
        const char *file = "";
        int found = 0, outside = 0;
        if (!is(i, 0, "BLOCK"))
            continue;
        for (i++; i < end && dxf.pair[i].code != 0; i++) {
            found |= is(i, 2, block);
            outside |= dxf.pair[i].code == 70 && (atoi(dxf.pair[i].value) & 4) != 0;
            if (dxf.pair[i].code == 1)
                file = dxf.pair[i].value;
        }
        i--; /* the loop's own step comes */
        if (found)
            return outside ? file : "";
    }
    return NULL;
}

/* What a pair of an entity holds: 'x', 'y' or 'z' of a point, or 0. Of a POLYLINE
 * only the height counts: its points are its VERTEX entities. */
static int axis(const char *kind, int code)
{
    if (code % 10 > 1 || code < 10 || code > 31 || (code < 30 && strcmp(kind, "POLYLINE") == 0))
        return 0;
    return 'x' + code / 10 - 1;
}

static int set_number(struct pair *p, double v)
{
    char text[64], *more;
    snprintf(text, sizeof text, "%.9g", v);
    more = realloc(p->value, strlen(text) + 1);
    if (!more)
        return -1;
    p->value = strcpy(more, text);
    return 0;
}

/* The entities that minicad knows, and the codes whose values grow with the drawing
 * beside the points. INSERT has its scales: the part's own file stays as it is. */
static const struct kind {
    const char *name;
    int grows[6]; /* to the first 0 */
} kinds[] = {{"LINE", {39}},           {"CIRCLE", {39, 40}},  {"ARC", {39, 40}},
             {"POLYLINE", {39, 40, 41}}, {"VERTEX", {40, 41}},  {"LWPOLYLINE", {38, 39, 40, 41, 43}},
             {"INSERT", {41, 42, 43, 44, 45}}, {"SEQEND", {0}}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static const struct kind *find_kind(const char *name)
{
    size_t k;
    for (k = 0; k < KINDS && strcmp(kinds[k].name, name) != 0; k++)
        ;
    return k < KINDS ? &kinds[k] : NULL;
}

/* x' = k x + dx, y' = k y + dy, z' = k z, lengths times k, for all entities; -1, and
 * nothing changed, where one is of a kind that would come out wrong. */
static int transform(double k, double dx, double dy)
{
    const struct kind *kind = kinds;
    size_t end, i, start = section("ENTITIES", &end);
    int changed = 0;
    for (i = start; i < end; i++)
        if (dxf.pair[i].code == 0 && !find_kind(dxf.pair[i].value))
            return printf("minicad cannot change a drawing with %s\n", dxf.pair[i].value), -1;
    for (i = start; i < end; i++) {
        struct pair *p = &dxf.pair[i];
        int a = axis(kind->name, p->code), n = 0;
        while (kind->grows[n] && kind->grows[n] != p->code)
            n++;
        if (p->code == 0) {
            kind = find_kind(p->value);
        } else if (a || kind->grows[n]) {
            if (set_number(p, atof(p->value) * k + (a == 'x' ? dx : a == 'y' ? dy : 0)) != 0)
                return puts("no memory"), -1;
            changed++;
        }
    }
    printf("changed %d values\n", changed);
    return 0;
}

static int add_circle(double x, double y, double r)
{
    static const int codes[] = {0, 8, 10, 20, 40};
    char text[5][64] = {"CIRCLE", "0"};
    size_t i, at;
    (void)section("ENTITIES", &at);
    snprintf(text[2], sizeof text[2], "%.9g", x);
    snprintf(text[3], sizeof text[3], "%.9g", y);
    snprintf(text[4], sizeof text[4], "%.9g", r);
    for (i = 0; i < 5 && at > 0; i++)
        if (insert_pair(at + i, codes[i], text[i]) != 0)
            return -1;
    return at > 0 ? 0 : -1;
}

static void info(void)
{
    size_t end, k, count[KINDS] = {0}, i = section("ENTITIES", &end);
    double low[2] = {HUGE_VAL, HUGE_VAL}, high[2] = {-HUGE_VAL, -HUGE_VAL};
    const char *kind = "";
    printf("%s %s\n", dxf.assembly ? "assembly" : "part", dxf.path);
    for (; i < end; i++) {
        const struct pair *p = &dxf.pair[i];
        int a = axis(kind, p->code) - 'x';
        if (p->code == 0) {
            kind = p->value;
            for (k = 0; k < KINDS; k++)
                count[k] += strcmp(kind, kinds[k].name) == 0;
        } else if (p->code == 2 && strcmp(kind, "INSERT") == 0) {
            const char *file = reference(p->value);
            char part[sizeof dxf.document + MAX_LINE];
            snprintf(part, sizeof part, "%s/%s", dxf.document, file ? file : "");
            if (!file || file[0])
                printf("  part %s%s\n", p->value, file && look_at(part) >= 0 ? "" : " (missing)");
        } else if (a == 0 || a == 1) {
            double v = atof(p->value);
            low[a] = v < low[a] ? v : low[a];
            high[a] = v > high[a] ? v : high[a];
        }
    }
    for (k = 0; k < KINDS - 1; k++) /* but SEQEND */
        if (count[k] > 0)
            printf("  %s %lu\n", kinds[k].name, (unsigned long)count[k]);
    if (low[0] <= high[0] && low[1] <= high[1])
        printf("  points from %.9g,%.9g to %.9g,%.9g\n", low[0], low[1], high[0], high[1]);
}

/* Opens what the desk laid into the workspace: a file, or an assembly's folder. */
static int open_document(const char *path, int assembly)
{
    close_drawing();
    snprintf(dxf.document, sizeof dxf.document, "%s", path);
    dxf.assembly = assembly;
    if ((size_t)snprintf(dxf.path, sizeof dxf.path, assembly ? "%s/%s.dxf" : "%s", path, last_part(path)) >= sizeof dxf.path ||
        load(dxf.path) != 0) {
        close_drawing();
        return -1;
    }
    info();
    return 0;
}

/* ---- the desk */

static iscdesk_client desk;
static iscdesk_error err = {sizeof err, 0, "", "", ""};
static char key_hex[128] = MINICAD_KEY_HEX, product[256] = "com.example.minicad";
static int patience = 600; /* seconds; somebody may look for a file in the picker */

static int failed(const char *what)
{
    printf("%s: %s %s (code %ld%s%s)\n", what, err.message, err.hint, (long)err.code, err.detail[0] ? ", " : "", err.detail);
    return -1;
}

static const char *param(iscdesk_event e, const char *key)
{
    const char *v = iscdesk_event_param(e, key);
    return v ? v : "";
}

/* Waits for the event that ends op; what comes meanwhile is told. The caller frees
 * *event. Gives op up when nothing is heard of it for patience seconds: heartbeats
 * and others' events come for ever and are no news of it. */
static int wait_for(int64_t op, const char *what, iscdesk_event *event)
{
    time_t end = seconds() + patience;
    for (;;) {
        time_t left = end - seconds();
        int type;
        if (iscdesk_next_event(desk, left > 0 ? (int32_t)left * 1000 : 0, event, &err) != ISCDESK_OK) {
            if (err.code == ISCDESK_E_TIMEOUT)
                (void)iscdesk_cancel(desk, op, NULL);
            return failed(what);
        }
        type = iscdesk_event_type(*event);
        if (iscdesk_event_operation(*event) == op)
            end = seconds() + patience;
        if (type == ISCDESK_EVENT_PAGE)
            printf("page %s %s\n", param(*event, "purpose"), param(*event, "url"));
        else if (type == ISCDESK_EVENT_LICENSE_PENDING) /* no end: it comes by itself */
            printf("waiting for the publisher: %s %s\n", param(*event, "reason"), param(*event, "hint"));
        else if (iscdesk_event_operation(*event) == op && type != ISCDESK_EVENT_UPLOAD_START && type != ISCDESK_EVENT_UPLOAD_END &&
                 type != ISCDESK_EVENT_UPLOAD_PROGRESS && type != ISCDESK_EVENT_OPEN_PROGRESS)
            return 0;
        else if (type != ISCDESK_EVENT_HEARTBEAT)
            printf("event %s\n", iscdesk_event_json(*event));
        fflush(stdout);
        iscdesk_event_free(*event);
    }
}

/* MINICAD1|product|instance|until|sha256 of the fingerprint|features|signature:
 * returns NULL when text is our publisher's word for this device, else why not. */
static const char *verify(const char *text, const char *fingerprint, time_t now)
{
    unsigned char key[crypto_sign_PUBLICKEYBYTES], sig[crypto_sign_BYTES], hash[crypto_hash_sha256_BYTES];
    char field[6][1024], hex[2 * sizeof hash + 1], today[32];
    const char *last = strrchr(text, '|'), *at = text;
    struct tm *utc = gmtime(&now);
    size_t n, i;
    if (sodium_hex2bin(key, sizeof key, key_hex, strlen(key_hex), NULL, &n, NULL) != 0 || n != sizeof key)
        return "minicad has no publisher key";
    if (!last || strlen(text) > 1024)
        return "the licence text is not one";
    if (sodium_base642bin(sig, sizeof sig, last + 1, strlen(last + 1), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0 || n != sizeof sig ||
        crypto_sign_verify_detached(sig, (const unsigned char *)text, (unsigned long long)(last - text), key) != 0)
        return "the signature is not the publisher's";
    for (i = 0; i < 6; i++) {
        size_t length = strcspn(at, "|");
        memcpy(field[i], at, length); /* the whole text is shorter than a field */
        field[i][length] = 0;
        at += length;
        if (*at++ != '|')
            return "the licence text lacks a field";
    }
    if (at - 1 != last || strcmp(field[0], "MINICAD1") != 0)
        return "the licence text is of another kind";
    if (strcmp(field[1], product) != 0)
        return "the licence is for another product";
    strftime(today, sizeof today, "%Y-%m-%dT%H:%M:%SZ", utc);
    if (strcmp(field[3], today) < 0) /* both RFC 3339 in UTC: text order is time order */
        return "the licence has ended";
    crypto_hash_sha256(hash, (const unsigned char *)fingerprint, strlen(fingerprint));
    if (strcmp(sodium_bin2hex(hex, sizeof hex, hash, sizeof hash), field[4]) != 0)
        return "the licence is for another device";
    printf("licence of %s until %s, features %s\n", field[2], field[3], field[5]);
    return NULL;
}

static int licence(void)
{
    static const char *const states[] = {"unknown", "none", "valid", "refresh-due", "grace", "expired", "refused", "clock-suspect", "store-damaged"};
    char fingerprint[ISCDESK_MAX_DEV_INFO + 1];
    const char *why;
    iscdesk_license state;
    iscdesk_event e;
    int64_t op;
    memset(&state, 0, sizeof state);
    state.size = sizeof state;
    if (iscdesk_get_fingerprint(desk, fingerprint, sizeof fingerprint, &err) < 0 ||
        iscdesk_get_license_string_request(desk, fingerprint, &op, &err) != ISCDESK_OK)
        return failed("licence");
    if (wait_for(op, "licence", &e) != 0)
        return -1;
    if (strcmp(param(e, "Status"), "success") == 0) {
        why = verify(param(e, "LicenseContent"), fingerprint, time(NULL));
    } else {
        printf("%s %s\n", param(e, "reason"), param(e, "hint"));
        why = "no licence was obtained";
    }
    if (strcmp(param(e, "offline"), "true") == 0)
        puts("the cloud is away: this is the licence that the desk has kept");
    iscdesk_event_free(e);
    if (iscdesk_license_verify_notify(desk, why == NULL, why, &err) != ISCDESK_OK)
        (void)failed("report of the licence check");
    if (iscdesk_license_state(desk, &state, &err) == ISCDESK_OK)
        printf("desk: %s%s %s\n", states[state.state >= 0 && state.state <= 8 ? state.state : 0], state.offline ? ", offline" : "", state.reason);
    printf("licence %s%s\n", why ? "refused: " : "accepted", why ? why : "");
    return why ? -1 : 0;
}

/* Checks a licence that lies in a file, as the desk lays it down when it is asked
 * for one; the desk hears nothing of this check. */
static int licence_file(const char *path)
{
    char text[1026], fingerprint[ISCDESK_MAX_DEV_INFO + 1]; /* one byte more than a licence may have, and the end */
    const char *why;
    size_t n;
    FILE *f = open_file(path, "rb");
    if (!f)
        return printf("cannot open %s: %s\n", path, strerror(errno)), -1;
    n = fread(text, 1, sizeof text - 1, f);
    (void)fclose(f);
    text[n] = 0;
    if (iscdesk_get_fingerprint(desk, fingerprint, sizeof fingerprint, &err) < 0)
        return failed("licence");
    why = strlen(text) == n ? verify(text, fingerprint, time(NULL)) : "the licence text is not one";
    printf("licence %s%s\n", why ? "refused: " : "accepted", why ? why : "");
    return why ? -1 : 0;
}

static int opened(int64_t op)
{
    iscdesk_event e;
    int rc = -1;
    if (wait_for(op, "open", &e) != 0)
        return -1;
    if (iscdesk_event_type(e) == ISCDESK_EVENT_OPENCLOUDFILE_RESULT && param(e, "mainFile")[0]) {
        printf("opened %s %s %s\n", param(e, "mainFile"), param(e, "openType"), param(e, "workState"));
        rc = open_document(param(e, "mainFile"), strcmp(param(e, "assembly"), "true") == 0);
    } else {
        printf("not opened: %s %s\n", param(e, "reason"), param(e, "hint"));
    }
    iscdesk_event_free(e);
    return rc;
}

static int saved(int as)
{
    int64_t op;
    iscdesk_event e;
    int rc;
    if (!dxf.path[0])
        return puts("no drawing is open"), -1;
    if (store() != 0)
        return -1;
    rc = as ? iscdesk_select_save_as_path(desk, dxf.document, dxf.assembly, &op, &err) : iscdesk_save(desk, dxf.document, dxf.assembly, &op, &err);
    if (rc != ISCDESK_OK)
        return failed("save");
    if (wait_for(op, "save", &e) != 0)
        return -1;
    rc = strcmp(param(e, "status"), "success") == 0 ? 0 : -1;
    if (rc == 0 && as)
        printf("saved as a new cloud object, version %s; further saves of %s go there\n", param(e, "version"), dxf.document);
    else if (rc == 0)
        printf("saved %s as version %s\n", dxf.document, param(e, "version"));
    else
        printf("not saved: %s %s%s\n", param(e, "reason"), param(e, "hint"), param(e, "queued")[0] == 't' ? " (queued)" : "");
    iscdesk_event_free(e);
    return rc;
}

static int list(const char *space, const char *folder)
{
    iscdesk_list l;
    int32_t i, n = space[0] ? iscdesk_list_folder(desk, space, folder, NULL, &l, &err) : iscdesk_list_spaces(desk, &l, &err);
    if (n < 0)
        return failed("list");
    for (i = 0; i < n; i++)
        printf("%s %s %s\n", iscdesk_list_text(l, i, "id"), iscdesk_list_text(l, i, space[0] ? "kind" : "role"), iscdesk_list_text(l, i, "name"));
    iscdesk_list_free(l);
    return 0;
}

static int sign_in(void)
{
    int64_t op;
    iscdesk_event e;
    int rc;
    if (iscdesk_sign_in_page(desk, &op, &err) != ISCDESK_OK)
        return failed("sign-in");
    if (wait_for(op, "sign-in", &e) != 0)
        return -1;
    rc = strcmp(param(e, "status"), "success") == 0 ? 0 : -1;
    printf("sign-in %s %s%s\n", param(e, "status"), param(e, "account"), param(e, "reason"));
    iscdesk_event_free(e);
    return rc;
}

static void events(void)
{
    iscdesk_event e;
    for (; iscdesk_next_event(desk, 0, &e, NULL) == ISCDESK_OK; iscdesk_event_free(e))
        printf("event %s %s\n", iscdesk_event_name(e), iscdesk_event_json(e));
}

/* ---- commands */

/* What follows the command's word: a path may have blanks. */
static const char *rest(const char *line)
{
    line += strspn(line, " \t");
    line += strcspn(line, " \t");
    return line + strspn(line, " \t");
}

static const char usage[] =
    "usage: minicad [--endpoint SOCKET] [--key HEX] [--product ID] [--wait SECONDS] [--no-browser] [COMMAND ...]\n"
    "commands, as arguments or one a line from standard input:\n"
    "  sign-in | license | license-file NAME\n"
    "  ls [SPACE [FOLDER]] | open | open-id OBJECT [look] | recent PATH\n"
    "  info | move DX DY | scale FACTOR | add-circle X Y RADIUS\n"
    "  save | save-as | events | help | quit\n";

/* 0: it went well, -1: it did not, 1: quit. */
static int command(const char *line)
{
    char word[32] = "", a[4000] = "", b[256] = "", c[64] = "";
    int64_t op;
    int n = sscanf(line, "%31s %3999s %255s %63s", word, a, b, c);
    if (n < 1 || word[0] == '#')
        return 0;
    if (strcmp(word, "quit") == 0)
        return 1;
    if (strcmp(word, "help") == 0)
        return fputs(usage, stdout), 0;
    if (strcmp(word, "license") == 0)
        return licence();
    if (strcmp(word, "license-file") == 0)
        return licence_file(rest(line));
    if (strcmp(word, "sign-in") == 0)
        return sign_in();
    if (strcmp(word, "ls") == 0)
        return list(a, b);
    if (strcmp(word, "open") == 0)
        return iscdesk_open_cloud_file(desk, &op, &err) == ISCDESK_OK ? opened(op) : failed("open");
    if (strcmp(word, "open-id") == 0)
        return iscdesk_open_object(desk, a, 0, strcmp(b, "look") != 0, &op, &err) == ISCDESK_OK ? opened(op) : failed("open");
    if (strcmp(word, "recent") == 0) { /* a path of yesterday */
        const char *path = rest(line);
        int folder = look_at(path);
        return folder >= 0 ? open_document(path, folder) : (printf("cannot open %s: %s\n", path, strerror(errno)), -1);
    }
    if (strcmp(word, "info") == 0)
        return dxf.path[0] ? (info(), 0) : (puts("no drawing is open"), -1);
    if (strcmp(word, "events") == 0)
        return events(), 0;
    if (strcmp(word, "save") == 0 || strcmp(word, "save-as") == 0)
        return saved(word[4] != 0);
    if (!dxf.path[0])
        return printf("no drawing is open for: %s\n", line), -1;
    if (strcmp(word, "move") == 0 && n == 3)
        return transform(1, atof(a), atof(b));
    if (strcmp(word, "scale") == 0 && n == 2 && atof(a) > 0)
        return transform(atof(a), 0, 0);
    if (strcmp(word, "add-circle") == 0 && n == 4 && atof(c) > 0)
        return add_circle(atof(a), atof(b), atof(c)) == 0 ? (puts("added a circle"), 0) : -1;
    return printf("not a command: %s\n", line), -1;
}

int main(int argc, char **argv)
{
    iscdesk_options o;
    char line[4200];
    int i = 1, rc, worst = 0;
#ifdef _WIN32
    argv = utf8_arguments(&argc);
    if (!argv)
        return puts("no memory"), 1;
#endif
    memset(&o, 0, sizeof o);
    o.size = sizeof o;
    o.app_version = "1.0";
    o.product = product;
    o.timeout_ms = 30000;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--no-browser") == 0)
            o.flags |= ISCDESK_FLAG_NO_BROWSER;
        else if (i + 1 < argc && strcmp(argv[i], "--endpoint") == 0)
            o.endpoint = argv[++i];
        else if (i + 1 < argc && strcmp(argv[i], "--key") == 0)
            snprintf(key_hex, sizeof key_hex, "%s", argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--product") == 0)
            snprintf(product, sizeof product, "%s", argv[++i]);
        else if (i + 1 < argc && strcmp(argv[i], "--wait") == 0 && atoi(argv[i + 1]) > 0 && atoi(argv[i + 1]) <= 86400)
            patience = atoi(argv[++i]);
        else if (strcmp(argv[i], "--help") == 0)
            return fputs(usage, stdout), 0;
        else
            return fputs(usage, stderr), 2;
    }
    if (i < argc && strcmp(argv[i], "help") == 0) /* needs no desk */
        return fputs(usage, stdout), 0;
    if (sodium_init() < 0 || iscdesk_init(&o, &desk, &err) != ISCDESK_OK)
        return failed("no desk"), 1;
    if (i < argc) /* each argument is one command */
        for (rc = 0; i < argc && rc != 1; i++, fflush(stdout))
            worst |= (rc = command(argv[i])) < 0;
    else
        for (rc = 0; rc != 1 && fgets(line, sizeof line, stdin); fflush(stdout)) {
            line[strcspn(line, "\r\n")] = 0;
            rc = command(line);
            worst |= rc < 0;
            printf(rc < 0 ? "failed\n" : "done\n");
        }
    close_drawing();
    (void)iscdesk_shut_out(desk, NULL);
    return worst;
}
