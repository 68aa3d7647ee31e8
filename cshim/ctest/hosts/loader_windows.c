/* The Windows half of the run-time loader, run where there is no Windows: the system's
 * functions are played here. Shown is which paths ever reach the system, as what,
 * what each entry of the registry leads to, and that a library is taken over function
 * by function. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "iscdesk_load.h"

static wchar_t asked[ISCDESK_MAX_PATH + 1];
static DWORD asked_flags, last_error;
static int calls, file, there;
static const char *lacks = "";

/* The entry of the registry: none, or bytes of a type. */
static const void *entry;
static DWORD entry_size, entry_type, asked_access;
static int key;

int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCSTR text, int length, LPWSTR wide, int room)
{
    size_t n = mbstowcs(NULL, text, 0); /* main has set a UTF-8 locale */
    if (page != CP_UTF8 || flags != MB_ERR_INVALID_CHARS || length != -1 || n == (size_t)-1 || n >= (size_t)room)
        return 0;
    return (int)mbstowcs(wide, text, (size_t)room) + 1;
}

LONG WINAPI RegOpenKeyExW(HKEY parent, LPCWSTR name, DWORD options, DWORD access, HKEY *opened)
{
    asked_access = access;
    *opened = (HKEY)&key;
    return parent == HKEY_LOCAL_MACHINE && options == 0 && entry != NULL && wcscmp(name, L"SOFTWARE\\ISCDesk") == 0 ? ERROR_SUCCESS : ERROR_FILE_NOT_FOUND;
}

LONG WINAPI RegQueryValueExW(HKEY opened, LPCWSTR name, DWORD *reserved, DWORD *type, BYTE *data, DWORD *size)
{
    DWORD room = *size;
    if (opened != (HKEY)&key || reserved != NULL || wcscmp(name, sizeof(void *) == 8 ? L"Library64" : L"Library32") != 0)
        return ERROR_FILE_NOT_FOUND;
    *type = entry_type;
    *size = entry_size;
    if (entry_size > room)
        return ERROR_MORE_DATA;
    memcpy(data, entry, entry_size);
    return ERROR_SUCCESS;
}

LONG WINAPI RegCloseKey(HKEY opened)
{
    return opened == (HKEY)&key ? ERROR_SUCCESS : ERROR_FILE_NOT_FOUND;
}

DWORD WINAPI GetFileAttributesW(LPCWSTR path)
{
    return path && file ? 0x20 : (DWORD)-1;
}

DWORD WINAPI GetLastError(void)
{
    return last_error;
}

HMODULE WINAPI LoadLibraryExW(LPCWSTR path, HANDLE reserved, DWORD flags)
{
    calls++;
    wcscpy(asked, path);
    asked_flags = flags;
    return there && !reserved ? (HMODULE)&there : NULL;
}

static int32_t abi(void)
{
    return ISCDESK_ABI;
}

FARPROC WINAPI GetProcAddress(HMODULE module, LPCSTR name)
{
    return module == (HMODULE)&there && strcmp(name, lacks) != 0 ? (FARPROC)abi : NULL;
}

