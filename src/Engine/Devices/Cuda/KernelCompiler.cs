using System.Collections.Concurrent;
using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>Loads kernels into a context, each source once.</summary>
internal sealed class KernelCompiler(ContextHandle context, KernelImages images) : IDisposable
{
    /// <summary>
    /// What the driver answers to an image that is not for it: invalid, none for this GPU, PTX without a compiler, PTX of a
    /// later version.
    /// </summary>
    private static readonly int[] s_unfit = [200, 209, 218, 221, 222];

    private readonly Dictionary<string, CudaModuleHandle> _modules = [];
    private readonly ConcurrentDictionary<string, byte[]> _compiled = [];

    /// <summary>Compiles, on all cores, those of the kernels that are neither loaded nor kept on disk.</summary>
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

    /// <summary>A kernel's function.</summary>
    /// <exception cref="CudaException">It does not compile; the message is the compiler's log.</exception>
    public nint Function(CudaFunction kernel)
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
        if (images.Find(source) is { } kept)
        {
            try
            {
                return new CudaModuleHandle(context, kept);
            }
            catch (CudaException error) when (s_unfit.Contains(error.Code))
            {
                // Another driver took it once; this one may take what is compiled now.
            }
        }

        byte[] image = _compiled.TryRemove(source, out byte[]? compiled) ? compiled : images.Compile(source, file);
        try
        {
            var module = new CudaModuleHandle(context, image);
            images.Keep(source, image);
            return module;
        }
        catch (CudaException error) when (s_unfit.Contains(error.Code))
        {
            throw new CudaException(
                $"The driver, of CUDA {Driver.Version}, does not take what NVRTC {Nvrtc.Version} made of {file} "
                + $"({images.Architecture}): update the driver, or install an NVRTC that is no newer. {error.Message}",
                error);
        }
    }
}
