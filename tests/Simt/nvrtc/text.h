// Small changes to texts: what goes to g++, and what it says.
#pragma once
#include <string>

namespace simt
{
    // #pragma unroll as g++ writes it. Unrolling matters: arrays that only known indices touch become registers, and
    // their accesses cost nothing.
    std::string with_unrolling(const std::string& text);

    // g++ says "folder/k.cu:12:5: error: …", NVRTC "k.cu(12): error: …".
    std::string readable(const std::string& log, const std::string& folder);
}
