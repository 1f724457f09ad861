using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Represents an NVIDIA GPU, through its driver. NVRTC compiles the kernels of a function together with the function,
/// and they are kept. Other CUDA libraries of the process can work with the device through <see cref="Context"/>,
/// <see cref="Stream"/> and <see cref="Address"/>.
/// </summary>
public sealed class CudaDevice : CudaTarget
{
    private readonly Lock _running = new();
    private readonly Gpu _gpu;
    private readonly ContextHandle _context;
    private readonly StreamHandle _stream;
    private readonly MemoryPoolHandle? _pool;
    private readonly KernelImages _images;
    private readonly KernelCompiler _compiler;
    private readonly CudaFaults _faults;
    private readonly CudaStaging _staging;
    private readonly CudaUploads _uploads;
    private readonly CudaOptions _options;
    private Peak? _peak;
    private long _heldBytes;
    private int _heldBlocks;

    /// <summary>Opens a GPU.</summary>
    /// <exception cref="EngineException">
    /// There is no driver, no NVRTC or no such GPU; the message says where it looked and what to install.
    /// </exception>
    public CudaDevice(CudaOptions? options = null)
    {
        _options = options ?? new CudaOptions();
        _gpu = new Gpu(_options.Ordinal);
        if (Nvrtc.Failure is { } failure)
        {
            throw failure;
        }

        _context = OpenContext();
        try
        {
            _stream = new StreamHandle(_context);
            _pool = MemoryPoolHandle.TryCreate(_gpu, _stream);
            _staging = new CudaStaging(_stream);
            _uploads = new CudaUploads(_context);
            var cache = new CubinCache(_options.CacheFolder ?? CubinCache.DefaultFolder);
            _images = new KernelImages(_gpu.Architecture, _options, cache);
            _compiler = new KernelCompiler(
                _context, _images, KernelImages.Others(_gpu.Architecture, _options, cache));
            FaultStorage = Allocate(CudaFaults.Bytes);
            _faults = new CudaFaults(Address(FaultStorage), FaultStorage);
            _faults.Clear();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// Gets why a profiler does not show the work of a device with <see cref="CudaOptions.Profile"/>; null if it does.
    /// </summary>
    public static string? WhyNoProfiler => Nvtx.Failure?.Message;

    /// <inheritdoc/>
    public override string Name => $"cuda:{_gpu.Ordinal}";

    /// <inheritdoc/>
    public override int Architecture => _gpu.Architecture;

    /// <inheritdoc/>
    public override Peak Peak => _peak ??= CudaPeak.Of(_gpu);

    /// <summary>Gets the GPU's product name.</summary>
    public string Model => _gpu.Name;

    /// <summary>Gets the driver's context, a <c>CUcontext</c>: the GPU's primary context.</summary>
    public nint Context => _context.DangerousGetHandle();

    /// <summary>Gets the stream of all work of this device, a <c>CUstream</c>.</summary>
    public nint Stream => _stream.Value;

    /// <summary>Gets the same stream, for work that must follow the copies to this device's memory.</summary>
    internal StreamHandle Queue => _stream;

    /// <summary>Records what is put into the stream without running it.</summary>
    internal GraphHandle Record(Action enqueue)
    {
        if (_pool is null)
        {
            return new GraphHandle(_stream, enqueue);
        }

        lock (_pool.Gate)
        {
            return new GraphHandle(_stream, enqueue);
        }
    }

    private Storage FaultStorage { get; }

    /// <summary>Returns the address, a <c>CUdeviceptr</c>, of memory that this device allocated.</summary>
    public static ulong Address(Storage storage) => storage is CudaStorage cuda
        ? cuda.Address
        : throw new EngineException($"This memory lies on {storage?.Device ?? "nothing"}, not on a GPU.");

    /// <inheritdoc/>
    /// <exception cref="EngineException">There is not enough memory; the message says what holds it.</exception>
    public override Storage Allocate(long bytes)
    {
        ThrowIfDisposed();
        // The driver refuses an empty block.
        long size = Math.Max(bytes, 1);
        MemoryHandle? memory = MemoryHandle.TryAllocate(_context, _pool, size, Freed);
        if (memory is null)
        {
            // Unreachable arrays hold memory until they are collected.
            GC.Collect();
            GC.WaitForPendingFinalizers();
            _pool?.Trim();
            memory = MemoryHandle.TryAllocate(_context, _pool, size, Freed) ?? throw OutOfMemory(size);
        }

        Interlocked.Add(ref _heldBytes, size);
        Interlocked.Increment(ref _heldBlocks);
        return new CudaStorage(this, memory, bytes);
    }

    private protected override IProgram Link(CudaStage[] stages, bool mayFault, LaunchTimes? times)
    {
        KernelLaunch[] kernels = [.. stages.SelectMany(stage => stage.Launch.Kernels)];
        _compiler.Compile(kernels.Select(kernel => kernel.Function));
        foreach (KernelLaunch kernel in kernels)
        {
            kernel.Prepare(_compiler, _gpu.Multiprocessors);
        }

        return times is null
            ? new CudaProgram(this, _stream, stages, mayFault, _options)
            : new TimedCudaProgram(this, _stream, stages, mayFault, times);
    }

    private protected override bool AsksForTensorFloat32 => _options.TensorFloat32;

    private protected override int MaxSharedBytes => _gpu.SharedBytes;

    private protected override CudaFaults Faults => _faults;

    private protected override KernelImages Images => _images;

    private protected override ulong AddressOf(Storage storage) => Address(storage);

    /// <inheritdoc/>
    public override IDisposable? Range(string name) => _options.Profile ? Nvtx.Begin(name) : null;

    /// <summary>Locks the device and makes its context the thread's, until the result is disposed of.</summary>
    internal Turn Take() => new(this);

    /// <summary>Copies to the GPU after all earlier work of the stream.</summary>
    internal void Upload(ReadOnlySpan<byte> from, ulong to)
    {
        using Turn turn = Take();
        _staging.Upload(from, to);
    }

    /// <summary>Copies from the GPU after all earlier work of the stream, and waits for it.</summary>
    internal void Download(ulong from, Span<byte> to)
    {
        using Turn turn = Take();
        _staging.Download(from, to);
    }

    internal override void Prefetch(Tensor tensor) => _uploads.Begin(tensor);

    internal override void ForgetPrefetched() => _uploads.Forget();

    internal override bool TryTakePrefetched(Tensor tensor, Operand target)
    {
        using Turn turn = Take();
        return _uploads.TryTake(tensor, Address(target.Storage) + (ulong)target.Offset, _stream);
    }

    /// <summary>
    /// Throws what kernels have reported. The caller must still hold the device, or the reports may be another's.
    /// </summary>
    internal void ThrowFaults() => _faults.Throw();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            using Lock.Scope turn = _running.EnterScope();
            // Some of these are null if the device could not be opened.
            FaultStorage?.Dispose();
            _compiler?.Dispose();
            _uploads?.Dispose();
            _staging?.Dispose();
            _pool?.Dispose();
            _stream?.Dispose();
            _context.Dispose();
        }
    }

