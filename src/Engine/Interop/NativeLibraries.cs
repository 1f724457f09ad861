using System.Reflection;
using System.Runtime.InteropServices;

namespace Engine.Interop;

/// <summary>
/// Finds the CUDA driver, NVRTC, cuBLAS, NCCL and MPI, each once, when first asked: <c>ENGINE_CUDA_PATH</c> (folders; for MPI
/// <c>ENGINE_MPI_PATH</c>) goes before the system's own search, that before the places where toolkits and Python wheels put
/// them.
/// </summary>
internal static class NativeLibraries
{
    /// <summary>
    /// Represents the names by which <see cref="DriverApi"/>, <see cref="CuBlasApi"/>, <see cref="NcclApi"/> and
    /// <see cref="MpiApi"/> import.
    /// </summary>
    public const string DriverImport = "engine-cuda-driver", CuBlasImport = "engine-cublas", NcclImport = "engine-nccl",
        MpiImport = "engine-mpi";

    private static readonly Lazy<NativeLibrarySearch> s_driver = new(() => NativeLibrarySearch.Run(
        OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1"],
        CudaFolders.Explicit,
        [.. OperatingSystem.IsWindows() ? [] : CudaFolders.WslDriver]));

    /// <summary>NVRTC's names, the newest first, with the major version of CUDA that each is of.</summary>
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

    private static readonly Lazy<NativeLibrarySearch> s_mpi = new(() => MpiLibrary.Find(Environment.GetEnvironmentVariable));

    private static readonly Lazy<bool> s_resolver = new(() =>
    {
        NativeLibrary.SetDllImportResolver(typeof(NativeLibraries).Assembly, Resolve);
        return true;
    });

    /// <summary>Gets where the driver was looked for, and whether it was found.</summary>
    public static NativeLibrarySearch Driver => Search(s_driver);

    /// <summary>Gets where NVRTC was looked for, and whether it was found.</summary>
    public static NativeLibrarySearch Nvrtc => Search(s_nvrtc);

    /// <summary>
    /// Gets the other NVRTCs that there are, of which one may make what the driver takes where it refuses what the
    /// first makes: those of no later version than the driver's, then later ones.
    /// </summary>
    public static IReadOnlyList<NativeLibrarySearch> OtherNvrtcs => s_otherNvrtcs.Value;

    /// <summary>Gets where cuBLAS was looked for, and whether it was found.</summary>
    public static NativeLibrarySearch CuBlas => Search(s_cuBlas);

    /// <summary>Gets where NCCL was looked for, and whether it was found.</summary>
    public static NativeLibrarySearch Nccl => Search(s_nccl);

    /// <summary>Gets where MPI was looked for, and whether it was found.</summary>
    public static NativeLibrarySearch Mpi => Search(s_mpi);

    /// <summary>
    /// Takes the newest NVRTC of no later major version than the driver's, wherever it lies: a driver refuses what a later
    /// one compiled. Where there is none, or no driver, the newest of all.
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
    /// NVRTC asks the loader for its builtins by name alone: those beside it must be loaded already where the loader
    /// does not search that folder.
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
