// libcuda: initialization, devices, the primary context, names of errors.
#include "../api.h"
#include "../handles.h"
#include "../execution/launch.h"
#include "../memory.h"
#include "../report.h"
#include "../settings.h"
#include "../stream.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <vector>

using namespace simt;

namespace
{
    bool initialized;
    int retained;
    // The primary context of each device, identified by its address. They share memory and everything else.
    constexpr int MaxDevices = 16;
    char primaries[MaxDevices];
    thread_local std::vector<void*> contexts;

    int devices() { return int(std::min<long long>(setting_number("SIMT_DEVICES", 1), MaxDevices)); }

    bool is_context(const void* context) { return context >= primaries && context < primaries + MaxDevices; }

    void destroy_primary()
    {
        drop_handles();
        clear_failure();
    }

    struct Error
    {
        int code;
        const char *name, *text;
    };

    const Error errors[] = {
        {Success, "CUDA_SUCCESS", "no error"},
        {InvalidValue, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
        {OutOfMemory, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
        {NotInitialized, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
        {NoDevice, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
        {InvalidDevice, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
        {InvalidImage, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
        {InvalidContext, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
        {NoBinaryForGpu, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
        {UnsupportedPtxVersion, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION",
            "the provided PTX was compiled with an unsupported toolchain."},
        {InvalidHandle, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
        {NotFound, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
        {NotReady, "CUDA_ERROR_NOT_READY", "device not ready"},
        {IllegalAddress, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
        {LaunchOutOfResources, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
        {Assert, "CUDA_ERROR_ASSERT", "device-side assert triggered"},
        {MisalignedAddress, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
        {LaunchFailed, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
        {CooperativeLaunchTooLarge, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE", "too many blocks in cooperative launch"},
        {CaptureUnsupported, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED",
            "operation not permitted when stream is capturing"},
        {CaptureInvalidated, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
            "operation failed due to a previous error during capture"},
        {CaptureUnmatched, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED",
            "the operation does not match the state of the capture"},
        {CaptureUnjoined, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED",
            "the capture contains forked work that its first stream has not joined"},
        {CaptureIsolation, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION",
            "a dependency would cross the boundary of a capture"},
        {CaptureImplicit, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT",
            "operation would make the legacy stream depend on a capturing blocking stream"},
    };

    const Error* find_error(int code)
    {
        auto* found =
            std::find_if(std::begin(errors), std::end(errors), [=](const Error& e) { return e.code == code; });
        return found == std::end(errors) ? nullptr : found;
    }
}

Result simt::usable()
{
    if (!initialized) return NotInitialized;
    if (contexts.empty() || !contexts.back() || !retained) return InvalidContext;
    return sticky();
}

SIMT_API int cuInit(unsigned flags)
{
    std::lock_guard guard(api_lock());
    if (flags) return InvalidValue;
    if (devices() < 1) return NoDevice;
    // .NET loads libraries with local symbols, but the loaded modules call back into this one.
    Dl_info here;
    if (dladdr(reinterpret_cast<void*>(cuInit), &here)) dlopen(here.dli_fname, RTLD_NOLOAD | RTLD_NOW | RTLD_GLOBAL);
    initialized = true;
    return Success;
}

SIMT_API int cuDriverGetVersion(int* version)
{
    if (!version) return InvalidValue;
    *version = int(setting_number("SIMT_DRIVER_VERSION", 12040));
    return Success;
}

SIMT_API int cuDeviceGetCount(int* count)
{
    if (!initialized) return NotInitialized;
    if (!count) return InvalidValue;
    *count = devices();
    return Success;
}

SIMT_API int cuDeviceGet(int* device, int ordinal)
{
    if (!initialized) return NotInitialized;
    if (!device) return InvalidValue;
    if (ordinal < 0 || ordinal >= devices()) return InvalidDevice;
    *device = ordinal;
    return Success;
}

SIMT_API int cuDeviceGetName(char* name, int size, int device)
{
    if (!initialized) return NotInitialized;
    if (device < 0 || device >= devices()) return InvalidDevice;
    if (!name || size < 1) return InvalidValue;
    std::snprintf(name, size_t(size), "SIMT double");
    return Success;
}

SIMT_API int cuDeviceTotalMem_v2(size_t* bytes, int device)
{
    if (!initialized) return NotInitialized;
    if (device < 0 || device >= devices()) return InvalidDevice;
    *bytes = device_memory().limit();
    return Success;
}

SIMT_API int cuDeviceGetAttribute(int* value, int attribute, int device)
{
    if (!initialized) return NotInitialized;
    if (device < 0 || device >= devices()) return InvalidDevice;
    if (!value) return InvalidValue;
    int architecture = int(setting_number("SIMT_ARCH", 90));
    switch (attribute)
    {
        case 1:
        case 2:
        case 3: *value = attribute == 3 ? 64 : 1024; break; // MAX_THREADS_PER_BLOCK, MAX_BLOCK_DIM_…
        case 4: *value = 64; break;
        case 5: *value = 0x7fffffff; break; // MAX_GRID_DIM_…
        case 6:
        case 7: *value = 65535; break;
        case 8: *value = 48 << 10; break;           // MAX_SHARED_MEMORY_PER_BLOCK
        case 9: *value = 64 << 10; break;           // TOTAL_CONSTANT_MEMORY
        case 10: *value = 32; break;                // WARP_SIZE
        case 12: *value = 64 << 10; break;          // MAX_REGISTERS_PER_BLOCK
        case 13: *value = 1000000; break;           // CLOCK_RATE
        case 14: *value = 512; break;               // TEXTURE_ALIGNMENT
        case 16: *value = multiprocessors(); break; // MULTIPROCESSOR_COUNT
        case 31:
        case 41: *value = 1; break;                 // CONCURRENT_KERNELS, UNIFIED_ADDRESSING
        case 36: *value = 1000000; break;           // MEMORY_CLOCK_RATE
        case 37: *value = 256; break;               // GLOBAL_MEMORY_BUS_WIDTH
        case 38: *value = 4 << 20; break;           // L2_CACHE_SIZE
        case 39: *value = 2048; break;              // MAX_THREADS_PER_MULTIPROCESSOR
        case 40: *value = 1; break;                 // ASYNC_ENGINE_COUNT
        case 75: *value = architecture / 10; break; // COMPUTE_CAPABILITY_MAJOR
        case 76: *value = architecture % 10; break; // COMPUTE_CAPABILITY_MINOR
        case 81: *value = 228 << 10; break;         // MAX_SHARED_MEMORY_PER_MULTIPROCESSOR
        case 82: *value = 64 << 10; break;          // MAX_REGISTERS_PER_MULTIPROCESSOR
        case 95: *value = 1; break;                 // COOPERATIVE_LAUNCH
        case 97: *value = 227 << 10; break;         // MAX_SHARED_MEMORY_PER_BLOCK_OPTIN
        case 106: *value = 32; break;               // MAX_BLOCKS_PER_MULTIPROCESSOR
        case 111: *value = 1024; break;             // RESERVED_SHARED_MEMORY_PER_BLOCK
        case 115: *value = int(setting_number("SIMT_POOLS", 1)); break; // MEMORY_POOLS_SUPPORTED
        default: *value = 0; break;
    }
    return Success;
}

SIMT_API int cuDevicePrimaryCtxRetain(void** context, int device)
{
    std::lock_guard guard(api_lock());
    if (!initialized) return NotInitialized;
    if (device < 0 || device >= devices()) return InvalidDevice;
    if (!context) return InvalidValue;
    if (!retained && !device_memory().limit()) return OutOfMemory;
    ++retained;
    *context = &primaries[device];
    return Success;
}

SIMT_API int cuDevicePrimaryCtxRelease_v2(int device)
{
    std::lock_guard guard(api_lock());
    if (!initialized) return NotInitialized;
    if (device < 0 || device >= devices()) return InvalidDevice;
    if (!retained) return InvalidContext;
    if (--retained == 0) destroy_primary();
    return Success;
}

SIMT_API int cuDevicePrimaryCtxReset_v2(int device)
{
    std::lock_guard guard(api_lock());
    if (device < 0 || device >= devices()) return InvalidDevice;
    destroy_primary();
    return Success;
}

SIMT_API int cuDevicePrimaryCtxGetState(int device, unsigned* flags, int* active)
{
    if (device < 0 || device >= devices()) return InvalidDevice;
    *flags = 0;
    *active = retained > 0;
    return Success;
}

SIMT_API int cuCtxSetCurrent(void* context)
{
    if (!initialized) return NotInitialized;
    if (context && !is_context(context)) return InvalidContext;
    if (!contexts.empty()) contexts.pop_back();
    if (context) contexts.push_back(context);
    return Success;
}

SIMT_API int cuCtxGetCurrent(void** context)
{
    if (!initialized) return NotInitialized;
    *context = contexts.empty() ? nullptr : contexts.back();
    return Success;
}

SIMT_API int cuCtxPushCurrent_v2(void* context)
{
    if (!initialized) return NotInitialized;
    if (!is_context(context)) return InvalidContext;
    contexts.push_back(context);
    return Success;
}

SIMT_API int cuCtxPopCurrent_v2(void** context)
{
    if (!initialized) return NotInitialized;
    if (contexts.empty()) return InvalidContext;
    if (context) *context = contexts.back();
    contexts.pop_back();
    return Success;
}

SIMT_API int cuCtxGetDevice(int* device)
{
    if (!initialized) return NotInitialized;
    if (contexts.empty()) return InvalidContext;
    *device = int(static_cast<char*>(contexts.back()) - primaries);
    return Success;
}

SIMT_API int cuCtxSynchronize()
{
    SIMT_ENTER;
    if (int code = refuse_in_capture()) return code;
    return drain_all();
}

SIMT_API int cuGetErrorName(int code, const char** name)
{
    const Error* error = find_error(code);
    if (name) *name = error ? error->name : nullptr;
    return error && name ? Success : InvalidValue;
}

// While a kernel's failure is unresolved, its error text includes the report, so that it appears in ordinary messages.
SIMT_API int cuGetErrorString(int code, const char** text)
{
    std::lock_guard guard(api_lock());
    static thread_local std::string whole;
    const Error* error = find_error(code);
    if (!text || !error) return InvalidValue;
    whole = error->text;
    if (code && !last_report().empty()) whole += " (" + last_report() + ")";
    *text = whole.c_str();
    return Success;
}

// For tests: resets to the state of a new process, except that the primary context stays retained.
SIMT_API void simt_reset()
{
    std::lock_guard guard(api_lock());
    destroy_primary();
}

SIMT_API int simt_retained_contexts()
{
    std::lock_guard guard(api_lock());
    return retained;
}
