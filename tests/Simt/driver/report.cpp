#include "report.h"
#include "settings.h"
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace simt
{
    namespace
    {
        Result failed = Success;

        std::string& latest()
        {
            static auto* text = new std::string;
            return *text;
        }
    }

    std::recursive_mutex& api_lock()
    {
        static auto* lock = new std::recursive_mutex;
        return *lock;
    }

    void report(const std::string& text)
    {
        latest() = text;
        std::string file = setting("SIMT_REPORT");
        if (file.empty()) return;
        if (FILE* out = std::fopen(file.c_str(), "a"))
        {
            std::fprintf(out, "simt: %s\n", text.c_str());
            std::fclose(out);
        }
    }

    std::string last_report() { return latest(); }

    Result sticky() { return failed; }

    void make_sticky(Result code)
    {
        if (!failed) failed = code;
    }

    void clear_failure()
    {
        failed = Success;
        latest().clear();
    }

    std::string format(const char* pattern, ...)
    {
        char text[1024];
        va_list arguments;
        va_start(arguments, pattern);
        std::vsnprintf(text, sizeof text, pattern, arguments);
        va_end(arguments);
        return text;
    }
}

// Copies the latest report, cut to fit, and returns its full length; empty if nothing failed since the last reset.
SIMT_API int simt_last_report(char* text, int size)
{
    std::lock_guard guard(simt::api_lock());
    std::string all = simt::last_report();
    if (text && size > 0) std::snprintf(text, static_cast<size_t>(size), "%s", all.c_str());
    return static_cast<int>(all.size());
}
