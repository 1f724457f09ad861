#include "../driver/api.h"
#include "../driver/memory.h"
#include "../driver/report.h"
#include "../driver/settings.h"
#include "ptx.h"
#include <cstring>

namespace simt::ptx
{
    LoadedModule::~LoadedModule()
    {
        if (memory) device_memory().release(memory);
    }

    bool is_ptx(const char* image)
    {
        // NVRTC begins with a comment; the first word is .version.
        while (*image == '/' || *image == '\n')
        {
            const char* end = std::strchr(image, '\n');
            if (!end) return false;
            image = end + 1;
        }
        return std::strncmp(image, ".version", 8) == 0;
    }

    namespace
    {
        // Places a module's variables in device memory, where all accesses are checked. They begin as zeros.
        bool place_globals(LoadedModule& loaded, simt::Module& module)
        {
            uint64_t bytes = 0;
            for (Variable& variable : loaded.text.globals) bytes = place(variable, bytes);
            if (!bytes) return true;
            loaded.memory = device_memory().allocate_for_module(bytes);
            if (!loaded.memory) return false;
            mark_written(device_memory().region, loaded.memory, bytes);
            for (const Variable& variable : loaded.text.globals)
            {
                uintptr_t at = loaded.memory + variable.at;
                std::memcpy(reinterpret_cast<void*>(at), variable.init.data(), variable.bytes);
                loaded.symbols[variable.name] = at;
                module.symbols[variable.name] = {variable.name, at, variable.bytes};
            }
            return true;
        }
    }

    int load(const char* image, simt::Module& module)
    {
        auto loaded = std::make_shared<LoadedModule>();
        try
        {
            loaded->text = parse(image);
        }
        catch (const Error& error)
        {
            report(std::string("PTX that cannot be read: ") + error.what());
            return InvalidImage;
        }
        if (loaded->text.target > setting_number("SIMT_ARCH", 90)) return NoBinaryForGpu;
        if (!place_globals(*loaded, module)) return OutOfMemory;
        for (auto& [name, function] : loaded->text.functions)
        {
            if (!function.entry) continue;
            LoadedKernel& kernel = loaded->kernels[name];
            kernel.name = name;
            for (const Variable& param : function.params) kernel.argument_sizes.push_back(unsigned(param.bytes));
            kernel.description = {nullptr, unsigned(function.params.size()), kernel.argument_sizes.data(),
                function.max_threads};
            uint64_t shared = 0;
            for (Variable variable : function.shared) shared = place(variable, shared);
            module.functions[name] = {
                name, &module, &kernel.description, {}, (shared + 15) / 16 * 16, 48 << 10, &kernel};
        }
        module.ptx = std::move(loaded);
        return Success;
    }

    int make_ready(simt::Function& function)
    {
        if (!function.ptx || function.ptx->program) return Success;
        const LoadedModule& loaded = *function.module->ptx;
        try
        {
            function.ptx->program = prepare(loaded.text, loaded.text.functions.at(function.name), loaded.symbols);
            return Success;
        }
        catch (const Error& error)
        {
            report("kernel " + function.name + " cannot be run: " + error.what());
            return InvalidImage;
        }
    }
}