    private ContextHandle OpenContext()
    {
        try
        {
            return new ContextHandle(_gpu);
        }
        catch (CudaException error) when (error.Code == Driver.OutOfMemory)
        {
            throw new CudaException(
                $"{Name} ({Model}) has no room for this program: others hold its {Megabytes(_gpu.Bytes)}. "
                + $"End one of them (nvidia-smi lists them), or use another device. {error.Message}",
                error)
            {
                Reason = $"{Name} ({Model}) has no room for this program",
            };
        }
    }

    private void Freed(long bytes)
    {
        Interlocked.Add(ref _heldBytes, -bytes);
        Interlocked.Decrement(ref _heldBlocks);
    }

    private unsafe CudaException OutOfMemory(long bytes)
    {
        nuint free, total;
        using (_context.Enter())
        {
            Driver.Check(DriverApi.cuMemGetInfo_v2(&free, &total));
        }

        long held = Interlocked.Read(ref _heldBytes), others = (long)(total - free) - held;
        return new CudaException(
            $"{Name} ({Model}) has no room for {Megabytes(bytes)}: of its {Megabytes((long)total)}, "
            + $"this program's arrays hold {Megabytes(held)} in {_heldBlocks} blocks, kernels, "
            + $"the driver and other programs {Megabytes(others)}, and {Megabytes((long)free)} are free. "
            + "Take smaller batches, dispose of functions and shared variables that are done with, "
            + "or use another device.")
        {
            Reason = $"{Name} ({Model}) has no room for {Megabytes(bytes)}",
        };
    }

    private static string Megabytes(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:0.###} MiB");

    /// <summary>Holds the lock of the device.</summary>
    internal readonly ref struct Turn
    {
        private readonly Lock.Scope _turn;
        private readonly ContextHandle.Scope _context;

        public Turn(CudaDevice device)
        {
            _turn = device._running.EnterScope();
            try
            {
                device.ThrowIfDisposed();
                _context = device._context.Enter();
            }
            catch
            {
                _turn.Dispose();
                throw;
            }
        }

        public void Dispose()
        {
            try
            {
                _context.Dispose();
            }
            finally
            {
                _turn.Dispose();
            }
        }
    }
}

/// <summary>An op as launches on fixed addresses.</summary>
internal sealed record CudaBoundOp(string Name, CudaLaunch[] Launches, bool MayFault) : IKernel;

/// <summary>A launch of a program: for one op or, if several are independent, for all of them.</summary>
internal sealed record CudaStage(CudaLaunch Launch, IReadOnlyList<CudaBoundOp> Owners)
{
    /// <summary>Gets the names of the ops.</summary>
    public string Ops => string.Join(", ", Owners.Select(op => op.Name).Distinct());

    /// <summary>Returns the launches of kernels, level by level.</summary>
    public static CudaStage[] Of(IReadOnlyList<IReadOnlyList<IKernel>> levels) =>
        [.. levels.SelectMany(level => Join([.. level.Cast<CudaBoundOp>()]))];

    /// <summary>
    /// Returns a level's launches: first the first launches of all ops, joined where possible, then the second ones …
    /// </summary>
    public static IEnumerable<CudaStage> Join(CudaBoundOp[] level)
    {
        for (int round = 0; level.Any(op => op.Launches.Length > round); round++)
        {
            var owners = new Dictionary<CudaLaunch, CudaBoundOp>(ReferenceEqualityComparer.Instance);
            foreach (CudaBoundOp op in level.Where(op => op.Launches.Length > round))
            {
                owners.Add(op.Launches[round], op);
            }

            foreach (KernelLaunch joined in HorizontalFusion.Join([.. owners.Keys.OfType<KernelLaunch>()]))
            {
                IEnumerable<CudaLaunch> parts = joined.Function is HorizontalFusion several ? several.Parts : [joined];
                yield return new CudaStage(joined, [.. parts.Select(part => owners[part])]);
            }

            foreach (CudaLaunch launch in owners.Keys.Where(launch => launch is not KernelLaunch))
            {
                yield return new CudaStage(launch, [owners[launch]]);
            }
        }
    }
}
