// A loaded "cubin": a shared library made by the double's nvrtc, with a description of its kernels; or PTX, which
// ../ptx runs.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace simt::ptx
{
    struct LoadedKernel;
    struct LoadedModule;
}

namespace simt
{
    // The same as in the dialect's simt.h, with which the modules are compiled.
    struct Kernel
    {
        void (*run)(void** arguments);
        unsigned argument_count;
        const unsigned* argument_sizes;
        unsigned max_threads;
    };

    struct Symbol
    {
        std::string name;
        uintptr_t address;
        size_t size;
    };

    struct Module;

    struct Function
    {
        std::string name;
        Module* module;
        const Kernel* kernel;
        // The shared variables that the kernel uses, directly or in functions that it calls, and their total size.
        std::vector<Symbol> shared;
        size_t shared_bytes = 0;
        size_t dynamic_limit = 48 << 10;
        // For a module of PTX.
        ptx::LoadedKernel* ptx = nullptr;
    };

    struct Module
    {
        void* library = nullptr;
        int file = -1; // keeps the library while it is loaded
        std::string elf;
        uintptr_t start = 0, size = 0;
        uintptr_t shared_start = 0, shared_size = 0;
        std::map<std::string, Symbol> symbols;
        std::map<std::string, Function> functions;
        std::shared_ptr<ptx::LoadedModule> ptx;

        ~Module();
    };

    // Returns a driver's error code and sets the module.
    int load_module(const void* image, Module*& module);

    // For reports: "k.cu:12" for an address of code.
    std::string describe_place(uintptr_t address);
    // Names the allocation or shared variable that holds an address or precedes it.
    std::string describe_address(uintptr_t address);
    std::string describe_other(uint32_t serial, uint32_t thread);
    // Returns the plain name of a function's static variable, whose symbol is _ZZ…E4name.
    std::string readable_name(const std::string& symbol);

    // The kernel that runs.
    extern const Function* running;
}
