// The common parts of all exported functions: the export itself, the driver's error codes, and one lock.
#pragma once
#include <mutex>

#define SIMT_API extern "C" __attribute__((visibility("default")))

namespace simt
{
    enum Result
    {
        Success = 0,
        InvalidValue = 1,
        OutOfMemory = 2,
        NotInitialized = 3,
        NoDevice = 100,
        InvalidDevice = 101,
        InvalidImage = 200,
        InvalidContext = 201,
        NoBinaryForGpu = 209,
        UnsupportedPtxVersion = 222,
        InvalidHandle = 400,
        NotFound = 500,
        NotReady = 600,
        IllegalAddress = 700,
        LaunchOutOfResources = 701,
        Assert = 710,
        MisalignedAddress = 716,
        LaunchFailed = 719,
        CooperativeLaunchTooLarge = 720,
        CaptureUnsupported = 900,
        CaptureInvalidated = 901,
        CaptureUnmatched = 903,
        CaptureUnjoined = 904,
        CaptureIsolation = 905,
        CaptureImplicit = 906,
    };

    std::recursive_mutex& api_lock();

    // Success, unless the driver is not initialized, no context is current, or a kernel failed before (then all calls
    // fail).
    Result usable();
}

// Begins every function that needs a context.
#define SIMT_ENTER                                                                                                     \
    std::lock_guard simt_guard(simt::api_lock());                                                                      \
    if (simt::Result simt_result = simt::usable()) return simt_result
