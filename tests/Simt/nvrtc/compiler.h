// Compiles a .cu with g++ into a library that the double's libcuda loads.
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

    // NVRTC's version as the driver counts it: 12.4, or 11.8 if the library is called libnvrtc.so.11.2.
    int version();

    // Returns whether it compiled; the log may hold text in both cases.
    bool compile(const Job& job, std::string& image, std::string& log);
}
