// Finds in the compiler's assembly the shared variables of each kernel, and puts gaps between them.
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
        // By kernel, for the kernels that the text defines.
        std::map<std::string, std::vector<SharedVariable>> shared;
    };

    // Puts all shared variables in one section, with a gap after each, so that an access beyond its end is detected.
    Assembly arrange(const std::string& text, const std::vector<std::string>& kernels);
}
