/* windows.h - what iscdesk_load.h takes of the system's header of that name, for
 * compilers and hosts of tests on other systems; a host that runs defines the functions. */
#ifndef WINDOWS_H_OF_THE_TEST
#define WINDOWS_H_OF_THE_TEST

#include <stddef.h>

#define WINAPI
#define CP_UTF8 65001
#define MB_ERR_INVALID_CHARS 0x8

typedef int BOOL;
typedef unsigned int UINT;
typedef unsigned long DWORD;
typedef void *HANDLE;
typedef struct HINSTANCE__ *HMODULE;
typedef int (WINAPI *FARPROC)(void);
typedef const char *LPCSTR;
typedef wchar_t *LPWSTR;
typedef const wchar_t *LPCWSTR;

#ifdef __cplusplus
extern "C" {
#endif
HMODULE WINAPI LoadLibraryExW(LPCWSTR file, HANDLE reserved, DWORD flags);
FARPROC WINAPI GetProcAddress(HMODULE module, LPCSTR name);
int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCSTR text, int length, LPWSTR wide, int room);
#ifdef __cplusplus
}
#endif

#endif
