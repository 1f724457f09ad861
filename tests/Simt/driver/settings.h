// Settings: environment variables. A test overrides them in the process with simt_set, because C does not see .NET's
// changes of the environment.
#pragma once
#include <string>

namespace simt
{
    std::string setting(const char* name, const char* otherwise = "");
    long long setting_number(const char* name, long long otherwise);
}
