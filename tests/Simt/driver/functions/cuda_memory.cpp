// libcuda: memory and copies.
#include "../api.h"
#include "../handles.h"
#include "../memory.h"
#include "../report.h"
#include "../stream.h"
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

using namespace simt;

namespace
{
    using Address = uintptr_t;

    // Returns whether bytes are device memory or a variable of a module.
    bool on_device(Address address, size_t bytes)
    {
        if (device_memory().holds(address, bytes)) return true;
        for (Module* module : modules())
            for (auto& [name, symbol] : module->symbols)
                if (address >= symbol.address && address - symbol.address + bytes <= symbol.size) return true;
        return false;
    }

    int refuse(const char* what, Address address, size_t bytes)
    {
        report(format("%s of %zu bytes at 0x%lx passes the bounds of the device's memory", what, bytes,
            static_cast<unsigned long>(address)));
        return InvalidValue;
    }

    bool is_pinned(const void* address, size_t bytes)
    {
        auto at = reinterpret_cast<uintptr_t>(address);
        auto above = pinned().upper_bound(at);
        if (above == pinned().begin()) return false;
        auto& [start, size] = *std::prev(above);
        return at - start + bytes <= size;
    }

    void written(Address address, size_t bytes)
    {
        Region& region = device_memory().region;
        if (region.holds(address)) mark_written(region, address, bytes);
    }

    int upload(Address to, const void* from, size_t bytes)
    {
        std::memcpy(reinterpret_cast<void*>(to), from, bytes);
        written(to, bytes);
        return Success;
    }

    int download(void* to, Address from, size_t bytes)
    {
        std::memcpy(to, reinterpret_cast<void*>(from), bytes);
        return Success;
    }

    // Undefined bytes stay undefined in the copy.
    int move(Address to, Address from, size_t bytes)
    {
        std::memmove(reinterpret_cast<void*>(to), reinterpret_cast<void*>(from), bytes);
        Region& region = device_memory().region;
        if (!region.holds(to)) return Success;
        if (!region.holds(from)) return written(to, bytes), Success;
        std::string defined(bytes, '\0');
        for (size_t i = 0; i < bytes; ++i)
        {
            size_t at = from - region.start + i;
            defined[i] = char(region.state[at / 4] >> (at % 4) & 1);
        }
        for (size_t i = 0; i < bytes;)
        {
            size_t end = i + 1;
            while (end < bytes && defined[end] == defined[i]) ++end;
            mark_written(region, to + i, end - i, defined[i]);
            i = end;
        }
        return Success;
    }

    template <class T> int fill(Address to, T value, size_t count)
    {
        for (size_t i = 0; i < count; ++i) reinterpret_cast<T*>(to)[i] = value;
        written(to, count * sizeof(T));
        return Success;
    }

    int wait_for_copy()
    {
        if (int code = refuse_in_capture()) return code;
        return drain_default();
    }

    template <class T> int fill_now(Address to, T value, size_t count)
    {
        if (!on_device(to, count * sizeof(T))) return refuse("a fill", to, count * sizeof(T));
        if (int code = wait_for_copy()) return code;
        return fill(to, value, count);
    }

    template <class T> int fill_later(Address to, T value, size_t count, void* handle)
    {
        Stream* stream = find_stream(handle);
        if (!stream) return InvalidHandle;
        if (!on_device(to, count * sizeof(T))) return refuse("a fill", to, count * sizeof(T));
        stream->add([=] { return fill(to, value, count); });
        return Success;
    }
}

SIMT_API int cuMemGetInfo_v2(size_t* free, size_t* total)
{
    SIMT_ENTER;
    size_t limit = device_memory().limit(), used = device_memory().used();
    *total = limit;
    *free = limit > used ? limit - used : 0;
    return Success;
}

SIMT_API int cuMemAlloc_v2(Address* address, size_t bytes)
{
    SIMT_ENTER;
    if (!address || !bytes) return InvalidValue;
    if (int code = refuse_in_capture()) return code;
    *address = device_memory().allocate(bytes);
    return *address ? Success : OutOfMemory;
}

