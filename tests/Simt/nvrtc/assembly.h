// Reads and changes the compiler's assembly: which shared variables each kernel reaches, and room between them.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace simt
{
    struct SharedVariable
    {
        std::string symbol;
        size_t bytes;
    };

    struct Assembly
    {
        std::string text;
        // By kernel, for those that are there.
        std::map<std::string, std::vector<SharedVariable>> shared;
    };

    // Puts all shared variables in one section, a gap after each so that running over its end is seen.
    Assembly arrange(const std::string& text, const std::vector<std::string>& kernels);
}
