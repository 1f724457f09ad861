// Turns preprocessed CUDA C into C++: the words that the dialect's header leaves (__simt_global__ and similar) need
// more than macros.
#pragma once
#include <string>
#include <vector>

namespace simt
{
    struct KernelText
    {
        std::string name;
        // The contents of __launch_bounds__, which may be empty.
        std::string bounds;
    };

    struct Source
    {
        std::string text;
        std::vector<KernelText> kernels;
    };

    Source translate(const std::string& preprocessed);
}
