/* windows.h - what iscdesk_load.h takes of the system's header of that name, for
 * compilers and hosts of tests on other systems; a host that runs defines the functions. */
#ifndef WINDOWS_H_OF_THE_TEST
#define WINDOWS_H_OF_THE_TEST

#include <stddef.h>

#define WINAPI
#define CP_UTF8 65001
#define MB_ERR_INVALID_CHARS 0x8
#define ERROR_SUCCESS 0
#define ERROR_FILE_NOT_FOUND 2
#define ERROR_BAD_EXE_FORMAT 193
#define ERROR_MORE_DATA 234
#define HKEY_LOCAL_MACHINE ((HKEY)2)
#define KEY_QUERY_VALUE 1
#define REG_SZ 1

typedef int BOOL;
typedef int LONG;
typedef unsigned char BYTE;
typedef struct HKEY__ *HKEY;
typedef unsigned int UINT;
typedef unsigned int DWORD;
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
DWORD WINAPI GetLastError(void);
DWORD WINAPI GetFileAttributesW(LPCWSTR file);
LONG WINAPI RegOpenKeyExW(HKEY key, LPCWSTR name, DWORD options, DWORD access, HKEY *opened);
LONG WINAPI RegQueryValueExW(HKEY key, LPCWSTR name, DWORD *reserved, DWORD *type, BYTE *data, DWORD *size);
LONG WINAPI RegCloseKey(HKEY key);
int WINAPI MultiByteToWideChar(UINT page, DWORD flags, LPCSTR text, int length, LPWSTR wide, int room);
#ifdef __cplusplus
}
#endif

#endif
