using Engine.Interop;

namespace Engine.Devices.Cuda;

/// <summary>
/// Represents an NVIDIA GPU, through its driver: kernels are compiled for it by NVRTC when a function is, and kept.
/// Other CUDA libraries of the process can work with it through <see cref="Context"/>, <see cref="Stream"/> and
/// <see cref="Address"/>.
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
    /// There is no driver, no NVRTC or no such GPU; the message says what was looked for and what to install.
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
    /// Gets why no profiler shows what a device with <see cref="CudaOptions.Profile"/> runs; null where one does.
    /// </summary>
    public static string? WhyNoProfiler => Nvtx.Failure?.Message;

    /// <inheritdoc/>
    public override string Name => $"cuda:{_gpu.Ordinal}";

    /// <inheritdoc/>
    public override int Architecture => _gpu.Architecture;

    /// <inheritdoc/>
    public override Peak Peak => _peak ??= CudaPeak.Of(_gpu);

    /// <summary>Gets what the GPU is sold as.</summary>
    public string Model => _gpu.Name;

    /// <summary>Gets the driver's context, a <c>CUcontext</c>: the GPU's primary one.</summary>
    public nint Context => _context.DangerousGetHandle();

    /// <summary>Gets the stream that all work of this device goes through, a <c>CUstream</c>.</summary>
    public nint Stream => _stream.Value;

    /// <summary>The same stream, for what is to come after the copies to this device's memory.</summary>
    internal StreamHandle Queue => _stream;

    /// <summary>Records what is put into the stream, of which nothing is run.</summary>
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
    /// <exception cref="EngineException">There is not enough memory; the message says who holds it.</exception>
    public override Storage Allocate(long bytes)
    {
        ThrowIfDisposed();
        // The driver refuses a block of nothing.
        long size = Math.Max(bytes, 1);
        MemoryHandle? memory = MemoryHandle.TryAllocate(_context, _pool, size, Freed);
        if (memory is null)
        {
            // Arrays that nobody refers to any more hold memory until they are collected.
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

    /// <summary>Compiles kernels on all cores, for whoever asks for them later.</summary>
    internal void Precompile(IEnumerable<CudaFunction> kernels) => _compiler.Compile(kernels);

    /// <summary>Takes the device for oneself, and its context for the thread, until that is disposed of.</summary>
    internal Turn Take() => new(this);

    /// <summary>Copies to the GPU once all is done that was put into the stream before.</summary>
    internal void Upload(ReadOnlySpan<byte> from, ulong to)
    {
        using Turn turn = Take();
        _staging.Upload(from, to);
    }

    /// <summary>Copies from the GPU once all is done that was put into the stream before, and waits for it.</summary>
    internal void Download(ulong from, Span<byte> to)
    {
        using Turn turn = Take();
        _staging.Download(from, to);
    }

    internal override void Prefetch(Tensor tensor) => _uploads.Begin(tensor);

    internal override void ForgetPrefetched() => _uploads.Forget();

    internal override bool TryTakePrefetched(Tensor tensor, Operand place)
    {
        using Turn turn = Take();
        return _uploads.TryTake(tensor, Address(place.Storage) + (ulong)place.Offset, _stream);
    }

    /// <summary>cuBLAS in the device's stream, to compare with.</summary>
    /// <exception cref="CudaException">There is no cuBLAS.</exception>
    internal CuBlasHandle OpenCuBlas() => new(_stream);

    /// <summary>Throws what kernels have reported. Only who still has the device knows them to be its own.</summary>
    internal void ThrowFaults() => _faults.Throw();

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            using Lock.Scope turn = _running.EnterScope();
            // Some of these are not there if the device could not be opened.
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
                $"{Name} ({Model}) has no room for this program: others hold its {Megabytes(_gpu.Bytes)}. End one of them "
                + $"(nvidia-smi lists them), or use another device. {error.Message}",
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
            $"{Name} ({Model}) has no room for {Megabytes(bytes)}: of its {Megabytes((long)total)}, this program's arrays "
            + $"hold {Megabytes(held)} in {_heldBlocks} blocks, kernels, the driver and other programs "
            + $"{Megabytes(others)}, and {Megabytes((long)free)} are free. Take smaller batches, dispose of functions and "
            + "shared variables that are done with, or use another device.")
        {
            Reason = $"{Name} ({Model}) has no room for {Megabytes(bytes)}",
        };
    }

    private static string Megabytes(long bytes) => FormattableString.Invariant($"{bytes / 1048576.0:0.###} MiB");

    /// <summary>The device taken for oneself.</summary>
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

/// <summary>A launch of a program, for one op or, where several do not depend on one another, for them all.</summary>
internal sealed record CudaStage(CudaLaunch Launch, IReadOnlyList<CudaBoundOp> Owners)
{
    /// <summary>Gets the names of the ops.</summary>
    public string Ops => string.Join(", ", Owners.Select(op => op.Name).Distinct());

    /// <summary>Returns the launches of kernels, level by level.</summary>
    public static CudaStage[] Of(IReadOnlyList<IReadOnlyList<IKernel>> levels) =>
        [.. levels.SelectMany(level => Join([.. level.Cast<CudaBoundOp>()]))];

    /// <summary>
    /// Returns a level's launches: the first of each op, those that go together as one, then the second of each …
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
