// The failure of a kernel: the driver's error code and a report that names the fault, the place and the thread.
#pragma once
#include "api.h"
#include <cstdint>
#include <string>

namespace simt
{
    // Keeps the text for simt_last_report and appends it to the file that SIMT_REPORT names.
    void report(const std::string& text);
    std::string last_report();

    // A failed kernel leaves the context unusable; this is its code until the context is reset.
    Result sticky();
    void make_sticky(Result code);
    void clear_failure();

    std::string format(const char* pattern, ...) __attribute__((format(printf, 1, 2)));
}
