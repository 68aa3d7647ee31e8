/* What the run-time loader finds by the registry of Windows, told on one line: the
 * code, and the full path of the library. With "plain" it asks as a careless program
 * would, by the bare name. */
#include <stdio.h>

#include "iscdesk_load.h"

static const wchar_t *const name = sizeof(void *) == 8 ? L"iscdesk64.dll" : L"iscdesk.dll";

int main(int argc, char **argv)
{
    iscdesk_functions desk;
    wchar_t path[1024] = L"";
    HMODULE library;
    int rc = ISCDESK_LOADED;
    if (argc == 2 && strcmp(argv[1], "plain") == 0)
        (void)LoadLibraryW(name);
    else
        rc = iscdesk_load(&desk, NULL);
    library = GetModuleHandleW(name);
    if (library != NULL)
        GetModuleFileNameW(library, path, 1024);
    printf("%d %ls\n", rc, path);
    if (rc != ISCDESK_LOADED)
        fprintf(stderr, "%s\n", iscdesk_load_text(rc));
    else if (argc == 1 && desk.abi() != ISCDESK_ABI)
        return 1;
    return 0;
}
