/* The Windows half of the run-time loader, run where there is no Windows: the system's
 * functions are played here. Shown is which paths ever reach the system, as what,
 * and that a library is taken over function by function. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

#include "iscdesk_load.h"

static wchar_t asked[ISCDESK_MAX_PATH + 1];
static DWORD asked_flags;
static int calls, there;
static const char *lacks = "";

int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCSTR text, int length, LPWSTR wide, int room)
{
    size_t n = mbstowcs(NULL, text, 0); /* main has set a UTF-8 locale */
    if (page != CP_UTF8 || flags != MB_ERR_INVALID_CHARS || length != -1 || n == (size_t)-1 || n >= (size_t)room)
        return 0;
    return (int)mbstowcs(wide, text, (size_t)room) + 1;
}

HMODULE WINAPI LoadLibraryExW(LPCWSTR file, HANDLE reserved, DWORD flags)
{
    calls++;
    wcscpy(asked, file);
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
    size_t i;
    (void)argc;
    (void)argv;
    if (!setlocale(LC_ALL, "C.UTF-8"))
        return 2;
    there = 1;
    CHECK(iscdesk_load(&desk, NULL) == ISCDESK_LOAD_NO_PATH && desk.abi == NULL && calls == 0);
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
        CHECK(desk.abi == abi && desk.operation_state != NULL);
    }
    lacks = "iscdesk_save_to";
    CHECK(iscdesk_load(&desk, path) == ISCDESK_LOAD_INCOMPLETE && desk.abi == NULL);
    there = 0;
    CHECK(iscdesk_load(&desk, path) == ISCDESK_LOAD_ABSENT && desk.abi == NULL);
    return 0;
}
