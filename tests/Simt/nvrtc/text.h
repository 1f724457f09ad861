// Small changes to the text for g++ and to its messages.
#pragma once
#include <string>

namespace simt
{
    // Replaces #pragma unroll by g++'s own. Unrolling matters: arrays with only constant indices become registers,
    // whose accesses cost nothing.
    std::string with_unrolling(const std::string& text);

    // Turns g++'s "folder/k.cu:12:5: error: …" into NVRTC's "k.cu(12): error: …".
    std::string readable(const std::string& log, const std::string& folder);
}
