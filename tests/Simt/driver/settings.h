// Settings: environment variables. A test may override one in the process (simt_set), because variables that .NET sets
// are not visible to C.
#pragma once
#include <string>

namespace simt
{
    std::string setting(const char* name, const char* otherwise = "");
    long long setting_number(const char* name, long long otherwise);
}
