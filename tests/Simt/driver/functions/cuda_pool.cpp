// libcuda: memory that is allocated and freed in the order of a stream.
#include "../api.h"
#include "../handles.h"
#include "../memory.h"
#include "../pool.h"
#include "../report.h"
#include "../stream.h"

using namespace simt;

namespace
{
    struct Properties
    {
        int allocation_type, handle_types, location_type, device;
        void* security;
        unsigned char rest[64];
    };

    enum
    {
        Pinned = 1,
        OnDevice = 1,
        ReleaseThreshold = 4
    };

    Pool* find_pool(void* handle)
    {
        auto* pool = static_cast<Pool*>(handle);
        return pools().count(pool) ? pool : nullptr;
    }
}

std::set<Pool*>& simt::pools()
{
    static auto* all = new std::set<Pool*>;
    return *all;
}

SIMT_API int cuMemPoolCreate(void** result, const Properties* properties)
{
    SIMT_ENTER;
    bool good = result && properties && properties->allocation_type == Pinned && !properties->handle_types &&
                properties->location_type == OnDevice && properties->device >= 0 && !properties->security;
    for (unsigned char byte : properties->rest) good = good && !byte;
    if (!good) return InvalidValue;
    auto* pool = new Pool;
    pools().insert(pool);
    *result = pool;
    return Success;
}

SIMT_API int cuMemPoolDestroy(void* handle)
{
    SIMT_ENTER;
    Pool* pool = find_pool(handle);
    if (!pool) return InvalidHandle;
    // Its allocations remain.
    pools().erase(pool);
    delete pool;
    return Success;
}

SIMT_API int cuMemPoolSetAttribute(void* handle, int attribute, void* value)
{
    SIMT_ENTER;
    return !find_pool(handle) ? InvalidHandle : attribute == ReleaseThreshold && value ? Success : InvalidValue;
}

SIMT_API int cuMemPoolTrimTo(void* handle, size_t)
{
    SIMT_ENTER;
    return find_pool(handle) ? Success : InvalidHandle;
}

// The address is known immediately; the memory exists when the stream gets there.
SIMT_API int cuMemAllocFromPoolAsync(uintptr_t* address, size_t bytes, void* handle, void* stream_handle)
{
    SIMT_ENTER;
    Stream* stream = find_stream(stream_handle);
    if (!find_pool(handle) || !stream) return InvalidHandle;
    if (!address || !bytes) return InvalidValue;
    if (stream->capturing)
    {
        stream->capture_broken = true;
        report("memory was allocated in a stream that was being captured");
        return CaptureUnsupported;
    }
    uintptr_t at = device_memory().allocate(bytes);
    if (!at) return OutOfMemory;
    device_memory().hide(at);
    stream->add([=] { return device_memory().show(at), int(Success); });
    *address = at;
    return Success;
}

SIMT_API int cuMemFreeAsync(uintptr_t address, void* stream_handle)
{
    SIMT_ENTER;
    Stream* stream = find_stream(stream_handle);
    if (!stream) return InvalidHandle;
    if (!address) return Success;
    if (stream->capturing)
    {
        stream->capture_broken = true;
        report("memory was freed in a stream that was being captured");
        return CaptureUnsupported;
    }
    if (!device_memory().promise(address)) return InvalidValue;
    // A test that rewinds may already have freed it.
    stream->add([=] {
        if (device_memory().is_promised(address)) device_memory().release(address);
        return int(Success);
    });
    return Success;
}
