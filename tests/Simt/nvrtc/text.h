// Small changes of texts: the input and the messages of g++.
#pragma once
#include <string>

namespace simt
{
    // #pragma unroll in g++'s syntax. Unrolling matters: arrays with only known indices become registers, and their
    // accesses cost nothing.
    std::string with_unrolling(const std::string& text);

    // g++ writes "folder/k.cu:12:5: error: …", NVRTC "k.cu(12): error: …".
    std::string readable(const std::string& log, const std::string& folder);
}
