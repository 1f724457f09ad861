// A loaded "cubin": a shared library that the double's nvrtc made, and what it says about its kernels; or PTX, which
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
    // As in the dialect's simt.h, which the modules are compiled with.
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
        // The shared variables that the kernel reaches, itself or by what it calls, and their sizes together.
        std::vector<Symbol> shared;
        size_t shared_bytes = 0;
        size_t dynamic_limit = 48 << 10;
        // Of a module that is PTX.
        ptx::LoadedKernel* ptx = nullptr;
    };

    struct Module
    {
        void* library = nullptr;
        int file = -1; // holds the library, for as long as it is loaded
        std::string elf;
        uintptr_t start = 0, size = 0;
        uintptr_t shared_start = 0, shared_size = 0;
        std::map<std::string, Symbol> symbols;
        std::map<std::string, Function> functions;
        std::shared_ptr<ptx::LoadedModule> ptx;

        ~Module();
    };

    // A driver's error code, and the module.
    int load_module(const void* image, Module*& module);

    // For reports: "k.cu:12" for an address of code.
    std::string describe_place(uintptr_t address);
    // The allocation or shared variable that holds an address or lies before it.
    std::string describe_address(uintptr_t address);
    std::string describe_other(uint32_t serial, uint32_t thread);
    // A static variable of a function is called _ZZ…E4name: the name alone.
    std::string readable_name(const std::string& symbol);

    // The module whose kernel runs.
    extern const Function* running;
}
