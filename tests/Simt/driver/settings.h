// Settings: environment variables, which a test may override in the process (simt_set), where .NET's own do not reach
// C.
#pragma once
#include <string>

namespace simt
{
    std::string setting(const char* name, const char* otherwise = "");
    long long setting_number(const char* name, long long otherwise);
}
