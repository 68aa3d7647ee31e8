/*
 * iscdesk.hpp - the C interface of ISCDesk for C++, header only.
 *
 * Two shapes over the same library, in one file (of over 500 lines, so that it can
 * be copied):
 *  - Sdk::SdkInvoker, the class style of the public client guide, in C++98: it
 *    returns a ResultStatus and never throws.
 *  - Sdk::Client, move-only, which throws Sdk::Error: from C++11 on.
 *
 * Everything here is inline over iscdesk.h, so any compiler and any standard
 * library may be mixed with the library. Likeness with the guide is in source:
 * names, calls and payloads; never binary compatibility with another library.
 * Comments of iscdesk.h hold: threads, blocking, codes. A std::string is in the
 * encoding of the options; a std::wstring, on Windows, is UTF-16 and holds every
 * name and path.
 */
#ifndef ISCDESK_HPP
#define ISCDESK_HPP

#include <string>

#include <string.h>

#include "iscdesk.h"

namespace Sdk {

/* What became of a call: 0 or a negative code of iscdesk.h (ISCDESK_E_...). */
enum ResultStatus {
    RESULT_SUCCESS = ISCDESK_OK,
    RESULT_FAILURE = ISCDESK_E_INTERNAL,
    RESULT_NOT_INIT = ISCDESK_E_CLOSED,
    RESULT_NO_DESK = ISCDESK_E_AGENT_ABSENT,
    RESULT_LOWEST = -0x7fffffff /* makes room for every code */
};

/* Names as the guide prints them; numbers of iscdesk.h. */
enum EventType {
    EVENT_UNKNOWN = ISCDESK_EVENT_UNKNOWN,
    EVENT_LICENSE_VERIFY = ISCDESK_EVENT_LICENSE_VERIFY,
    EVENT_OPENCLOUDFILE_RESULT = ISCDESK_EVENT_OPENCLOUDFILE_RESULT,
    EVENT_SAVE_RESULT = ISCDESK_EVENT_SAVE_RESULT,
    EVENT_UPLOAD_START = ISCDESK_EVENT_UPLOAD_START,
    EVENT_UPLOAD_END = ISCDESK_EVENT_UPLOAD_END,
    EVENT_UPLOAD_PROGRESS = ISCDESK_EVENT_UPLOAD_PROGRESS,
    EVENT_OPEN_PROGRESS = ISCDESK_EVENT_OPEN_PROGRESS,
    EVENT_OPEN_CANCELLED = ISCDESK_EVENT_OPEN_CANCELLED,
    EVENT_HEARTBEAT = ISCDESK_EVENT_HEARTBEAT,
    EVENT_DESK_CLOSED = ISCDESK_EVENT_DESK_CLOSED,
    EVENT_LICENSE_STATE = ISCDESK_EVENT_LICENSE_STATE,
    EVENT_PAGE = ISCDESK_EVENT_PAGE,
    EVENT_SIGN_IN = ISCDESK_EVENT_SIGN_IN,
    EVENT_GAP = ISCDESK_EVENT_GAP,
    EVENT_LICENSE_PENDING = ISCDESK_EVENT_LICENSE_PENDING,
    EVENT_HIGHEST = 0x7fffffff /* makes room for later types */
};

/* The sentence of a status, "en" or "zh-CN". */
inline std::string ResultText(ResultStatus status, const char *language = "en")
{
    return iscdesk_error_text(status, language);
}

/* Options with everything at its default. */
inline iscdesk_options DefaultOptions()
{
    iscdesk_options o;
    memset(&o, 0, sizeof o);
    o.size = static_cast<uint32_t>(sizeof o);
    return o;
}

namespace detail {

/* UTF-8 of UTF-16; false, and out is empty, where a surrogate stands alone. */
template <class Wide> bool ToUtf8(const Wide &text, std::string &out)
{
    out.clear();
    for (typename Wide::size_type i = 0; i < text.size(); i++) {
        unsigned long c = static_cast<unsigned long>(text[i]) & 0xffffUL;
        if (c >= 0xd800 && c <= 0xdfff) {
            const unsigned long low = i + 1 < text.size() ? static_cast<unsigned long>(text[i + 1]) & 0xffffUL : 0;
            if (c > 0xdbff || low < 0xdc00 || low > 0xdfff) {
                out.clear();
                return false;
            }
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
            i++;
        }
        if (c >= 0x10000)
            out += static_cast<char>(0xf0 | c >> 18);
        if (c >= 0x800)
            out += static_cast<char>(c >= 0x10000 ? 0x80 | (c >> 12 & 0x3f) : 0xe0 | c >> 12);
        if (c >= 0x80)
            out += static_cast<char>(c >= 0x800 ? 0x80 | (c >> 6 & 0x3f) : 0xc0 | c >> 6);
        out += static_cast<char>(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
    }
    return true;
}

/* UTF-16 of UTF-8; false, and out is empty, where text is none. */
template <class Wide> bool ToUtf16(const std::string &text, Wide &out)
{
    static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
    typedef typename Wide::value_type Unit;
    out.clear();
    for (std::string::size_type i = 0; i < text.size(); i++) {
        unsigned long c = static_cast<unsigned char>(text[i]);
        int more = c < 0x80 ? 0 : c >= 0xc0 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : c >= 0xf0 && c < 0xf8 ? 3 : -1;
        bool good = more >= 0;
        if (more > 0)
            c &= 0x3fUL >> more;
        for (int n = 0; n < more && good; n++) {
            good = ++i < text.size() && (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;
            c = good ? c << 6 | (static_cast<unsigned char>(text[i]) & 0x3f) : c;
        }
        if (!good || c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
            out.clear();
            return false;
        }
        if (c >= 0x10000) {
            out += static_cast<Unit>(0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        out += static_cast<Unit>(c);
    }
    return true;
}

/* The JSON of an event as a function of the application takes it. */
template <class Text> struct Json {
    static Text Of(iscdesk_event event)
    {
        const char *text = iscdesk_event_json(event);
        return text ? text : "";
    }
};
#ifdef _WIN32
template <> struct Json<std::wstring> {
    static std::wstring Of(iscdesk_event event)
    {
        const wchar_t *text = iscdesk_event_json_w(event);
        return text ? text : L"";
    }
};
#endif

/* What RegisterEventRecall remembers: an object and one of its members. */
class Recall {
public:
    virtual ~Recall() {}
    virtual void Call(iscdesk_event event) = 0;
};

template <class Object, class Function, class Text> class Member : public Recall {
public:
    Member(Object *object, Function function) : object_(object), function_(function) {}
    virtual void Call(iscdesk_event event)
    {
        (object_->*function_)(static_cast<EventType>(iscdesk_event_type(event)), Json<Text>::Of(event));
    }

private:
    Object *object_;
    Function function_;
};

} // namespace detail

#ifdef _WIN32
/* Windows' own strings as UTF-8 and back; false, and out is empty, for what is no text. */
inline bool utf8(const std::wstring &text, std::string &out)
{
    return detail::ToUtf8(text, out);
}
inline bool wide(const std::string &text, std::wstring &out)
{
    return detail::ToUtf16(text, out);
}
/* The same; what is no text gives an empty one. */
inline std::string utf8(const std::wstring &text)
{
    std::string out;
    (void)utf8(text, out);
    return out;
}
inline std::wstring wide(const std::string &text)
{
    std::wstring out;
    (void)wide(text, out);
    return out;
}

/* Options of a program whose std::strings are in the code page of its process. */
inline iscdesk_options AnsiOptions()
{
    iscdesk_options o = DefaultOptions();
    o.text_encoding = ISCDESK_TEXT_ANSI;
    return o;
}
#endif

/* The documented calls. Made by SdkInvoker; Init comes before all others.
 * Any thread may call; Init, RegisterEventRecall and ShutOut of one object not
 * two at once. */
class IscdeskApi {
public:
    /* product and version are told to the desk; both are kept. */
    IscdeskApi(const std::string &product, const std::string &version)
        : product_(product), version_(version), client_(0), ended_(true), recall_(0)
    {
    }
    /* Not inside the event function: that is still to return into this object. */
    ~IscdeskApi()
    {
        /* also after ShutOut: one inside the event function did not wait for it */
        if (iscdesk_shut_out(client_, 0) != ISCDESK_E_TIMEOUT)
            delete recall_;
    }

    ResultStatus Init() { return Init(DefaultOptions()); }

    /* As Init(), with options; product and app_version default to the constructor's. */
    ResultStatus Init(iscdesk_options options)
    {
        if (!ended_)
            return RESULT_SUCCESS;
        if (!options.product)
            options.product = product_.c_str();
        if (!options.app_version)
            options.app_version = version_.c_str();
        if (iscdesk_shut_out(client_, 0) == ISCDESK_E_TIMEOUT)
            return static_cast<ResultStatus>(ISCDESK_E_BUSY); /* the last session's event function still runs */
        const ResultStatus status = Status(iscdesk_init(&options, &client_, 0));
        ended_ = status != RESULT_SUCCESS;
        return status;
    }

    /* Has (object->*function)(type, text) called with each event, on one thread
     * of the library. text is the documented JSON envelope. What the function
     * throws ends there. function may take the type as EventType or int and the
     * text as std::string, const std::string & or const char *, on Windows as
     * const std::wstring & too. */
    template <class T, class U> ResultStatus RegisterEventRecall(T *object, void (U::*function)(EventType, const std::string &))
    {
        return Register<T, void (U::*)(EventType, const std::string &), std::string>(object, function);
    }
    template <class T, class U> ResultStatus RegisterEventRecall(T *object, void (U::*function)(EventType, std::string))
    {
        return Register<T, void (U::*)(EventType, std::string), std::string>(object, function);
    }
    template <class T, class U> ResultStatus RegisterEventRecall(T *object, void (U::*function)(EventType, const char *))
    {
        return Register<T, void (U::*)(EventType, const char *), const char *>(object, function);
    }
    template <class T, class U> ResultStatus RegisterEventRecall(T *object, void (U::*function)(int, const std::string &))
    {
        return Register<T, void (U::*)(int, const std::string &), std::string>(object, function);
    }
    template <class T, class U> ResultStatus RegisterEventRecall(T *object, void (U::*function)(int, std::string))
    {
        return Register<T, void (U::*)(int, std::string), std::string>(object, function);
    }
    template <class T, class U> ResultStatus RegisterEventRecall(T *object, void (U::*function)(int, const char *))
    {
        return Register<T, void (U::*)(int, const char *), const char *>(object, function);
    }
#ifdef _WIN32
    template <class T, class U> ResultStatus RegisterEventRecall(T *object, void (U::*function)(EventType, const std::wstring &))
    {
        return Register<T, void (U::*)(EventType, const std::wstring &), std::wstring>(object, function);
    }
    template <class T, class U> ResultStatus RegisterEventRecall(T *object, void (U::*function)(int, const std::wstring &))
    {
        return Register<T, void (U::*)(int, const std::wstring &), std::wstring>(object, function);
    }
#endif

    /* Windows: has message posted to window (an HWND) when events wait. */
    ResultStatus WakeWindow(void *window, unsigned int message)
    {
        return Status(iscdesk_wake_window(client_, window, message, 0));
    }

    /* Ends the session. Also inside the event function. */
    ResultStatus ShutOut()
    {
        if (ended_)
            return RESULT_NOT_INIT;
        ended_ = true; /* the number stays: the destructor waits by it */
        return Status(iscdesk_shut_out(client_, 0));
    }

    ResultStatus GetLicenseStringRequest(const std::string &devInfo)
    {
        return Status(iscdesk_get_license_string_request(client_, devInfo.c_str(), 0, 0));
    }
    ResultStatus GetLicenseFileRequest(const std::string &fileName, const std::string &devInfo)
    {
        return Status(iscdesk_get_license_file_request(client_, fileName.c_str(), devInfo.c_str(), 0, 0));
    }
    ResultStatus LicenseVerifyNotify(bool verifyResult, const std::string &errorMsg)
    {
        return Status(iscdesk_license_verify_notify(client_, verifyResult, errorMsg.c_str(), 0));
    }
    ResultStatus OpenCloudFile() { return Status(iscdesk_open_cloud_file(client_, 0, 0)); }
    ResultStatus Save(const std::string &saveFilePath, bool isAssembly = false)
    {
        return Status(iscdesk_save(client_, saveFilePath.c_str(), isAssembly, 0, 0));
    }
    ResultStatus SelectSaveAsPath(const std::string &saveFilePath, bool isAssembly = false)
    {
        return Status(iscdesk_select_save_as_path(client_, saveFilePath.c_str(), isAssembly, 0, 0));
    }
#ifdef _WIN32
    ResultStatus GetLicenseFileRequest(const std::wstring &fileName, const std::string &devInfo)
    {
        return Status(iscdesk_get_license_file_request_w(client_, fileName.c_str(), devInfo.c_str(), 0, 0));
    }
    ResultStatus Save(const std::wstring &saveFilePath, bool isAssembly = false)
    {
        return Status(iscdesk_save_w(client_, saveFilePath.c_str(), isAssembly, 0, 0));
    }
    ResultStatus SelectSaveAsPath(const std::wstring &saveFilePath, bool isAssembly = false)
    {
        return Status(iscdesk_select_save_as_path_w(client_, saveFilePath.c_str(), isAssembly, 0, 0));
    }
#endif

    /* The client underneath, for the rest of iscdesk.h; 0 before Init. */
    iscdesk_client Handle() const { return client_; }

private:
    IscdeskApi(const IscdeskApi &);
    IscdeskApi &operator=(const IscdeskApi &);

    static ResultStatus Status(int32_t code) { return static_cast<ResultStatus>(code < 0 ? code : 0); }

    static void ISCDESK_CALL Trampoline(void *user, iscdesk_event event)
    {
        try {
            static_cast<detail::Recall *>(user)->Call(event);
        } catch (...) { /* C stands above: nothing may pass */
        }
    }

    template <class Object, class Function, class Text> ResultStatus Register(Object *object, Function function)
    {
        detail::Recall *recall = 0;
        try {
            recall = new detail::Member<Object, Function, Text>(object, function);
        } catch (...) {
            return RESULT_FAILURE;
        }
        const int32_t code = iscdesk_register_event_recall(client_, &IscdeskApi::Trampoline, recall, 0);
        if (code != ISCDESK_OK) {
            delete recall;
            return Status(code);
        }
        delete recall_; /* the library calls the old one no more */
        recall_ = recall;
        return RESULT_SUCCESS;
    }

    std::string product_, version_;
    iscdesk_client client_;
    bool ended_;
    detail::Recall *recall_;
};

/* The object that the guide's samples call "invoker": invoker.IscdeskFactory()->Init()
 * and invoker->Save(path) mean the same object. */
class SdkInvoker {
public:
    explicit SdkInvoker(const std::string &product = "", const std::string &version = "") : api_(product, version) {}
    IscdeskApi *IscdeskFactory() { return &api_; }
    IscdeskApi *operator->() { return &api_; }

private:
    SdkInvoker(const SdkInvoker &);
    SdkInvoker &operator=(const SdkInvoker &);
    IscdeskApi api_;
};

} // namespace Sdk

#if __cplusplus >= 201103L || (defined(_MSC_VER) && _MSC_VER >= 1900)

#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <utility>

namespace Sdk {

/* A refusal: what() is the sentence, code() the number, hint() the next step. */
class Error : public std::runtime_error {
public:
    explicit Error(const iscdesk_error &e) : std::runtime_error(e.message), code_(e.code), hint_(e.hint), detail_(e.detail) {}
    int32_t code() const noexcept { return code_; }
    const std::string &hint() const noexcept { return hint_; }
    const std::string &detail() const noexcept { return detail_; }

private:
    int32_t code_;
    std::string hint_, detail_;
};

/* One event, false for none; it borrows inside a callback, and owns when next() gave it. */
class Event {
public:
    explicit Event(iscdesk_event number, bool own) noexcept : number_(number), own_(own) {}
    Event(Event &&other) noexcept : number_(other.number_), own_(other.own_) { other.own_ = false; }
    Event &operator=(Event &&other) noexcept
    {
        std::swap(number_, other.number_);
        std::swap(own_, other.own_);
        return *this;
    }
    ~Event()
    {
        if (own_)
            iscdesk_event_free(number_);
    }
    explicit operator bool() const noexcept { return number_ != nullptr; }
    EventType type() const noexcept { return static_cast<EventType>(iscdesk_event_type(number_)); }
    int64_t operation() const noexcept { return iscdesk_event_operation(number_); }
    std::string name() const { return text(iscdesk_event_name(number_)); }
    std::string json() const { return text(iscdesk_event_json(number_)); }
    /* Empty when there is none, or the code page cannot hold it: param_code tells. */
    std::string param(const char *key) const { return text(iscdesk_event_param(number_, key)); }
    int32_t param_code(const char *key) const noexcept { return iscdesk_event_param_code(number_, key); }
#ifdef _WIN32
    std::wstring json_w() const { return text(iscdesk_event_json_w(number_)); }
    std::wstring param_w(const char *key) const { return text(iscdesk_event_param_w(number_, key)); }
#endif

private:
    static std::string text(const char *s) { return s ? s : ""; }
#ifdef _WIN32
    static std::wstring text(const wchar_t *s) { return s ? s : L""; }
#endif
    iscdesk_event number_;
    bool own_;
};

/* Rows of an answer, false for none; freed by the destructor. Rows and keys as
 * iscdesk.h tells at each list. */
class List {
public:
    explicit List(iscdesk_list number) noexcept : number_(number) {}
    List(List &&other) noexcept : number_(other.number_) { other.number_ = nullptr; }
    List &operator=(List &&other) noexcept
    {
        std::swap(number_, other.number_);
        return *this;
    }
    ~List() { iscdesk_list_free(number_); }
    explicit operator bool() const noexcept { return number_ != nullptr; }
    int32_t count() const noexcept { return iscdesk_list_count(number_); }
    /* Empty when there is none, or the code page cannot hold it: text_code tells. */
    std::string text(int32_t row, const char *key) const { return string_of(iscdesk_list_text(number_, row, key)); }
    int32_t text_code(int32_t row, const char *key) const noexcept { return iscdesk_list_text_code(number_, row, key); }
#ifdef _WIN32
    std::wstring text_w(int32_t row, const char *key) const
    {
        const wchar_t *s = iscdesk_list_text_w(number_, row, key);
        return s ? s : L"";
    }
#endif
    int64_t number(int32_t row, const char *key) const noexcept { return iscdesk_list_number(number_, row, key); }
    /* The after of the next page, empty on the last. */
    std::string next() const { return string_of(iscdesk_list_next(number_)); }

private:
    static std::string string_of(const char *s) { return s ? s : ""; }
    iscdesk_list number_;
};

/* One session, ended by the destructor. Failures are thrown as Error; the time
 * running out in next() is no failure. */
class Client {
public:
    explicit Client(const iscdesk_options &options)
    {
        iscdesk_error e = fresh();
        check(iscdesk_init(&options, &client_, &e), e);
    }
    Client(const char *product, const char *version) : Client(options_of(product, version)) {}
    Client(Client &&other) noexcept : client_(other.client_), push_(std::move(other.push_)) { other.client_ = nullptr; }
    Client &operator=(Client &&other) noexcept
    {
        std::swap(client_, other.client_);
        std::swap(push_, other.push_);
        return *this;
    }
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;
    /* Not inside its own callback (shut_out may be called there). */
    ~Client() { end(); }

    /* Ends the session; it may be called inside a callback. */
    void shut_out() noexcept { (void)iscdesk_shut_out(client_, nullptr); }

    /* Calls fn with each event on one thread of the library. What fn throws goes
     * to failed, or ends there. */
    void on_event(std::function<void(const Event &)> fn, std::function<void(std::exception_ptr)> failed = nullptr)
    {
        std::unique_ptr<Push> push(new Push{std::move(fn), std::move(failed)});
        iscdesk_error e = fresh();
        check(iscdesk_register_event_recall(client_, &Client::pushed, push.get(), &e), e);
        push_ = std::move(push);
    }

    /* The next event, or none when none came in time. */
    Event next(int32_t timeout_ms)
    {
        iscdesk_event number = nullptr;
        iscdesk_error e = fresh();
        const int32_t rc = iscdesk_next_event(client_, timeout_ms, &number, &e);
        check(rc == ISCDESK_E_TIMEOUT ? 0 : rc, e);
        return Event(number, true);
    }

    /* Calls fn with one event on this thread; false when none came in time. What
     * fn throws arrives here, after C has returned. */
    template <class Fn> bool dispatch(int32_t timeout_ms, Fn fn)
    {
        Pull<Fn> pull = {&fn, nullptr};
        iscdesk_error e = fresh();
        const int32_t rc = iscdesk_dispatch(client_, timeout_ms, &Client::pulled<Fn>, &pull, &e);
        if (pull.thrown)
            std::rethrow_exception(pull.thrown);
        if (rc == ISCDESK_E_TIMEOUT)
            return false;
        check(rc, e);
        return true;
    }

    int64_t get_license_string_request(const char *dev_info = nullptr)
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_get_license_string_request(client_, dev_info, op, e); });
    }
    int64_t get_license_file_request(const char *file_name, const char *dev_info = nullptr)
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_get_license_file_request(client_, file_name, dev_info, op, e); });
    }
    void license_verify_notify(bool accepted, const std::string &message = std::string())
    {
        call([&](iscdesk_error *e) { return iscdesk_license_verify_notify(client_, accepted, message.c_str(), e); });
    }
    iscdesk_license license_state() const
    {
        iscdesk_license l = iscdesk_license();
        l.size = static_cast<uint32_t>(sizeof l);
        call([&](iscdesk_error *e) { return iscdesk_license_state(client_, &l, e); });
        return l;
    }
    std::string get_fingerprint()
    {
        std::string out(ISCDESK_MAX_DEV_INFO + 1, '\0');
        const int32_t n = call([&](iscdesk_error *e) { return iscdesk_get_fingerprint(client_, &out[0], static_cast<uint32_t>(out.size()), e); });
        out.resize(static_cast<std::string::size_type>(n));
        return out;
    }

    int64_t open_cloud_file()
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_open_cloud_file(client_, op, e); });
    }
    int64_t save(const std::string &path, bool is_assembly = false)
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_save(client_, path.c_str(), is_assembly, op, e); });
    }
    int64_t select_save_as_path(const std::string &path, bool is_assembly = false)
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_select_save_as_path(client_, path.c_str(), is_assembly, op, e); });
    }

    /* For applications that draw their own dialog. Empty texts are what NULL is in C. */
    List list_spaces()
    {
        return rows([&](iscdesk_list *l, iscdesk_error *e) { return iscdesk_list_spaces(client_, l, e); });
    }
    List list_folder(const std::string &space, const std::string &folder = std::string(), const std::string &after = std::string())
    {
        return rows([&](iscdesk_list *l, iscdesk_error *e) { return iscdesk_list_folder(client_, space.c_str(), folder.c_str(), after.c_str(), l, e); });
    }
    List list_versions(const std::string &object)
    {
        return rows([&](iscdesk_list *l, iscdesk_error *e) { return iscdesk_list_versions(client_, object.c_str(), l, e); });
    }
    int64_t open_object(const std::string &object, bool checkout, int64_t version = 0)
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_open_object(client_, object.c_str(), version, checkout, op, e); });
    }
    int64_t save_to(const std::string &path, const std::string &space, const std::string &folder, bool is_assembly = false,
                    const std::string &name = std::string())
    {
        return start([&](int64_t *op, iscdesk_error *e) {
            return iscdesk_save_to(client_, path.c_str(), is_assembly, space.c_str(), folder.c_str(), name.c_str(), op, e);
        });
    }
    void check_in(const std::string &path)
    {
        call([&](iscdesk_error *e) { return iscdesk_check_in(client_, path.c_str(), e); });
    }
