using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Turns kernels' sources into loaded functions, each source once: by NVRTC, or from the cache on disk.
/// </summary>
internal sealed class KernelCompiler : IDisposable
{
    private readonly ContextHandle _context;
    private readonly CubinCache _cache;
    private readonly string[] _options;
    private readonly bool _toPtx;
    private readonly string _compiler;
    private readonly Dictionary<string, CudaModuleHandle> _modules = [];

    /// <exception cref="CudaException">There is no NVRTC, or it is older than the GPU's predecessors.</exception>
    public KernelCompiler(ContextHandle context, int architecture, bool fastMath, CubinCache cache)
    {
        _context = context;
        _cache = cache;
        Version version = Nvrtc.Version;
        (string target, _toPtx) = Target(architecture, Nvrtc.Architectures, version);
        _options = Options(target, fastMath);
        string library = Nvrtc.Library.Path!;

        // Another library of the same version may compile otherwise: a path tells them apart, and so does a file's
        // date.
        _compiler = $"NVRTC {version} {library} {(File.Exists(library) ? File.GetLastWriteTimeUtc(library).Ticks : 0)}";
    }

    /// <summary>The options with which kernels are compiled.</summary>
    public static string[] Options(string target, bool fastMath) =>
        [$"--gpu-architecture={target}", "--std=c++17", .. fastMath ? ["--use_fast_math"] : Array.Empty<string>()];

    /// <summary>
    /// What to compile for, and whether the driver has to finish it because the GPU is newer than NVRTC.
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
                $"NVRTC {version} compiles for GPUs from compute capability {known.Min() / 10}.{known.Min() % 10} on, and "
                + $"this one has {architecture / 10}.{architecture % 10}: install an NVRTC of its time, or compute on the "
                + "CPU.");
    }

    /// <summary>A kernel's function.</summary>
    /// <exception cref="CudaException">It does not compile; the message is the compiler's log.</exception>
    public nint Function(CudaKernel kernel)
    {
        string source = kernel.Source;
        lock (_modules)
        {
            if (!_modules.TryGetValue(source, out CudaModuleHandle? module))
            {
                module = Load(source, kernel.File);
                _modules.Add(source, module);
            }

            return module.Function(kernel.Entry);
        }
    }

    public void Dispose()
    {
        foreach (CudaModuleHandle module in _modules.Values)
        {
            module.Dispose();
        }
    }

    private CudaModuleHandle Load(string source, string file)
    {
        string key = string.Join('\n', [_compiler, .. _options, source]);
        if (_cache.Find(key) is { } kept)
        {
            return new CudaModuleHandle(_context, kept);
        }

        byte[] image = Nvrtc.Compile(source, file, _options, _toPtx);
        var module = new CudaModuleHandle(_context, image);
        _cache.Keep(key, image);
        return module;
    }
}
