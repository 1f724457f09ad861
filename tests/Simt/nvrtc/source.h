// Turns preprocessed CUDA C into C++: it replaces the words of the dialect's header (__simt_global__ and so on) that
// need more than macros.
#pragma once
#include <string>
#include <vector>

namespace simt
{
    struct KernelText
    {
        std::string name;
        // The text in __launch_bounds__; empty without it.
        std::string bounds;
    };

    struct Source
    {
        std::string text;
        std::vector<KernelText> kernels;
    };

    Source translate(const std::string& preprocessed);
}
