// Turns preprocessed CUDA C into C++: the words that the dialect's header leaves behind (__simt_global__ and so on)
// need more than macros.
#pragma once
#include <string>
#include <vector>

namespace simt
{
    struct KernelText
    {
        std::string name;
        // What stood in __launch_bounds__, maybe nothing.
        std::string bounds;
    };

    struct Source
    {
        std::string text;
        std::vector<KernelText> kernels;
    };

    Source translate(const std::string& preprocessed);
}