#ifdef _WIN32
    /* The calls with paths, in UTF-16. */
    int64_t get_license_file_request(const std::wstring &file_name, const char *dev_info = nullptr)
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_get_license_file_request_w(client_, file_name.c_str(), dev_info, op, e); });
    }
    int64_t save(const std::wstring &path, bool is_assembly = false)
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_save_w(client_, path.c_str(), is_assembly, op, e); });
    }
    int64_t select_save_as_path(const std::wstring &path, bool is_assembly = false)
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_select_save_as_path_w(client_, path.c_str(), is_assembly, op, e); });
    }
    int64_t save_to(const std::wstring &path, const std::string &space, const std::string &folder, bool is_assembly = false,
                    const std::wstring &name = std::wstring())
    {
        return start([&](int64_t *op, iscdesk_error *e) {
            return iscdesk_save_to_w(client_, path.c_str(), is_assembly, space.c_str(), folder.c_str(), name.c_str(), op, e);
        });
    }
    void check_in(const std::wstring &path)
    {
        call([&](iscdesk_error *e) { return iscdesk_check_in_w(client_, path.c_str(), e); });
    }
#endif
    void check_in_object(const std::string &object)
    {
        call([&](iscdesk_error *e) { return iscdesk_check_in_object(client_, object.c_str(), e); });
    }

    int64_t sign_in_page()
    {
        return start([&](int64_t *op, iscdesk_error *e) { return iscdesk_sign_in_page(client_, op, e); });
    }
    /* Whether somebody is signed in, and the one row that says who, or why not. */
    std::pair<bool, List> sign_in_status()
    {
        iscdesk_list number = nullptr;
        const int32_t n = call([&](iscdesk_error *e) { return iscdesk_sign_in_status(client_, &number, e); });
        return std::pair<bool, List>(n == 1, List(number));
    }
    void sign_out()
    {
        call([&](iscdesk_error *e) { return iscdesk_sign_out(client_, e); });
    }

    /* A JSON object that the events of requests begun from now on bring back;
     * empty ends it. */
    void set_come_back(const std::string &object)
    {
        call([&](iscdesk_error *e) { return iscdesk_set_come_back(client_, object.c_str(), e); });
    }
    void cancel(int64_t operation)
    {
        call([&](iscdesk_error *e) { return iscdesk_cancel(client_, operation, e); });
    }
    /* ISCDESK_OPERATION_..., and the last event of one that has ended, else none. */
    std::pair<int32_t, Event> operation_state(int64_t operation)
    {
        int32_t state = ISCDESK_OPERATION_UNKNOWN;
        iscdesk_event number = nullptr;
        call([&](iscdesk_error *e) { return iscdesk_operation_state(client_, operation, &state, &number, e); });
        return std::pair<int32_t, Event>(state, Event(number, true));
    }
    /* Readable while events wait; it stays the client's. */
    int32_t event_descriptor()
    {
        int32_t descriptor = -1;
        call([&](iscdesk_error *e) { return iscdesk_event_descriptor(client_, &descriptor, e); });
        return descriptor;
    }

    /* Windows: has message posted to window (an HWND) when events wait; then take
     * them with next(0) until none comes. */
    void wake_window(void *window, uint32_t message)
    {
        call([&](iscdesk_error *e) { return iscdesk_wake_window(client_, window, message, e); });
    }

    /* The client underneath, for a C interface that wants it. */
    iscdesk_client handle() const noexcept { return client_; }

