using System.Collections.Concurrent;
using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>Loads kernels into a context, each source once.</summary>
/// <param name="context">The context that loads them.</param>
/// <param name="images">The compiler of images.</param>
/// <param name="others">Further compilers, tried if the driver refuses an image.</param>
internal sealed class KernelCompiler(ContextHandle context, KernelImages images, IEnumerable<KernelImages> others)
    : IDisposable
{
    /// <summary>
    /// The driver's errors for an unfit image: invalid, none for this GPU, PTX without a compiler, PTX of a later
    /// version.
    /// </summary>
    private static readonly int[] s_unfit = [200, 209, 218, 221, 222];

    private readonly Dictionary<string, CudaModuleHandle> _modules = [];
    private readonly Dictionary<nint, int> _sharedBytes = [];
    private readonly ConcurrentDictionary<string, byte[]> _compiled = [];

    /// <summary>Compiles, on all cores, the kernels that are neither loaded nor kept on disk.</summary>
    public void Compile(IEnumerable<CudaFunction> kernels)
    {
        CudaFunction[] all;
        lock (_modules)
        {
            all = [.. kernels.Where(kernel => !_modules.ContainsKey(kernel.Source))];
        }

        KernelImages.ForEachOnAllCores(all, (source, file) =>
        {
            if (images.Find(source) is null)
            {
                _compiled[source] = images.Compile(source, file);
            }
        });
    }

    /// <summary>Returns a kernel's function, with the shared memory that the kernel needs allowed.</summary>
    /// <exception cref="CudaException">The kernel does not compile; the message is the compiler's log.</exception>
    public nint Function(CudaFunction kernel)
    {
        lock (_modules)
        {
            CudaModuleHandle module = Module(kernel);
            nint function = module.Function(kernel.Entry);

            // Launches of one function may give it different amounts; the largest decides.
            if (kernel.DynamicBytes > _sharedBytes.GetValueOrDefault(function))
            {
                module.AllowShared(function, kernel.DynamicBytes);
                _sharedBytes[function] = kernel.DynamicBytes;
            }

            return function;
        }
    }

    /// <summary>Returns how many blocks of a launch a multiprocessor holds at once.</summary>
    public int Resident(KernelLaunch launch)
    {
        lock (_modules)
        {
            CudaModuleHandle module = Module(launch.Function);
            return module.Resident(
                module.Function(launch.Function.Entry), (int)launch.Block.Count, launch.Function.DynamicBytes);
        }
    }

    public void Dispose()
    {
        foreach (CudaModuleHandle module in _modules.Values)
        {
            module.Dispose();
        }
    }

    private CudaModuleHandle Module(CudaFunction kernel)
    {
        string source = kernel.Source;
        if (!_modules.TryGetValue(source, out CudaModuleHandle? module))
        {
            module = Load(source, kernel.File);
            _modules.Add(source, module);
        }

        return module;
    }

    private CudaModuleHandle Load(string source, string file)
    {
        if (images.Find(source) is { } kept && TryLoad(kept, out _) is { } taken)
        {
            return taken;
        }

        // The driver may refuse an image of the cache or of this NVRTC; then other NVRTCs are tried.
        byte[] image = _compiled.TryRemove(source, out byte[]? compiled) ? compiled : images.Compile(source, file);
        CudaModuleHandle? module = TryLoad(image, out CudaException? refusal);
        if (module is null)
        {
            (module, image) = LoadByAnother(source, file, refusal!);
        }

        images.Keep(source, image);
        return module;
    }

    /// <summary>Continues with the first other NVRTC whose image the driver accepts.</summary>
    private (CudaModuleHandle Module, byte[] Image) LoadByAnother(string source, string file, CudaException refusal)
    {
        List<Version> tried = [images.Compiler];
        foreach (KernelImages other in others)
        {
            tried.Add(other.Compiler);
            byte[] image = other.Compile(source, file);
            if (TryLoad(image, out _) is { } module)
            {
                images = other;
                _compiled.Clear();
                return (module, image);
            }
        }

        throw new CudaException(
            $"The driver, of CUDA {Driver.Version}, does not take what NVRTC {string.Join(" or ", tried)} made "
            + $"of {file} ({images.Architecture}): update the driver, "
            + $"or install an NVRTC that is no newer. {refusal.Message}",
            refusal);
    }

    private CudaModuleHandle? TryLoad(byte[] image, out CudaException? refusal)
    {
        try
        {
            refusal = null;
            return new CudaModuleHandle(context, image);
        }
        catch (CudaException error) when (s_unfit.Contains(error.Code))
        {
            refusal = error;
            return null;
        }
    }
}
