// Compiles a .cu with g++ to an image for the double's libcuda.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace simt
{
    struct Job
    {
        std::string source, name;
        std::vector<std::pair<std::string, std::string>> headers;
        std::vector<std::string> defines;
        int architecture = 75;
    };

    // The version of NVRTC, as the driver counts: 12.4, or 11.8 if the library's name is libnvrtc.so.11.2.
    int version();

    // True if it compiled; the log may contain text in both cases.
    bool compile(const Job& job, std::string& image, std::string& log);
}
