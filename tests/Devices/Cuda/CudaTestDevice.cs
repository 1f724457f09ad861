using System.Runtime.InteropServices;
using Engine.Devices.Cuda;
using Engine.Interop;
using Engine.Tests.Simt;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// The GPU of the tests. <c>ENGINE_TEST_CUDA</c> selects it. <c>double</c> is that of tests/Simt, which is built at
/// first use and found only through <c>ENGINE_CUDA_PATH</c>. <c>ptx</c> is the same with NVIDIA's own NVRTC, whose PTX
/// it executes. <c>gpu</c> is the driver's; the tests are inconclusive without one. <c>none</c> is no GPU. By default,
/// the double replaces a driver that is not installed.
/// </summary>
internal static class CudaTestDevice
{
    private const string Folders = "ENGINE_CUDA_PATH";

    private static readonly Lazy<TempFolder> s_cache = new(() => new TempFolder());

    private static readonly Lazy<CudaDevice> s_synchronous = new(OpenSynchronous),
        s_asynchronous = new(() => new CudaDevice(Options with { Synchronous = false }));

    private static string? Wanted =>
        Environment.GetEnvironmentVariable("ENGINE_TEST_CUDA") is { Length: > 0 } wanted ? wanted : null;

    public static CudaOptions Options => new() { CacheFolder = s_cache.Value.Path, Synchronous = true };

    /// <summary>Whether the driver is the double.</summary>
    public static bool IsDouble => NativeLibraries.Driver.Exports("simt_set");

    /// <summary>Opens the device; the test is skipped if there is none.</summary>
    /// <param name="synchronous">
    /// Whether to wait for each launch, so that a fault is reported with its kernel; if not, runs are recorded and
    /// replayed as graphs, as in training.
    /// </param>
    public static CudaDevice Open(bool synchronous = true)
    {
        if ((Driver.Failure ?? Nvrtc.Failure) is { } missing)
        {
            Action<string> leave = Wanted == "gpu" ? Assert.Inconclusive : Assert.Ignore;
            leave(Wanted is "double" or "ptx" && SimtDouble.WhyNot is { } reason
                ? $"Left out: {reason}."
                : missing.Message);
        }

        return (synchronous ? s_synchronous : s_asynchronous).Value;
    }

    /// <summary>Time on a GPU is short: all cores compile the launches of the op tables in advance.</summary>
    private static CudaDevice OpenSynchronous()
    {
        var device = new CudaDevice(Options);
        if (Wanted == "gpu")
        {
            var images = new KernelImages(device.Architecture, Options, new CubinCache(s_cache.Value.Path));
            KernelImages.ForEachOnAllCores(
                KernelVariants.Examples.Select(variant => variant.Function),
                (source, file) => images.Of(source, file));
        }

        return device;
    }

    public static void Close()
    {
        foreach (Lazy<CudaDevice> device in (Lazy<CudaDevice>[])[s_synchronous, s_asynchronous])
        {
            if (device.IsValueCreated)
            {
                device.Value.Dispose();
            }
        }

        if (s_cache.IsValueCreated)
        {
            s_cache.Value.Dispose();
        }
    }

    /// <summary>Makes the double findable if it is wanted, before anything searches for a driver.</summary>
    public static void Choose()
    {
        bool isWanted = Wanted switch
        {
            null => Environment.GetEnvironmentVariable(Folders) is null
                && !NativeLibrary.TryLoad("libcuda.so.1", out _),
            "double" or "ptx" => true,
            "gpu" or "none" => false,
            _ => throw new ArgumentException($"ENGINE_TEST_CUDA is double, ptx, gpu or none, not {Wanted}."),
        };
        if (isWanted && SimtDouble.WhyNot is null)
        {
            Environment.SetEnvironmentVariable(
                Folders, Wanted == "ptx" ? SimtDouble.PtxFolders : SimtDouble.Folder);
        }
    }
}
