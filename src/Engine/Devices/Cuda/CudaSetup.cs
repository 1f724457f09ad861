using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Describes the CUDA installation of this machine: which parts work, which do not, and how to mend those.
/// </summary>
public sealed class CudaSetup
{
    private CudaSetup()
    {
        Driver = FindDriver();
        Nvrtc = FindNvrtc();
        Gpus = Driver.Problem is null ? [.. Enumerable.Range(0, Interop.Driver.DeviceCount).Select(Describe)] : [];
        NativeLibrarySearch cuBlas = NativeLibraries.CuBlas;
        CuBlas = new CudaPart(cuBlas.Path, CuBlasReason, Interop.CuBlas.Remedy, cuBlas.Tried);
        Nvtx = new CudaPart(
            Interop.Nvtx.Profiler,
            Interop.Nvtx.Failure?.Reason,
            "nothing to install: start the program with nsys profile or ncu --nvtx",
            Interop.Nvtx.Profiler is { } profiler ? [profiler] : []);
        var cache = new CubinCache(CubinCache.DefaultFolder);
        (int entries, long bytes, string? problem) = cache.Look();
        Cache = new CudaCache(cache.Folder, entries, bytes, problem);
    }

    /// <summary>Gets the driver.</summary>
    public CudaPart Driver { get; }

    /// <summary>Gets the GPUs that the driver finds.</summary>
    public IReadOnlyList<CudaGpu> Gpus { get; }

    /// <summary>Gets NVRTC, the compiler; a trial kernel tells whether it works.</summary>
    public CudaPart Nvrtc { get; }

    /// <summary>Gets cuBLAS, which is used for comparisons.</summary>
    public CudaPart CuBlas { get; }

    /// <summary>
    /// Gets NVTX, through which a profiler shows the work; it is there only if a profiler runs the process.
    /// </summary>
    public CudaPart Nvtx { get; }

    /// <summary>Gets the cache of compiled kernels.</summary>
    public CudaCache Cache { get; }

    private static string? CuBlasReason => Interop.CuBlas.Failure?.Reason;

    /// <summary>Examines the machine.</summary>
    public static CudaSetup Find() => new();

    private static CudaPart FindDriver()
    {
        NativeLibrarySearch library = NativeLibraries.Driver;
        CudaException? failure = Interop.Driver.Failure;
        return new CudaPart(
            failure is null ? $"CUDA {Interop.Driver.Version}, {library.Path}" : library.Path,
            failure?.Reason,
            library.IsFound
                ? "see whether nvidia-smi lists a GPU; a container must be given it (docker run --gpus all)"
                : Interop.Driver.Remedy,
            library.Tried);
    }

    private static CudaPart FindNvrtc()
    {
        NativeLibrarySearch library = NativeLibraries.Nvrtc;
        string? found = library.Path, problem = Interop.Nvrtc.Failure?.Reason;
        if (problem is null)
        {
            try
            {
                IReadOnlyList<int> known = Interop.Nvrtc.Architectures;
                found = $"{Interop.Nvrtc.Version}, {library.Path}, for GPUs of compute capability "
                    + $"{Capability(known[0])} to {Capability(known[^1])}";
                Interop.Nvrtc.Compile(
                    "extern \"C\" __global__ void trial() {}", "trial.cu",
                    KernelImages.Options($"sm_{known[^1]}", false));
            }
            catch (CudaException error)
            {
                problem = error.Reason;
            }
        }

        return new CudaPart(found, problem, Interop.Nvrtc.Remedy, library.Tried);
    }

    private static CudaGpu Describe(int ordinal)
    {
        var gpu = new Gpu(ordinal);
        return new CudaGpu(ordinal, gpu.Name, Capability(gpu.Architecture), gpu.Bytes, Target(gpu.Architecture));
    }

    private static string Target(int architecture)
    {
        if (Interop.Nvrtc.Failure is not null)
        {
            return "no kernels without NVRTC";
        }

        try
        {
            (string target, bool toPtx) = KernelImages.Target(
                architecture, Interop.Nvrtc.Architectures, Interop.Nvrtc.Version);
            return toPtx
                ? $"kernels for {target}, which the driver compiles on: NVRTC is older"
                : $"kernels for {target}";
        }
        catch (CudaException error)
        {
            return error.Reason;
        }
    }

    private static Version Capability(int architecture) => new(architecture / 10, architecture % 10);
}

/// <summary>Represents a library that is part of CUDA.</summary>
/// <param name="Found">Its version and path; null if it was not found.</param>
/// <param name="Problem">Why it cannot be used, in a clause; null if it can.</param>
/// <param name="Remedy">What to do if it cannot be used.</param>
/// <param name="Tried">All names and paths tried, in order.</param>
public sealed record CudaPart(string? Found, string? Problem, string Remedy, IReadOnlyList<string> Tried);

/// <summary>Represents a GPU.</summary>
/// <param name="Ordinal">Its number, as the driver counts.</param>
/// <param name="Name">Its product name.</param>
/// <param name="ComputeCapability">Its compute capability: 9.0.</param>
/// <param name="Bytes">The size of its memory.</param>
/// <param name="Target">The target for which NVRTC compiles kernels for this GPU, or why it cannot.</param>
public sealed record CudaGpu(int Ordinal, string Name, Version ComputeCapability, long Bytes, string Target);

/// <summary>Represents the folder that keeps compiled kernels.</summary>
/// <param name="Folder">Its path; null if there is none.</param>
/// <param name="Entries">The number of kernels in it.</param>
/// <param name="Bytes">The total size of the kernels.</param>
/// <param name="Problem">Why no kernel can be added, in a clause; null if one can.</param>
public sealed record CudaCache(string? Folder, int Entries, long Bytes, string? Problem);