SIMT_API int cuMemFree_v2(Address address)
{
    SIMT_ENTER;
    if (!address) return Success;
    if (int code = refuse_in_capture()) return code;
    // The real driver also waits before it frees.
    if (int code = drain_all()) return code;
    return device_memory().release(address) ? Success : InvalidValue;
}

SIMT_API int cuMemAllocHost_v2(void** address, size_t bytes)
{
    SIMT_ENTER;
    if (!address || !bytes) return InvalidValue;
    if (int code = refuse_in_capture()) return code;
    *address = std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
    if (!*address) return OutOfMemory;
    std::memset(*address, 0xff, bytes);
    pinned()[reinterpret_cast<uintptr_t>(*address)] = bytes;
    return Success;
}

SIMT_API int cuMemHostAlloc(void** address, size_t bytes, unsigned) { return cuMemAllocHost_v2(address, bytes); }

SIMT_API int cuMemFreeHost(void* address)
{
    SIMT_ENTER;
    if (int code = drain_all()) return code;
    if (!pinned().erase(reinterpret_cast<uintptr_t>(address))) return InvalidValue;
    std::free(address);
    return Success;
}

SIMT_API int cuMemcpyHtoD_v2(Address to, const void* from, size_t bytes)
{
    SIMT_ENTER;
    if (!on_device(to, bytes)) return refuse("a copy", to, bytes);
    if (int code = wait_for_copy()) return code;
    return upload(to, from, bytes);
}

SIMT_API int cuMemcpyDtoH_v2(void* to, Address from, size_t bytes)
{
    SIMT_ENTER;
    if (!on_device(from, bytes)) return refuse("a copy", from, bytes);
    if (int code = wait_for_copy()) return code;
    return download(to, from, bytes);
}

SIMT_API int cuMemcpyDtoD_v2(Address to, Address from, size_t bytes)
{
    SIMT_ENTER;
    if (!on_device(to, bytes)) return refuse("a copy", to, bytes);
    if (!on_device(from, bytes)) return refuse("a copy", from, bytes);
    if (int code = wait_for_copy()) return code;
    return move(to, from, bytes);
}

SIMT_API int cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* handle)
{
    SIMT_ENTER;
    Stream* stream = find_stream(handle);
    if (!stream) return InvalidHandle;
    if (!on_device(to, bytes)) return refuse("a copy", to, bytes);
    // The driver copies pageable memory before it returns; it reads page-locked memory when the stream gets there.
    if (is_pinned(from, bytes) || stream->capturing) stream->add([=] { return upload(to, from, bytes); });
    else
    {
        auto* start = static_cast<const char*>(from);
        auto staged = std::make_shared<std::string>(start, start + bytes);
        stream->add([=] { return upload(to, staged->data(), bytes); });
    }
    return Success;
}

SIMT_API int cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* handle)
{
    SIMT_ENTER;
    Stream* stream = find_stream(handle);
    if (!stream) return InvalidHandle;
    if (!on_device(from, bytes)) return refuse("a copy", from, bytes);
    stream->add([=] { return download(to, from, bytes); });
    // For pageable memory, the driver returns only when all bytes are there.
    return is_pinned(to, bytes) || stream->capturing ? Success : stream->drain();
}

SIMT_API int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void* handle)
{
    SIMT_ENTER;
    Stream* stream = find_stream(handle);
    if (!stream) return InvalidHandle;
    if (!on_device(to, bytes)) return refuse("a copy", to, bytes);
    if (!on_device(from, bytes)) return refuse("a copy", from, bytes);
    stream->add([=] { return move(to, from, bytes); });
    return Success;
}

SIMT_API int cuMemsetD8_v2(Address to, unsigned char value, size_t count)
{
    SIMT_ENTER;
    return fill_now(to, value, count);
}

SIMT_API int cuMemsetD32_v2(Address to, unsigned value, size_t count)
{
    SIMT_ENTER;
    return fill_now(to, value, count);
}

SIMT_API int cuMemsetD8Async(Address to, unsigned char value, size_t count, void* stream)
{
    SIMT_ENTER;
    return fill_later(to, value, count, stream);
}

SIMT_API int cuMemsetD32Async(Address to, unsigned value, size_t count, void* stream)
{
    SIMT_ENTER;
    return fill_later(to, value, count, stream);
}
