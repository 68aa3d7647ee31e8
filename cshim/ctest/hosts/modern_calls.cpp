// Every request of the C++11 client once, on the straight way, with the fake agent's
// own folder as argv[2]; and what its answers do when they are moved.
#ifndef _WIN32
#include <poll.h>
#endif

#include <fstream>

#include "host.h"
#include "iscdesk.hpp"

static const std::string note = "{\"tag\":7}";

// The end of an operation, which must be of this type and bring the note.
static Sdk::Event end_of(Sdk::Client &desk, int64_t operation, Sdk::EventType type)
{
    for (;;) {
        Sdk::Event e = desk.next(10000);
        CHECK(e);
        if (e.operation() != operation || e.type() != type)
            continue;
        CHECK(e.json().find("\"comeBackParams\":" + note) != std::string::npos);
        return e;
    }
}

// fn must be refused with code.
template <class Fn> static void refused(int32_t code, Fn fn)
{
    int32_t got = 0;
    try {
        fn();
    } catch (const Sdk::Error &e) {
        got = e.code();
    }
    if (got != code)
        fprintf(stderr, "got %d, want %d\n", static_cast<int>(got), static_cast<int>(code));
    CHECK(got == code);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    Sdk::Client desk(host_options(argv[1]));
    desk.set_come_back(note);
    CHECK(desk.license_state().state == ISCDESK_LICENSE_VALID && !desk.get_fingerprint().empty());
    CHECK(end_of(desk, desk.get_license_string_request(), Sdk::EVENT_LICENSE_VERIFY).param("Status") == "success");
    CHECK(end_of(desk, desk.get_license_file_request("my.lic"), Sdk::EVENT_LICENSE_VERIFY).param("LicenseType") == "file");
    desk.license_verify_notify(true);
    refused(ISCDESK_E_INVALID_ARGUMENT, [&] { desk.license_verify_notify(false); });

    std::pair<bool, Sdk::List> who = desk.sign_in_status();
    CHECK(who.first && who.second.count() == 1 && who.second.text(0, "account") == "mei@example.com");

    Sdk::List spaces = desk.list_spaces();
    CHECK(spaces && spaces.count() == 1 && spaces.text(0, "id") == "s1" && spaces.text(1, "id").empty());
    Sdk::List root = desk.list_folder(spaces.text(0, "id"));
    CHECK(root.count() == 3 && root.next().empty() && root.text(0, "kind") == "folder" && root.number(1, "version") == 3);
    spaces = desk.list_folder("s1", root.text(0, "id")); // the first list ends with what takes its place
    CHECK(spaces.count() == 1);
    Sdk::List moved(std::move(spaces));
    CHECK(!spaces && spaces.count() == 0 && moved.count() == 1);
    CHECK(desk.list_versions(root.text(1, "id")).number(0, "version") == 3);
    refused(ISCDESK_E_NOT_FOUND, [&] { desk.list_folder("s1", "nowhere"); });
    refused(ISCDESK_E_NOT_FOUND, [&] { desk.list_versions("nothing"); });

    CHECK(end_of(desk, desk.open_object(root.text(1, "id"), true), Sdk::EVENT_OPENCLOUDFILE_RESULT).param("openType") == "OpenAndCheckout");
    CHECK(desk.open_cloud_file() > 0);
    const std::string path = std::string(argv[2]) + "/part.dxf";
    CHECK(static_cast<bool>(std::ofstream(path) << "0\nEOF\n"));
    const int64_t saved = desk.save(path);
    CHECK(end_of(desk, saved, Sdk::EVENT_SAVE_RESULT).param("status") == "success");
    std::pair<int32_t, Sdk::Event> state = desk.operation_state(saved);
    CHECK(state.first == ISCDESK_OPERATION_DONE && state.second && state.second.operation() == saved);
    CHECK(desk.select_save_as_path(path) > saved);
    CHECK(end_of(desk, desk.save_to(path, "s1", "", false, "copy.dxf"), Sdk::EVENT_SAVE_RESULT).param("status") == "success");
    desk.check_in(path);
    desk.check_in_object(root.text(1, "id"));
    refused(ISCDESK_E_INVALID_ARGUMENT, [&] { desk.check_in("relative"); });

    while (desk.next(100)) // what the pages left
        ;
#ifdef _WIN32
    refused(ISCDESK_E_NOT_SUPPORTED, [&] { desk.event_descriptor(); });
    const int64_t page = desk.sign_in_page();
    CHECK(desk.next(10000));
#else
    struct pollfd watch = {desk.event_descriptor(), POLLIN, 0};
    CHECK(poll(&watch, 1, 0) == 0);
    const int64_t page = desk.sign_in_page();
    CHECK(poll(&watch, 1, 10000) == 1);
    CHECK(desk.next(0));
#endif
    desk.cancel(page);
    refused(ISCDESK_E_NOT_FOUND, [&] { desk.cancel(1 << 30); });
    desk.sign_out();
    who = desk.sign_in_status();
    CHECK(!who.first && who.second.number(0, "reason") == ISCDESK_E_NOT_SIGNED_IN);
    refused(ISCDESK_E_NOT_SIGNED_IN, [&] { desk.list_spaces(); });
    desk.shut_out();
    refused(ISCDESK_E_CLOSED, [&] { desk.sign_out(); });
    return 0;
}
