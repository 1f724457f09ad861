// The second front end as the driver sees it: modules of PTX instead of shared libraries.
#pragma once
#include "../driver/module.h"
#include "program.h"
#include <memory>

namespace simt
{
    struct Launch;
}

namespace simt::ptx
{
    // A kernel of a module; its program is made on first use.
    struct LoadedKernel
    {
        std::string name;
        std::vector<unsigned> argument_sizes;
        simt::Kernel description;
        std::unique_ptr<Program> program;
    };

    struct LoadedModule
    {
        Module text;
        Symbols symbols;
        uintptr_t memory = 0; // of the module's variables
        std::map<std::string, LoadedKernel> kernels;

        ~LoadedModule();
    };

    bool is_ptx(const char* image);
    // Returns a driver's error code and reports errors.
    int load(const char* image, simt::Module& module);
    int make_ready(simt::Function& function);
    int run(const Launch& launch, uint32_t first_serial);
}
