// Strings of C++: UTF-8 and UTF-16 at their borders on every system, and on Windows the
// class style with std::wstring. Compiled with -std=c++98 -pedantic.
#include "host.h"
#include "iscdesk.hpp"

static const struct {
    const char *utf8; // NULL: the units are no text
    unsigned short units[5];
} texts[] = {
    {"", {0}},
    {"a\x7f", {'a', 0x7f, 0}},
    {"\xc2\x80\xdf\xbf", {0x80, 0x7ff, 0}},
    {"\xe0\xa0\x80\xef\xbf\xbf", {0x800, 0xffff, 0}},
    {"\xed\x9f\xbf\xee\x80\x80", {0xd7ff, 0xe000, 0}},
    {"\xf0\x90\x80\x80", {0xd800, 0xdc00, 0}},
    {"z\xf4\x8f\xbf\xbf", {'z', 0xdbff, 0xdfff, 0}},
    {0, {0xd83d, 0}},
    {0, {0xde00, 0}},
    {0, {0xde00, 0xd83d, 0}},
    {0, {'a', 0xd83d, 'b', 0}},
    {0, {0xd83d, 0xd83d, 0xde00, 0}},
};

static const char *const no_utf8[] = {"\x80",     "\xc0\xaf",         "\xe0\x80\xaf", "\xed\xa0\x80",    "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80",
                                      "\xff",     "\xf8\x88\x80\x80", "a\xe4\xbd",    "a\xe4",           "a\xf0\x9f\x98",    "\xc3",
                                      "\xe5\x9b" "a", "\xc2\xc2"};

static void conversions()
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        std::wstring in, back;
        std::string out = "old";
        for (const unsigned short *u = texts[i].units; *u; u++)
            in += static_cast<wchar_t>(*u);
        CHECK(Sdk::detail::ToUtf8(in, out) == (texts[i].utf8 != 0));
        CHECK(out == (texts[i].utf8 ? texts[i].utf8 : ""));
        if (texts[i].utf8)
            CHECK(Sdk::detail::ToUtf16(out, back) && back == in);
    }
    for (size_t i = 0; i < sizeof no_utf8 / sizeof no_utf8[0]; i++) {
        std::wstring out = L"old";
        CHECK(!Sdk::detail::ToUtf16(std::string(no_utf8[i]), out) && out.empty());
    }
}

#ifdef _WIN32

class Example {
public:
    Example() : saves(0), narrow(0) {}
    void Wide(Sdk::EventType type, const std::wstring &text)
    {
        if (type == Sdk::EVENT_SAVE_RESULT && text.find(L"\x56fe\xd83d\xde00.dxf") != std::wstring::npos)
            InterlockedIncrement(&saves);
    }
    void Narrow(int type, const char *text)
    {
        if (type == Sdk::EVENT_SAVE_RESULT && strstr(text, "\\u56fe\\ud83d\\ude00.dxf"))
            InterlockedIncrement(&narrow);
    }
    LONG saves, narrow;
};

static bool reaches(const volatile LONG *n)
{
    for (int i = 0; i < 1000 && *n == 0; i++)
        host_nap(10);
    return *n != 0;
}

static void class_style(const char *endpoint, const char *folder)
{
    const std::wstring path = Sdk::wide(folder) + L"\\\x56fe\xd83d\xde00.dxf";
    CHECK(Sdk::utf8(path) == std::string(folder) + "\\\xe5\x9b\xbe\xf0\x9f\x98\x80.dxf");
    CHECK(Sdk::wide(Sdk::utf8(path)) == path && Sdk::utf8(std::wstring(1, 0xd83d)).empty() && Sdk::wide("\xff").empty());
    FILE *f = _wfopen(path.c_str(), L"w");
    CHECK(f != NULL);
    fclose(f);
    Sdk::SdkInvoker invoker("ctest", "1");
    Example example;
    iscdesk_options o = Sdk::AnsiOptions();
    o.endpoint = endpoint;
    o.flags = ISCDESK_FLAG_NO_BROWSER;
    CHECK(invoker->Init(o) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->WakeWindow(0, 0) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->RegisterEventRecall(&example, &Example::Wide) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->Save(path) == Sdk::RESULT_SUCCESS && reaches(&example.saves));
    CHECK(invoker->RegisterEventRecall(&example, &Example::Narrow) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->Save(path.c_str(), false) == Sdk::RESULT_SUCCESS && reaches(&example.narrow)); /* the code page need not hold it */
    CHECK(invoker->SelectSaveAsPath(path) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->GetLicenseFileRequest(L"\x56fe.lic", "") == Sdk::RESULT_SUCCESS);
    CHECK(invoker->Save(std::wstring(1, 0xd83d)) == ISCDESK_E_INVALID_ARGUMENT);
}

#endif

int main(int argc, char **argv)
{
    CHECK(argc == 3 && argv[2]);
    conversions();
#ifdef _WIN32
    class_style(argv[1], argv[2]);
#endif
    return 0;
}
