// The samples of the public client guide, as printed there, and a run of them.
// Compiled with -std=c++98 -pedantic.
#include <pthread.h>

#include "host.h"
#include "iscdesk.hpp"

using Sdk::EventType;
using Sdk::ResultStatus;
using Sdk::SdkInvoker;

class Example {
public:
    Example() : licenses(0), saves(0) {}
    void EventRecall(EventType type, const std::string &text)
    {
        if (type == Sdk::EVENT_LICENSE_VERIFY && text.find("\"LicenseContent\":\"") != std::string::npos)
            __atomic_add_fetch(&licenses, 1, __ATOMIC_SEQ_CST);
        if (type == Sdk::EVENT_SAVE_RESULT)
            __atomic_add_fetch(&saves, 1, __ATOMIC_SEQ_CST);
        throw 42; // must end in the trampoline
    }
    void Plain(int, const char *) {}
    int licenses, saves;
};

static bool reaches(const int *n, int want)
{
    for (int i = 0; i < 1000 && __atomic_load_n(n, __ATOMIC_SEQ_CST) < want; i++)
        host_nap(10);
    return __atomic_load_n(n, __ATOMIC_SEQ_CST) >= want;
}

static void value(const char *endpoint)
{
    SdkInvoker invoker;
    Example example;
    std::string devInfo, fileName, errorMsg, saveFilePath = HOST_ROOT "no such part.dxf";
    bool verifyResult = true;
    invoker.IscdeskFactory()->Init(); // no agent at the default places: refused, not thrown
    CHECK(invoker->Save(saveFilePath) != Sdk::RESULT_SUCCESS);
    iscdesk_options o = Sdk::DefaultOptions();
    o.endpoint = endpoint;
    o.flags = ISCDESK_FLAG_NO_BROWSER;
    CHECK(invoker->Init(o) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->RegisterEventRecall(&example, &Example::EventRecall) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->GetLicenseStringRequest(devInfo) == Sdk::RESULT_SUCCESS);
    CHECK(reaches(&example.licenses, 1));
    invoker->GetLicenseFileRequest(fileName, devInfo);
    invoker->LicenseVerifyNotify(verifyResult, errorMsg);
    invoker->OpenCloudFile();
    invoker->Save(saveFilePath);
    invoker->Save(saveFilePath, true);
    invoker->SelectSaveAsPath(saveFilePath);
    invoker->SelectSaveAsPath(saveFilePath, true);
    CHECK(invoker->RegisterEventRecall(&example, &Example::Plain) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->ShutOut() == Sdk::RESULT_SUCCESS);
    ResultStatus status = invoker->ShutOut();
    CHECK(status == Sdk::RESULT_NOT_INIT && !Sdk::ResultText(status).empty());
    CHECK(invoker->Init(o) == Sdk::RESULT_SUCCESS); // and again
}

static void pointer(const char *endpoint)
{
    SdkInvoker factory("com.example.cad", "1.0");
    Sdk::IscdeskApi *invoker = factory.IscdeskFactory();
    iscdesk_options o = Sdk::DefaultOptions();
    o.endpoint = endpoint;
    CHECK(invoker->Init(o) == Sdk::RESULT_SUCCESS);
    CHECK(invoker->GetLicenseStringRequest("AB") == Sdk::RESULT_SUCCESS);
    invoker->ShutOut();
}

int main(int argc, char **argv)
{
    CHECK(argc == 2);
    value(argv[1]);
    pointer(argv[1]);
    return 0;
}
