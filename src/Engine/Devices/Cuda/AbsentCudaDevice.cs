using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Represents a GPU that this machine does not have. Functions are planned for it, and compiled if there is NVRTC, but
/// cannot run. It needs no driver and takes no memory: an allocation is only an address.
/// </summary>
public sealed class AbsentCudaDevice : CudaTarget
{
    /// <summary>The alignment of the driver's own blocks.</summary>
    private const long Alignment = 512;

    private readonly CudaFaults _faults;
    private readonly KernelImages? _images;
    private readonly Peak _peak;
    private long _next = Alignment;

    /// <summary>Creates a stand-in for a GPU of a compute capability.</summary>
    /// <param name="architecture">10 times the major number plus the minor: 90.</param>
    /// <param name="options">How its kernels are compiled.</param>
    /// <exception cref="EngineException">Nothing is known of such GPUs, or this NVRTC is too new for them.</exception>
    public AbsentCudaDevice(int architecture, CudaOptions? options = null)
    {
        options ??= new CudaOptions();
        Architecture = architecture;
        AsksForTensorFloat32 = options.TensorFloat32;
        _peak = CudaPeak.Of(architecture);
        _faults = new CudaFaults(AddressOf(Allocate(CudaFaults.Bytes)), null);
        var cache = new CubinCache(options.CacheFolder ?? CubinCache.DefaultFolder);
        _images = Nvrtc.Failure is null ? new KernelImages(architecture, options, cache) : null;
    }

    /// <inheritdoc/>
    public override string Name => $"sm_{Architecture}, which is not there";

    /// <inheritdoc/>
    public override int Architecture { get; }

    /// <inheritdoc/>
    public override Peak Peak => _peak;

    /// <summary>Gets why kernels are not compiled; null if they are.</summary>
    public static string? WhyNotCompiled => Nvrtc.Failure?.Message;

    private protected override bool AsksForTensorFloat32 { get; }

    private protected override int MaxSharedBytes => CudaTypes.MaxSharedBytesOf(Architecture);

    private protected override CudaFaults Faults => _faults;

    private protected override KernelImages? Images => _images;

    /// <inheritdoc/>
    public override Storage Allocate(long bytes)
    {
        long taken = (Math.Max(bytes, 1) + Alignment - 1) / Alignment * Alignment;
        return new Block(this, (ulong)(Interlocked.Add(ref _next, taken) - taken), bytes);
    }

    private protected override IProgram Link(CudaStage[] stages, bool mayFault, LaunchTimes? times) =>
        new Program(Describe(stages));

    private protected override ulong AddressOf(Storage storage) => ((Block)storage).Address;

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
    }

    private sealed class Program(IReadOnlyList<Launch> launches) : IProgram
    {
        public IReadOnlyList<Launch> Launches => launches;

        public void Run(int times) => throw NotThere();

        public void Dispose()
        {
        }
    }

    private sealed class Block(AbsentCudaDevice device, ulong address, long bytes) : Storage
    {
        public ulong Address => address;

        public override long Bytes => bytes;

        public override object Device => device;

        public override void Write(ReadOnlySpan<byte> source, long offset = 0) =>
            ArgumentOutOfRangeException.ThrowIfGreaterThan(offset + source.Length, Bytes);

        public override void Read(Span<byte> destination, long offset = 0) => throw NotThere();

        protected override void Dispose(bool disposing)
        {
        }
    }

    private static EngineException NotThere() =>
        new("The GPU that this is planned for is not there: it can be looked at, not run.");
}
