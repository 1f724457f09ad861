using System.Runtime.InteropServices;
using Engine.Devices.Cuda;
using Engine.Interop;
using Engine.Tests.Simt;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// The GPU that tests run on: the one of the driver that is installed or that <c>ENGINE_CUDA_PATH</c> names; where there is
/// none, the double of tests/Simt, which is built on first use and found by that variable alone.
/// </summary>
internal static class CudaTestDevice
{
    private static readonly Lazy<TempFolder> s_cache = new(() => new TempFolder());

    private static readonly Lazy<CudaDevice> s_device = new(() => new CudaDevice(Options));

    public static CudaOptions Options => new() { CacheFolder = s_cache.Value.Path, Synchronous = true };

    /// <summary>Whether what stands for the driver is our double.</summary>
    public static bool IsDouble => NativeLibraries.Driver.Exports("simt_set");

    /// <summary>The device; where there is none the test is left out.</summary>
    public static CudaDevice Open()
    {
        if ((Driver.Failure ?? Nvrtc.Failure) is { } missing)
        {
            Assert.Ignore(missing.Message);
        }

        return s_device.Value;
    }

    public static void Close()
    {
        if (s_device.IsValueCreated)
        {
            s_device.Value.Dispose();
        }

        if (s_cache.IsValueCreated)
        {
            s_cache.Value.Dispose();
        }
    }

    /// <summary>Lets the double be found where there is no driver, before anything looks for one.</summary>
    public static void Choose()
    {
        const string Variable = "ENGINE_CUDA_PATH";
        bool isChosen = Environment.GetEnvironmentVariable(Variable) is not null;
        if (!isChosen && !NativeLibrary.TryLoad("libcuda.so.1", out _) && SimtDouble.WhyNot is null)
        {
            Environment.SetEnvironmentVariable(Variable, SimtDouble.Folder);
        }
    }
}
