// Stands for a profiler's library, which NVTX_INJECTION64_PATH names: it writes each range of the program, indented by
// its depth, into the file that SIMT_NVTX names.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>

namespace
{
    using Function = void (*)();

    enum
    {
        CallbacksTable = 1,
        CoreModule = 1,
        Modules = 6,
        RangePushA = 9,
        RangePop = 11,
    };

    struct Callbacks
    {
        size_t bytes;
        int (*module_table)(int module, Function*** table, unsigned* size);
    };

    std::mutex lock;
    std::FILE* file;
    thread_local int depth;

    int push(const char* name)
    {
        std::lock_guard guard(lock);
        std::fprintf(file, "%*s%s\n", 2 * depth, "", name);
        std::fflush(file);
        return depth++;
    }

    int pop()
    {
        std::lock_guard guard(lock);
        if (!depth) std::fprintf(file, "a range ends that has not begun\n");
        return --depth;
    }
}

extern "C" __attribute__((visibility("default"))) int InitializeInjectionNvtx2(const void* (*export_table)(uint32_t))
{
    const char* path = std::getenv("SIMT_NVTX");
    auto* callbacks = static_cast<const Callbacks*>(export_table(CallbacksTable));
    if (!path || !callbacks || callbacks->bytes < sizeof(Callbacks)) return 0;
    // Like the real ones, it requests every module and assumes that the last slot of each exists.
    const unsigned sizes[] = {0, 16, 9, 15, 7, 16, 7};
    for (int module = 1; module <= Modules; ++module)
    {
        Function** table;
        unsigned size;
        if (!callbacks->module_table(module, &table, &size) || size != sizes[module]) return 0;
        if (table[0] || table[size]) return 0;
        for (unsigned i = 1; i < size; ++i)
            if (!table[i]) return 0;
        if (module != CoreModule) continue;
        *table[RangePushA] = reinterpret_cast<Function>(push);
        *table[RangePop] = reinterpret_cast<Function>(pop);
    }
    file = std::fopen(path, "w");
    return file != nullptr;
}
