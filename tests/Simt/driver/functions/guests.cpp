// Functions for the doubles of other libraries: to put work into a stream, and to query the device's memory.
#include "../api.h"
#include "../memory.h"
#include "../report.h"
#include "../stream.h"
#include <memory>

using namespace simt;

// Puts work into a stream, which does it as many times as requested (a graph is launched repeatedly); `drop` is called
// when it is no longer needed. The work returns a driver's error code.
SIMT_API int simt_enqueue(void* handle, int (*work)(void*), void (*drop)(void*), void* data)
{
    std::shared_ptr<void> owned(data, drop);
    SIMT_ENTER;
    Stream* stream = find_stream(handle);
    if (!stream) return InvalidHandle;
    stream->add([=] { return work(owned.get()); });
    return Success;
}

SIMT_API int simt_is_device_memory(uintptr_t address, size_t bytes)
{
    std::lock_guard guard(api_lock());
    return device_memory().holds(address, bytes);
}

SIMT_API void simt_mark_written(uintptr_t address, size_t bytes)
{
    std::lock_guard guard(api_lock());
    mark_written(device_memory().region, address, bytes);
}

SIMT_API void simt_report(const char* text)
{
    std::lock_guard guard(api_lock());
    report(text);
}
