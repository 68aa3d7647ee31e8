/* What the run-time loader finds by the registry of Windows, told on one line: the
 * code, and the full path of the library. "plain" asks as a careless program would, by
 * the bare name; HKLM or HKCU, a key, a value, its type and its text have that entry
 * made before and removed after. */
#include <stdio.h>
#include <stdlib.h>

#include "iscdesk_load.h"

static const wchar_t *const name = sizeof(void *) == 8 ? L"iscdesk64.dll" : L"iscdesk.dll";

static const REGSAM view = KEY_ALL_ACCESS | 0x0100; /* KEY_WOW64_64KEY */

static int set(HKEY hive, const char *key, const char *value, DWORD type, const char *text)
{
    HKEY opened;
    LONG rc;
    if (RegCreateKeyExA(hive, key, 0, NULL, 0, view, NULL, &opened, NULL) != ERROR_SUCCESS)
        return -1;
    rc = RegSetValueExA(opened, value, 0, type, (const BYTE *)text, type == REG_DWORD ? 4 : (DWORD)strlen(text) + 1);
    RegCloseKey(opened);
    return rc == ERROR_SUCCESS ? 0 : -1;
}

int main(int argc, char **argv)
{
    HKEY hive = argc > 1 && strcmp(argv[1], "HKLM") == 0 ? HKEY_LOCAL_MACHINE : HKEY_CURRENT_USER;
    iscdesk_functions desk;
    wchar_t path[1024] = L"";
    HMODULE library;
    int rc = ISCDESK_LOADED;
    if (argc == 6 && set(hive, argv[2], argv[3], (DWORD)atoi(argv[4]), argv[5]) != 0)
        return 2;
    if (argc == 2)
        (void)LoadLibraryW(name);
    else
        rc = iscdesk_load(&desk, NULL);
    if (argc == 6) {
        HKEY opened;
        if (RegOpenKeyExA(hive, argv[2], 0, view, &opened) != ERROR_SUCCESS || RegDeleteValueA(opened, argv[3]) != ERROR_SUCCESS)
            return 3;
        RegCloseKey(opened);
    }
    library = GetModuleHandleW(name);
    if (library != NULL)
        GetModuleFileNameW(library, path, 1024);
    printf("%d %ls\n", rc, path);
    if (rc != ISCDESK_LOADED)
        fprintf(stderr, "%s\n", iscdesk_load_text(rc));
    else if (argc != 2 && desk.abi() != ISCDESK_ABI)
        return 1;
    return 0;
}
