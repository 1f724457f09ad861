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

    // True when it compiled; the log may hold text in both cases.
    bool compile(const Job& job, std::string& image, std::string& log);
}
