// libcuda: modules, functions and launches.
#include "../api.h"
#include "../../ptx/ptx.h"
#include "../handles.h"
#include "../execution/launch.h"
#include "../report.h"
#include "../settings.h"
#include "../stream.h"
#include <cstring>
#include <memory>

using namespace simt;

namespace
{
    enum FunctionAttribute
    {
        MaxThreadsPerBlock = 0,
        SharedSizeBytes = 1,
        ConstSizeBytes = 2,
        LocalSizeBytes = 3,
        RegisterCount = 4,
        MaxDynamicSharedSizeBytes = 8,
        PreferredSharedMemoryCarveout = 9,
    };

    Function* find_function(void* handle)
    {
        auto* function = static_cast<Function*>(handle);
        return functions().count(function) ? function : nullptr;
    }

    int launch(
        void* handle, Dim grid, Dim block, unsigned shared, void* stream_handle, void** parameters, bool cooperative)
    {
        Function* function = find_function(handle);
        Stream* stream = find_stream(stream_handle);
        if (!function || !stream) return InvalidHandle;
        auto work = std::make_shared<Launch>(Launch{function, grid, block, shared, cooperative, {}});
        if (int code = validate(*work)) return code;
        if (function->kernel->argument_count && !parameters) return InvalidValue;
        for (unsigned i = 0; i < function->kernel->argument_count; ++i)
        {
            if (!parameters[i]) return InvalidValue;
            unsigned bytes = function->kernel->argument_sizes[i];
            work->arguments.emplace_back((bytes + 15) / 16 * 2);
            std::memcpy(work->arguments.back().data(), parameters[i], bytes);
        }
        stream->add([=] { return functions().count(work->function) ? run(*work) : int(InvalidHandle); });
        return Success;
    }
}

SIMT_API int cuModuleLoadData(void** result, const void* image)
{
    SIMT_ENTER;
    if (!result || !image) return InvalidValue;
    Module* module = nullptr;
    if (int code = load_module(image, module)) return code;
    modules().insert(module);
    for (auto& [name, function] : module->functions) functions().insert(&function);
    *result = module;
    return Success;
}

SIMT_API int cuModuleLoadDataEx(void** result, const void* image, unsigned, int*, void**)
{
    return cuModuleLoadData(result, image);
}

SIMT_API int cuModuleUnload(void* handle)
{
    SIMT_ENTER;
    auto* module = static_cast<Module*>(handle);
    if (!modules().count(module)) return InvalidHandle;
    if (int code = drain_all()) return code;
    for (auto& [name, function] : module->functions) functions().erase(&function);
    modules().erase(module);
    delete module;
    return Success;
}

SIMT_API int cuModuleGetFunction(void** result, void* handle, const char* name)
{
    SIMT_ENTER;
    auto* module = static_cast<Module*>(handle);
    if (!modules().count(module)) return InvalidHandle;
    if (!result || !name) return InvalidValue;
    auto found = module->functions.find(name);
    if (found == module->functions.end()) return NotFound;
    if (int code = ptx::make_ready(found->second)) return code;
    *result = &found->second;
    return Success;
}

SIMT_API int cuModuleGetGlobal_v2(uintptr_t* address, size_t* bytes, void* handle, const char* name)
{
    SIMT_ENTER;
    auto* module = static_cast<Module*>(handle);
    if (!modules().count(module)) return InvalidHandle;
    auto found = name ? module->symbols.find(name) : module->symbols.end();
    if (found == module->symbols.end()) return NotFound;
    if (address) *address = found->second.address;
    if (bytes) *bytes = found->second.size;
    return Success;
}

SIMT_API int cuFuncGetAttribute(int* value, int attribute, void* handle)
{
    SIMT_ENTER;
    Function* function = find_function(handle);
    if (!function) return InvalidHandle;
    if (!value) return InvalidValue;
    switch (attribute)
    {
        case MaxThreadsPerBlock: *value = int(function->kernel->max_threads); break;
        case SharedSizeBytes: *value = int(function->shared_bytes); break;
        case RegisterCount: *value = 32; break;
        case MaxDynamicSharedSizeBytes: *value = int(function->dynamic_limit - function->shared_bytes); break;
        default: *value = 0; break;
    }
    return Success;
}

SIMT_API int cuFuncSetAttribute(void* handle, int attribute, int value)
{
    SIMT_ENTER;
    Function* function = find_function(handle);
    if (!function) return InvalidHandle;
    if (attribute == PreferredSharedMemoryCarveout) return Success;
    if (attribute != MaxDynamicSharedSizeBytes || value < 0) return InvalidValue;
    if (size_t(value) + function->shared_bytes > 227 << 10) return InvalidValue;
    function->dynamic_limit = size_t(value) + function->shared_bytes;
    return Success;
}

SIMT_API int cuFuncSetCacheConfig(void* handle, int)
{
    SIMT_ENTER;
    return find_function(handle) ? Success : InvalidHandle;
}

SIMT_API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void* handle, int threads, size_t shared)
{
    SIMT_ENTER;
    Function* function = find_function(handle);
    if (!function) return InvalidHandle;
    if (!blocks || threads < 1) return InvalidValue;
    *blocks = occupancy(*function, unsigned(threads), shared);
    return Success;
}

SIMT_API int cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
    unsigned bz, unsigned shared, void* stream, void** parameters, void** extra)
{
    SIMT_ENTER;
    if (extra) return InvalidValue;
    return launch(function, {gx, gy, gz}, {bx, by, bz}, shared, stream, parameters, false);
}

namespace
{
    struct Attribute
    {
        int id, padding;
        int value[16];
    };

    struct Configuration
    {
        unsigned grid[3], block[3], shared;
        void* stream;
        const Attribute* attributes;
        unsigned count;
    };

    enum
    {
        Ignored = 0,
        Cooperative = 2
    };
}

// The only supported attribute is cooperation; others, such as clusters, are refused.
SIMT_API int cuLaunchKernelEx(const Configuration* configuration, void* function, void** parameters, void** extra)
{
    SIMT_ENTER;
    if (!configuration || extra || (configuration->count && !configuration->attributes)) return InvalidValue;
    bool cooperative = false;
    for (unsigned i = 0; i < configuration->count; ++i)
    {
        const Attribute& attribute = configuration->attributes[i];
        if (attribute.id == Cooperative) cooperative = attribute.value[0] != 0;
        else if (attribute.id != Ignored) return InvalidValue;
    }
    const unsigned *g = configuration->grid, *b = configuration->block;
    return launch(function, {g[0], g[1], g[2]}, {b[0], b[1], b[2]}, configuration->shared, configuration->stream,
        parameters, cooperative);
}

SIMT_API int cuLaunchCooperativeKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
    unsigned bz, unsigned shared, void* stream, void** parameters)
{
    SIMT_ENTER;
    return launch(function, {gx, gy, gz}, {bx, by, bz}, shared, stream, parameters, true);
}
