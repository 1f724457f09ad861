using System.Collections.Concurrent;
using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Turns kernel sources into images that a driver loads, for GPUs of one compute capability, with NVRTC or from the
/// cache on disk. It needs no GPU.
/// </summary>
internal sealed class KernelImages
{
    private readonly CubinCache _cache;
    private readonly string[] _options;
    private readonly bool _toPtx;
    private readonly string _compiler;
    private readonly NvrtcLibrary _nvrtc;

    /// <exception cref="CudaException">There is no NVRTC, or it is older than the GPU's predecessors.</exception>
    public KernelImages(int architecture, CudaOptions options, CubinCache cache)
        : this(Nvrtc.Preferred, architecture, options, cache)
    {
    }

    internal KernelImages(NvrtcLibrary nvrtc, int architecture, CudaOptions options, CubinCache cache)
    {
        _nvrtc = nvrtc;
        _cache = cache;
        Version version = nvrtc.Version;
        (string target, _toPtx) = Target(architecture, nvrtc.Architectures, version);
        _options = Options(target, options.FastMath, options.Profile);
        string library = nvrtc.Path;

        // Another library of the same version may compile differently; its path and the date of its file tell it apart.
        _compiler = $"NVRTC {version} {library} {(File.Exists(library) ? File.GetLastWriteTimeUtc(library).Ticks : 0)}";
    }

    /// <summary>
    /// Returns the same for this machine's other NVRTCs that know such GPUs or their predecessors; each is loaded when
    /// it is asked for.
    /// </summary>
    public static IEnumerable<KernelImages> Others(int architecture, CudaOptions options, CubinCache cache)
    {
        foreach (NvrtcLibrary nvrtc in Nvrtc.Others)
        {
            KernelImages images;
            try
            {
                images = new KernelImages(nvrtc, architecture, options, cache);
            }
            catch (CudaException)
            {
                continue;
            }

            yield return images;
        }
    }

    /// <summary>Gets the version of NVRTC.</summary>
    public Version Compiler => _nvrtc.Version;

    /// <summary>Gets the option that names the target.</summary>
    public string Architecture => _options[0];

    /// <summary>Returns the options with which kernels are compiled.</summary>
    public static string[] Options(string target, bool fastMath, bool lines = false) =>
    [
        $"--gpu-architecture={target}",
        "--std=c++17",
        .. fastMath ? ["--use_fast_math"] : Array.Empty<string>(),
        .. lines ? ["--generate-line-info"] : Array.Empty<string>(),
    ];

    /// <summary>
    /// Returns the target, and whether the driver must finish the compilation because the GPU is newer than NVRTC.
    /// </summary>
    internal static (string Target, bool ToPtx) Target(int architecture, IReadOnlyList<int> known, Version version)
    {
        if (known.Contains(architecture))
        {
            return ($"sm_{architecture}", false);
        }

        int nearest = known.Where(other => other < architecture).DefaultIfEmpty().Max();
        return nearest > 0
            ? ($"compute_{nearest}", true)
            : throw new CudaException(
                $"NVRTC {version} compiles for GPUs from compute capability {known.Min() / 10}.{known.Min() % 10} on, "
                + $"and this one has {architecture / 10}.{architecture % 10}: install an NVRTC of its time, "
                + "or compute on the CPU.");
    }

    /// <summary>
    /// Calls <paramref name="act"/> with each kernel's text and file name, on all cores, the longest text first.
    /// Kernels that do not compile are skipped: the error is thrown when the kernel is asked for, where its op is
    /// known.
    /// </summary>
    public static void ForEachOnAllCores(IEnumerable<CudaFunction> kernels, Action<string, string> act)
    {
        IEnumerable<(string Source, string File)> texts =
            kernels.Select(kernel => (kernel.Source, kernel.File)).DistinctBy(text => text.Source);
        var oneByOne = Partitioner.Create(
            texts.OrderByDescending(text => text.Source.Length), EnumerablePartitionerOptions.NoBuffering);
        Parallel.ForEach(oneByOne, text =>
        {
            try
            {
                act(text.Source, text.File);
            }
            catch (CudaException)
            {
            }
        });
    }

    /// <summary>Creates a kernel's image: a cubin, or PTX for a GPU that is newer than NVRTC.</summary>
    /// <exception cref="CudaException">The kernel does not compile; the message is the compiler's log.</exception>
    public byte[] Of(string source, string file)
    {
        byte[]? image = Find(source);
        if (image is null)
        {
            image = Compile(source, file);
            Keep(source, image);
        }

        return image;
    }

    /// <summary>Returns the image in the cache; null if there is none.</summary>
    public byte[]? Find(string source) => _cache.Find(Key(source));

    /// <summary>Compiles a new image.</summary>
    /// <exception cref="CudaException">The kernel does not compile; the message is the compiler's log.</exception>
    public byte[] Compile(string source, string file) => _nvrtc.Compile(source, file, _options, _toPtx);

    /// <summary>Keeps an image for later.</summary>
    public void Keep(string source, byte[] image) => _cache.Keep(Key(source), image);

    private string Key(string source) => string.Join('\n', [_compiler, .. _options, source]);
}
