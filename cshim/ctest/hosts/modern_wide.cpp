// The modern client on Windows with std::wstring: paths in, names out, an event that the
// code page cannot hold. Compiled with -std=c++11 -pedantic.
#include "host.h"
#include "iscdesk.hpp"

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    iscdesk_options o = Sdk::AnsiOptions();
    o.product = "ctest";
    o.endpoint = argv[1];
    o.flags = ISCDESK_FLAG_NO_BROWSER;
    Sdk::Client client(o);
    const std::wstring path = Sdk::wide(argv[2]) + L"\\\xd55c\x56fe.dxf"; // in no code page of Windows but UTF-8 and GB18030
    FILE *f = _wfopen(path.c_str(), L"w");
    CHECK(f != NULL);
    fclose(f);
    const int64_t operation = client.save(path);
    for (bool found = false; !found;) {
        Sdk::Event e = client.next(10000);
        CHECK(e);
        found = e.type() == Sdk::EVENT_SAVE_RESULT && e.operation() == operation;
        if (found) {
            CHECK(e.param("path").empty() && e.param_code("path") == ISCDESK_E_TEXT_ENCODING);
            CHECK(e.param_w("path") == path && e.param_w("none").empty() && e.param_code("none") == ISCDESK_E_NOT_FOUND);
            CHECK(e.json().find("\\ud55c\\u56fe.dxf") != std::string::npos && e.json_w().find(L"\xd55c\x56fe.dxf") != std::wstring::npos);
        }
    }
    CHECK(client.save_to(path, "s1", "", false, L"\x56fe") > 0 && client.select_save_as_path(path) > 0);
    CHECK(client.get_license_file_request(L"\x56fe.lic") > 0);
    Sdk::List spaces = client.list_spaces();
    CHECK(spaces.count() > 0 && spaces.text_w(0, "id") == Sdk::wide(spaces.text(0, "id")) && spaces.text_code(0, "id") == ISCDESK_OK);
    client.wake_window(nullptr, 0);
    int refused = 0;
    try {
        client.save(std::wstring(1, 0xde00));
    } catch (const Sdk::Error &e) {
        refused += e.code() == ISCDESK_E_INVALID_ARGUMENT && e.detail() == "path";
    }
    try {
        client.wake_window(HWND_BROADCAST, WM_APP);
    } catch (const Sdk::Error &e) {
        refused += e.code() == ISCDESK_E_INVALID_ARGUMENT;
    }
    CHECK(refused == 2);
    return 0;
}
