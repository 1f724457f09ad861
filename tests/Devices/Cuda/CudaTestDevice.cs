using System.Runtime.InteropServices;
using Engine.Devices.Cuda;
using Engine.Interop;
using Engine.Tests.Simt;

namespace Engine.Tests.Devices.Cuda;

/// <summary>
/// The GPU on which tests run. <c>ENGINE_TEST_CUDA</c> selects it: <c>double</c> is the double of tests/Simt, which is
/// built on first use and found only through <c>ENGINE_CUDA_PATH</c>; <c>ptx</c> is the same with NVIDIA's own NVRTC,
/// whose PTX it executes; <c>gpu</c> is the real driver, without which the tests are inconclusive; <c>none</c> is no
/// GPU. If the variable is not set, the double is used where no driver is installed.
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

    /// <summary>Whether the double replaces the driver.</summary>
    public static bool IsDouble => NativeLibraries.Driver.Exports("simt_set");

    /// <summary>Returns the device; without one the test is left out.</summary>
    /// <param name="synchronous">
    /// Whether the device waits for each launch, so that an error names the kernel. If not, runs are recorded and
    /// replayed as graphs, as in training.
    /// </param>
    public static CudaDevice Open(bool synchronous = true)
    {
        if ((Driver.Failure ?? Nvrtc.Failure) is { } missing)
        {
            Action<string> leave = Wanted == "gpu" ? Assert.Inconclusive : Assert.Ignore;
            leave(Wanted is "double" or "ptx" && SimtDouble.WhyNot is { } reason ? $"Left out: {reason}." : missing.Message);
        }

        return (synchronous ? s_synchronous : s_asynchronous).Value;
    }

    /// <summary>To save time on a GPU, compiles the kernels of the ops' examples with all cores beforehand.</summary>
    private static CudaDevice OpenSynchronous()
    {
        var device = new CudaDevice(Options);
        if (Wanted == "gpu")
        {
            device.Precompile(KernelVariants.Examples.Select(variant => variant.Function));
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

    /// <summary>Sets the path to the double if it is selected, before the engine looks for a driver.</summary>
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