#define CHECK(cond) \
    if (!(cond)) \
        return fprintf(stderr, "%d: does not hold: %s (%s)\n", __LINE__, #cond, path), 1

static void registered(const wchar_t *text, size_t count)
{
    entry = text;
    entry_size = (DWORD)(count * sizeof *text);
    entry_type = REG_SZ;
}

static int registry(void)
{
    static const struct {
        const char *name;
        const wchar_t *text;
        size_t count; /* 0: with its NUL */
        int want;
    } entries[] = {
        {"full", L"C:\\Program Files\\ISCDesk\\iscdesk64.dll", 0, ISCDESK_LOADED},
        {"without its NUL", L"D:\\i.dll", 8, ISCDESK_LOADED},
        {"empty", L"", 0, ISCDESK_LOAD_RELATIVE},
        {"of no bytes", L"", 0, ISCDESK_LOAD_RELATIVE},
        {"a drive alone", L"C:\\", 0, ISCDESK_LOAD_RELATIVE},
        {"a bare name", L"iscdesk64.dll", 0, ISCDESK_LOAD_RELATIVE},
        {"below the current folder", L".\\iscdesk64.dll", 0, ISCDESK_LOAD_RELATIVE},
        {"of a drive's current folder", L"C:iscdesk64.dll", 0, ISCDESK_LOAD_RELATIVE},
        {"of the current drive", L"\\iscdesk64.dll", 0, ISCDESK_LOAD_RELATIVE},
        {"of other strokes", L"C:/iscdesk64.dll", 0, ISCDESK_LOAD_RELATIVE},
        {"a share", L"\\\\server\\share\\iscdesk64.dll", 0, ISCDESK_LOAD_NETWORK},
        {"a device", L"\\\\?\\C:\\iscdesk64.dll", 0, ISCDESK_LOAD_NETWORK},
        {"two texts", L"C:\\a.dll\0b", 11, ISCDESK_LOAD_NOT_TEXT}};
    static wchar_t lengthy[400];
    iscdesk_functions desk;
    const char *path = "no entry";
    size_t i;
    entry = NULL;
    CHECK(iscdesk_load(&desk, NULL) == ISCDESK_LOAD_NOT_REGISTERED && desk.abi == NULL && calls == 0);
    CHECK(asked_access == (KEY_QUERY_VALUE | 0x100)); /* the 64-bit view */
    for (i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        path = entries[i].name;
        calls = 0;
        registered(entries[i].text, entries[i].count ? entries[i].count : wcslen(entries[i].text) + 1);
        if (i == 3)
            entry_size = 0;
        CHECK(iscdesk_load(&desk, NULL) == entries[i].want && (desk.abi != NULL) == (entries[i].want == ISCDESK_LOADED));
        CHECK(calls == (entries[i].want == ISCDESK_LOADED));
        CHECK(calls == 0 || (wcsncmp(asked, entries[i].text, 8) == 0 && asked_flags == 0x900));
    }
    path = "of another type";
    registered(entries[0].text, wcslen(entries[0].text) + 1);
    entry_type = 2; /* with variables */
    CHECK(iscdesk_load(&desk, NULL) == ISCDESK_LOAD_NOT_TEXT);
    entry_type = 4; /* a number */
    CHECK(iscdesk_load(&desk, NULL) == ISCDESK_LOAD_NOT_TEXT);
    path = "half a character";
    registered(entries[0].text, 8);
    entry_size--;
    CHECK(iscdesk_load(&desk, NULL) == ISCDESK_LOAD_NOT_TEXT);
    path = "lengths";
    wcscpy(lengthy, L"C:\\");
    for (i = 3; i < 390; i++)
        lengthy[i] = 'a';
    for (i = 257; i <= 262; i++) { /* characters without the NUL */
        calls = 0;
        registered(lengthy, i);
        CHECK(iscdesk_load(&desk, NULL) == (i <= 259 ? ISCDESK_LOADED : ISCDESK_LOAD_TOO_LONG) && calls == (i <= 259));
    }
    return 0;
}

int main(int argc, char **argv)
{
    /* By such names a library may come from the program's folder, the current one or PATH. */
    static const char *const searched[] = {"iscdesk1.dll", "", "lib\\iscdesk1.dll", ".\\iscdesk1.dll", "C:iscdesk1.dll",
                                           "\\iscdesk1.dll", "C:/desk/iscdesk1.dll", "/desk/iscdesk1.dll", "1:\\iscdesk1.dll"};
    static const char *const full[] = {"C:\\Program Files\\ISCDesk\\iscdesk1.dll", "z:\\\xe5\x9b\xbe\\iscdesk1.dll", "\\\\server\\share\\iscdesk1.dll"};
    static const wchar_t *const wide[] = {L"C:\\Program Files\\ISCDesk\\iscdesk1.dll", L"z:\\\x56fe\\iscdesk1.dll", L"\\\\server\\share\\iscdesk1.dll"};
    iscdesk_functions desk;
    const char *path = "";
    char lengthy[2 * ISCDESK_MAX_PATH];
    size_t i, j;
    (void)argc;
    (void)argv;
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return 2;
    there = file = 1;
    for (i = 0; i < sizeof searched / sizeof searched[0]; i++) {
        path = searched[i];
        CHECK(iscdesk_load(&desk, path) == ISCDESK_LOAD_NO_PATH && desk.abi == NULL && calls == 0);
    }
    path = "C:\\\xff\\iscdesk1.dll"; /* not UTF-8 */
    CHECK(iscdesk_load(&desk, path) == ISCDESK_LOAD_NO_PATH && calls == 0);
    memset(lengthy, 'a', sizeof lengthy - 1);
    lengthy[sizeof lengthy - 1] = 0;
    memcpy(lengthy, "C:\\", 3);
    path = "a long one";
    CHECK(iscdesk_load(&desk, lengthy) == ISCDESK_LOAD_NO_PATH && calls == 0);
    for (i = 0; i < sizeof full / sizeof full[0]; i++) {
        path = full[i];
        CHECK(iscdesk_load(&desk, path) == ISCDESK_LOADED && calls == (int)i + 1 && wcscmp(asked, wide[i]) == 0);
        CHECK(asked_flags == 0x900); /* its own folder and the system's, nothing else */
        CHECK(desk.abi == abi && desk.operation_state != NULL && desk.list_text_w != NULL);
    }
    lacks = "iscdesk_save_to";
    CHECK(iscdesk_load(&desk, path) == ISCDESK_LOAD_INCOMPLETE && desk.abi == NULL);
    there = 0;
    last_error = ERROR_BAD_EXE_FORMAT;
    CHECK(iscdesk_load(&desk, path) == ISCDESK_LOAD_BITNESS && desk.abi == NULL);
    last_error = 1114; /* its start failed */
    CHECK(iscdesk_load(&desk, path) == ISCDESK_LOAD_REFUSED && desk.abi == NULL);
    file = 0;
    CHECK(iscdesk_load(&desk, path) == ISCDESK_LOAD_ABSENT && desk.abi == NULL);
    lacks = "";
    calls = 0;
    there = file = 1;
    for (i = 0; i <= ISCDESK_LOAD_REFUSED + 1; i++) /* a sentence for each code, of its own */
        for (j = 0; j < i; j++)
            CHECK(strcmp(iscdesk_load_text((int)i), iscdesk_load_text((int)j)) != 0 && strlen(iscdesk_load_text((int)i)) > 20);
    return registry();
}
