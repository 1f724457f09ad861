using Engine.Build;
using Engine.Devices.Cuda;
using Engine.Interop;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// The GPU that tests run on: a real one, or where <c>ENGINE_CUDA_PATH</c> is not set and it has been built, the
/// double in artifacts/simt, which is found by that variable alone.
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

    /// <summary>Lets the double be found, before anything looks for a driver.</summary>
    public static void Choose()
    {
        const string Variable = "ENGINE_CUDA_PATH";
        string folder = Path.Combine(Repository.Artifacts, "simt");
        if (Environment.GetEnvironmentVariable(Variable) is null && File.Exists(Path.Combine(folder, "libcuda.so.1")))
        {
            Environment.SetEnvironmentVariable(Variable, folder);
        }
    }
}
