using System.Reflection;
using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// Finds the CUDA driver, NVRTC, cuBLAS, NCCL and MPI, each once, at the first call. <c>ENGINE_CUDA_PATH</c> (folders;
/// for MPI <c>ENGINE_MPI_PATH</c>) is searched first, then the system's own places, then the folders of toolkits and
/// Python wheels.
/// </summary>
internal static class NativeLibraries
{
    /// <summary>
    /// The names from which <see cref="DriverApi"/>, <see cref="CuBlasApi"/>, <see cref="NcclApi"/> and
    /// <see cref="MpiApi"/> import.
    /// </summary>
    public const string DriverImport = "engine-cuda-driver", CuBlasImport = "engine-cublas", NcclImport = "engine-nccl",
        MpiImport = "engine-mpi";

    private static readonly Lazy<NativeLibrarySearch> s_driver = new(() => NativeLibrarySearch.Run(
        OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1"],
        CudaFolders.Explicit,
        [.. OperatingSystem.IsWindows() ? [] : CudaFolders.WslDriver]));

    /// <summary>NVRTC's names, the newest first, each with its major version of CUDA.</summary>
    private static readonly (string Name, int Major)[] s_nvrtcNames = OperatingSystem.IsWindows()
        ? [("nvrtc64_130_0.dll", 13), ("nvrtc64_120_0.dll", 12), ("nvrtc64_112_0.dll", 11)]
        : [("libnvrtc.so.13", 13), ("libnvrtc.so.12", 12), ("libnvrtc.so.11.2", 11), ("libnvrtc.so", 0)];

    private static readonly Lazy<NativeLibrarySearch> s_nvrtc = new(() =>
    {
        NativeLibrarySearch found = FindNvrtc();
        LoadBuiltins(found.Path);
        return found;
    });

    private static readonly Lazy<NativeLibrarySearch[]> s_otherNvrtcs = new(() => [.. FindOtherNvrtcs()]);

    private static readonly Lazy<NativeLibrarySearch> s_cuBlas = new(() => NativeLibrarySearch.Run(
        OperatingSystem.IsWindows()
            ? ["cublas64_13.dll", "cublas64_12.dll", "cublas64_11.dll"]
            : ["libcublas.so.13", "libcublas.so.12", "libcublas.so.11"],
        CudaFolders.Explicit,
        CudaFolders.Toolkits("cublas"),
        needed: name => name.Replace("cublas", "cublasLt", StringComparison.Ordinal)));

    private static readonly Lazy<NativeLibrarySearch> s_nccl = new(() => OperatingSystem.IsLinux()
        ? NativeLibrarySearch.Run(["libnccl.so.2"], CudaFolders.Explicit, CudaFolders.Toolkits("nccl"))
        : new NativeLibrarySearch(0, null, []));

    private static readonly Lazy<NativeLibrarySearch> s_mpi =
        new(() => MpiLibrary.Find(Environment.GetEnvironmentVariable));

    private static readonly Lazy<bool> s_resolver = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);
        return true;
    });

    /// <summary>Gets the outcome of the search for the driver.</summary>
    public static NativeLibrarySearch Driver => Search(s_driver);

    /// <summary>Gets the outcome of the search for NVRTC.</summary>
    public static NativeLibrarySearch Nvrtc => Search(s_nvrtc);

    /// <summary>
    /// Gets the other NVRTCs of the machine: the driver may accept the images of one of them if it refuses those of the
    /// first. Those that are not newer than the driver come first, then newer ones.
    /// </summary>
    public static IReadOnlyList<NativeLibrarySearch> OtherNvrtcs => s_otherNvrtcs.Value;

    /// <summary>Gets the outcome of the search for cuBLAS.</summary>
    public static NativeLibrarySearch CuBlas => Search(s_cuBlas);

    /// <summary>Gets the outcome of the search for NCCL.</summary>
    public static NativeLibrarySearch Nccl => Search(s_nccl);

    /// <summary>Gets the outcome of the search for MPI.</summary>
    public static NativeLibrarySearch Mpi => Search(s_mpi);

    /// <summary>
    /// Returns the newest NVRTC whose major version is not later than the driver's, in any folder, because a driver
    /// refuses code of a later one. If there is none, or no driver, it returns the newest of all.
    /// </summary>
    private static NativeLibrarySearch FindNvrtc()
    {
        int newest = NewestFitting();
        NativeLibrarySearch fitting = FindNvrtc(major => major <= newest);
        if (fitting.IsFound || s_nvrtcNames[0].Major <= newest)
        {
            return fitting;
        }

        NativeLibrarySearch later = FindNvrtc(major => major > newest);
        return later with { Tried = [.. fitting.Tried, .. later.Tried] };
    }

    private static IEnumerable<NativeLibrarySearch> FindOtherNvrtcs()
    {
        int newest = NewestFitting();
        var known = new HashSet<nint> { s_nvrtc.Value.Handle };
        foreach ((_, int major) in s_nvrtcNames.OrderBy(library => library.Major > newest))
        {
            NativeLibrarySearch found = FindNvrtc(other => other == major);
            if (found.IsFound && known.Add(found.Handle))
            {
                LoadBuiltins(found.Path);
                yield return found;
            }
        }
    }

    private static int NewestFitting() =>
        Interop.Driver.Failure is null ? Interop.Driver.Version.Major : int.MaxValue;

    private static NativeLibrarySearch FindNvrtc(Predicate<int> isTaken) => NativeLibrarySearch.Run(
        [.. s_nvrtcNames.Where(library => isTaken(library.Major)).Select(library => library.Name)],
        CudaFolders.Explicit,
        CudaFolders.Toolkits("cuda_nvrtc"));

    private static NativeLibrarySearch Search(Lazy<NativeLibrarySearch> search)
    {
        _ = s_resolver.Value;
        return search.Value;
    }

    /// <summary>
    /// NVRTC asks the loader for its builtins only by name. So the builtins next to it must already be loaded if the
    /// loader does not search that folder.
    /// </summary>
    private static void LoadBuiltins(string? nvrtc)
    {
        if (Path.GetDirectoryName(nvrtc) is { Length: > 0 } folder)
        {
            string pattern = OperatingSystem.IsWindows() ? "nvrtc-builtins64_*.dll" : "libnvrtc-builtins.so*";
            foreach (string builtins in Directory.EnumerateFiles(folder, pattern))
            {
                _ = NativeLibrary.TryLoad(builtins, out _);
            }
        }
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name switch
    {
        DriverImport => s_driver.Value.Handle,
        CuBlasImport => s_cuBlas.Value.Handle,
        NcclImport => s_nccl.Value.Handle,
        MpiImport => s_mpi.Value.Handle,
        _ => 0,
    };
}