private:
    /* Lies on the heap: its address stays while the client moves. */
    struct Push {
        std::function<void(const Event &)> fn;
        std::function<void(std::exception_ptr)> failed;
    };
    template <class Fn> struct Pull {
        Fn *fn;
        std::exception_ptr thrown;
    };

    static void ISCDESK_CALL pushed(void *user, iscdesk_event event) noexcept
    {
        Push *push = static_cast<Push *>(user);
        try {
            push->fn(Event(event, false));
        } catch (...) {
            try {
                if (push->failed)
                    push->failed(std::current_exception());
            } catch (...) {
            }
        }
    }
    template <class Fn> static void ISCDESK_CALL pulled(void *user, iscdesk_event event) noexcept
    {
        Pull<Fn> *pull = static_cast<Pull<Fn> *>(user);
        try {
            (*pull->fn)(Event(event, false));
        } catch (...) {
            pull->thrown = std::current_exception();
        }
    }

    /* Waits for a callback that runs, also for one that called shut_out; one that
     * does not return keeps its function: a small leak beats a crash. */
    void end() noexcept
    {
        if (client_ && iscdesk_shut_out(client_, nullptr) == ISCDESK_E_TIMEOUT)
            (void)push_.release();
        client_ = nullptr;
    }

    static iscdesk_options options_of(const char *product, const char *version)
    {
        iscdesk_options o = DefaultOptions();
        o.product = product;
        o.app_version = version;
        return o;
    }
    static iscdesk_error fresh()
    {
        iscdesk_error e;
        memset(&e, 0, sizeof e);
        e.size = static_cast<uint32_t>(sizeof e);
        return e;
    }
    static void check(int32_t code, const iscdesk_error &e)
    {
        if (code < 0)
            throw Error(e);
    }
    template <class Fn> static int32_t call(Fn fn)
    {
        iscdesk_error e = fresh();
        const int32_t rc = fn(&e);
        check(rc, e);
        return rc;
    }
    template <class Fn> static int64_t start(Fn fn)
    {
        int64_t operation = 0;
        call([&](iscdesk_error *e) { return fn(&operation, e); });
        return operation;
    }
    template <class Fn> static List rows(Fn fn)
    {
        iscdesk_list number = nullptr;
        call([&](iscdesk_error *e) { return fn(&number, e); });
        return List(number);
    }

    iscdesk_client client_ = nullptr;
    std::unique_ptr<Push> push_;
};

} // namespace Sdk

#endif /* C++11 */

#endif /* ISCDESK_HPP */
