using System.Runtime.InteropServices;
using System.Text;

namespace Engine.Interop;

/// <summary>
/// Ranges in the timeline of the profiler that runs this process, such as Nsight Systems or Nsight Compute.
/// </summary>
internal static unsafe class Nvtx
{
    /// <summary>The variable in which a profiler names its library.</summary>
    public const string Variable = "NVTX_INJECTION64_PATH";

    private const string Entry = "InitializeInjectionNvtx2";

    private static readonly Lazy<(string? Profiler, CudaException? Failure)> s_profiler = new(Attach);

    /// <summary>Gets the profiler's library; null if no profiler runs this process.</summary>
    public static string? Profiler => s_profiler.Value.Profiler;

    /// <summary>Gets why no range is shown; null if ranges are shown.</summary>
    public static CudaException? Failure => s_profiler.Value.Failure;

    /// <summary>
    /// Begins a range of the calling thread, which must end it; the most recent range must end first.
    /// </summary>
    public static Range Begin(string name)
    {
        if (Failure is null && NvtxApi.Push is not null)
        {
            fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
            {
                _ = NvtxApi.Push(text);
            }
        }

        return Range.Instance;
    }

    private static (string?, CudaException?) Attach()
    {
        // A profiler that was loaded before the program can already be found there.
        if (NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), Entry, out nint loaded))
        {
            return Initialize("a library of the process", loaded);
        }

        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } path)
        {
            return (null, new CudaException(
                $"No profiler runs this process ({Variable} is not set): start it with nsys profile or ncu --nvtx.")
            {
                Reason = $"no profiler runs this process ({Variable} is not set)",
            });
        }

        return !NativeLibrary.TryLoad(path, out nint library)
            ? (path, new CudaException($"{Variable} names {path}, which cannot be loaded."))
            : NativeLibrary.TryGetExport(library, Entry, out nint initialize)
            ? Initialize(path, initialize)
            : (path, new CudaException($"{Variable} names {path}, which is no profiler's: it has no {Entry}."));
    }

    private static (string?, CudaException?) Initialize(string profiler, nint initialize)
    {
        int started = ((delegate* unmanaged<delegate* unmanaged<uint, void*>, int>)initialize)(NvtxApi.ExportTable);
        return (profiler, started != 0 ? null : new CudaException($"The profiler ({profiler}) refuses NVTX ranges."));
    }

    /// <summary>Represents the most recent range, which ends when this is disposed of.</summary>
    public sealed class Range : IDisposable
    {
        private Range()
        {
        }

        internal static Range Instance { get; } = new();

        public void Dispose()
        {
            if (Failure is null && NvtxApi.Pop is not null)
            {
                _ = NvtxApi.Pop();
            }
        }
    }
}
