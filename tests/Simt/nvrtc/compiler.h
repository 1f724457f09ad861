// Compiles a .cu with g++ into what the double's libcuda loads.
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

    // Of NVRTC, as the driver counts: 12.4, or 11.8 where the library is called libnvrtc.so.11.2.
    int version();

    // True when it compiled; the log may hold text in both cases.
    bool compile(const Job& job, std::string& image, std::string& log);
}
