using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Describes what this machine has of CUDA: what was found and works, what did not, and what to do about it.
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

    /// <summary>NVRTC, the compiler; a trial kernel says whether it works.</summary>
    public CudaPart Nvrtc { get; }

    /// <summary>cuBLAS, which serves to compare with.</summary>
    public CudaPart CuBlas { get; }

    /// <summary>NVTX, by which a profiler shows what runs; it is there where one runs the process.</summary>
    public CudaPart Nvtx { get; }

    /// <summary>Gets the cache of compiled kernels.</summary>
    public CudaCache Cache { get; }

    private static string? CuBlasReason => Interop.CuBlas.Failure?.Reason;

    /// <summary>Looks at the machine.</summary>
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
                    "extern \"C\" __global__ void trial() {}", "trial.cu", KernelImages.Options($"sm_{known[^1]}", false));
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
            return toPtx ? $"kernels for {target}, which the driver compiles on: NVRTC is older" : $"kernels for {target}";
        }
        catch (CudaException error)
        {
            return error.Reason;
        }
    }

    private static Version Capability(int architecture) => new(architecture / 10, architecture % 10);
}

/// <summary>Represents a library that CUDA consists of.</summary>
/// <param name="Found">Its version and where it lies; null if it was not found.</param>
/// <param name="Problem">Why it cannot be used, in a clause; null if it can.</param>
/// <param name="Remedy">What to do where it cannot be used.</param>
/// <param name="Tried">Every name and path tried, in order.</param>
public sealed record CudaPart(string? Found, string? Problem, string Remedy, IReadOnlyList<string> Tried);

/// <summary>Represents a GPU.</summary>
/// <param name="Ordinal">Its number, as the driver counts.</param>
/// <param name="Name">What it is sold as.</param>
/// <param name="ComputeCapability">What its hardware can do: 9.0.</param>
/// <param name="Bytes">Its memory.</param>
/// <param name="Target">What NVRTC compiles kernels for on this GPU, or why it cannot.</param>
public sealed record CudaGpu(int Ordinal, string Name, Version ComputeCapability, long Bytes, string Target);

/// <summary>Represents the folder that keeps compiled kernels.</summary>
/// <param name="Folder">Where it lies; null if there is none.</param>
/// <param name="Entries">How many kernels it keeps.</param>
/// <param name="Bytes">How much room they take.</param>
/// <param name="Problem">Why none can be added, in a clause; null if they can.</param>
public sealed record CudaCache(string? Folder, int Entries, long Bytes, string? Problem);
