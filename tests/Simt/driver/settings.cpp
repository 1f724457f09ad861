#include "settings.h"
#include "api.h"
#include <cstdlib>
#include <map>
#include <mutex>

namespace simt
{
    namespace
    {
        std::mutex lock;

        std::map<std::string, std::string>& overrides()
        {
            static auto* all = new std::map<std::string, std::string>;
            return *all;
        }
    }

    std::string setting(const char* name, const char* otherwise)
    {
        std::lock_guard guard(lock);
        if (auto found = overrides().find(name); found != overrides().end()) return found->second;
        const char* value = std::getenv(name);
        return value && *value ? value : otherwise;
    }

    long long setting_number(const char* name, long long otherwise)
    {
        std::string value = setting(name);
        return value.empty() ? otherwise : std::strtoll(value.c_str(), nullptr, 0);
    }
}

using namespace simt;

// A null or empty value restores the environment's value.
SIMT_API void simt_set(const char* name, const char* value)
{
    std::lock_guard guard(lock);
    if (value && *value) overrides()[name] = value;
    else overrides().erase(name);
}
