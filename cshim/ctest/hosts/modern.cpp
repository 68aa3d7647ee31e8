// The C++11 client: moves, exceptions through dispatch, handler for those of a callback.
#include <atomic>
#include <vector>

#include "host.h"
#include "iscdesk.hpp"

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    iscdesk_options o = host_options(argv[1]);
    Sdk::Client first(o);
    Sdk::Client desk(std::move(first));
    CHECK(desk.license_state().state == ISCDESK_LICENSE_VALID);
    CHECK(!desk.get_fingerprint().empty());

    const int64_t op = desk.get_license_string_request();
    bool caught = false;
    try {
        while (desk.dispatch(10000, [&](const Sdk::Event &e) {
            if (e.operation() == op)
                throw std::runtime_error(e.param("LicenseContent"));
        }))
            ;
    } catch (const std::runtime_error &e) {
        caught = strlen(e.what()) > 0;
    }
    CHECK(caught);

    const int64_t stored = desk.save_to(HOST_ROOT, "s1", "");
    Sdk::Event end = desk.next(10000);
    while (end && (end.operation() != stored || end.type() != Sdk::EVENT_SAVE_RESULT))
        end = desk.next(10000);
    CHECK(end && end.name() == "EVENT_SAVE_RESULT" && !end.param("status").empty());
    while (desk.next(50))
        ;
    CHECK(!desk.next(0)); // none in time is no failure

    std::atomic<int> failures(0), events(0);
    desk.on_event([&](const Sdk::Event &) { events++; throw 1; }, [&](std::exception_ptr) { failures++; });
    std::vector<Sdk::Client> list;
    list.push_back(std::move(desk)); // the callback's object stays where it is
    for (int i = 0; i < 10; i++)
        list[0].get_license_file_request("a.lic");
    for (int i = 0; i < 1000 && failures < 10; i++)
        host_nap(10);
    CHECK(failures >= 10 && failures == events);

    caught = false;
    try {
        list[0].save("relative");
    } catch (const Sdk::Error &e) {
        caught = e.code() == ISCDESK_E_INVALID_ARGUMENT && strlen(e.what()) > 0 && !e.hint().empty();
    }
    CHECK(caught);
    list[0].shut_out();
    list.clear();
    return 0;
}
