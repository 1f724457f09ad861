using System.Text;

namespace Engine.Interop;

/// <summary>A block of a GPU's memory.</summary>
internal sealed unsafe class MemoryHandle : CudaHandle
{
    private readonly Action<long>? _freed;
    private readonly MemoryPoolHandle? _pool;
    private readonly long _bytes;

    private MemoryHandle(ContextHandle context, MemoryPoolHandle? pool, long bytes, Action<long>? freed)
        : base(context) =>
        (_pool, _bytes, _freed) = (pool, bytes, freed);

    public ulong Address => (ulong)DangerousGetHandle();

    /// <summary>Returns a block whose contents are undefined; null if there is not enough memory.</summary>
    /// <param name="context">The context of the block.</param>
    /// <param name="pool">
    /// The pool to take it from, in the order of its stream; null for the driver, which waits for all streams.
    /// </param>
    /// <param name="bytes">Its size.</param>
    /// <param name="freed">Called with the size after the block has been freed, on any thread.</param>
    /// <exception cref="CudaException">The allocation fails for another reason.</exception>
    public static MemoryHandle? TryAllocate(
        ContextHandle context, MemoryPoolHandle? pool, long bytes, Action<long>? freed = null)
    {
        var memory = new MemoryHandle(context, pool, bytes, freed);
        using ContextHandle.Scope scope = context.Enter();
        ulong address;
        int result = pool is null ? DriverApi.cuMemAlloc_v2(&address, (nuint)bytes) : pool.Allocate(&address, bytes);
        if (result == Driver.OutOfMemory)
        {
            memory.SetHandleAsInvalid();
            return null;
        }

        Driver.Check(
            result, pool is null ? nameof(DriverApi.cuMemAlloc_v2) : nameof(DriverApi.cuMemAllocFromPoolAsync));
        memory.Own((nint)address);
        pool?.Keep();
        return memory;
    }

    protected override int Free(nint owned)
    {
        int result = _pool?.Free((ulong)owned) ?? DriverApi.cuMemFree_v2((ulong)owned);
        _freed?.Invoke(_bytes);
        _pool?.LetGo();
        return result;
    }
}

/// <summary>
/// A pool whose memory is allocated and freed in the order of a stream. Neither waits, and freed memory is kept for
/// later allocations.
/// </summary>
internal sealed unsafe class MemoryPoolHandle : CudaHandle
{
    private readonly StreamHandle _stream;

    private MemoryPoolHandle(Gpu gpu, StreamHandle stream) : base(stream.Context)
    {
        _stream = stream;
        using ContextHandle.Scope scope = Context.Enter();
        var properties = new MemoryPoolProperties
        {
            AllocationType = MemoryPoolProperties.Pinned,
            LocationType = MemoryPoolProperties.OnDevice,
            Device = gpu.Device,
        };
        nint pool;
        Driver.Check(DriverApi.cuMemPoolCreate(&pool, &properties));
        Own(pool);

        // Memory returns to the system only on request; otherwise each wait for the stream would return it.
        const int ReleaseThreshold = 4;
        ulong kept = ulong.MaxValue;
        Driver.Check(DriverApi.cuMemPoolSetAttribute(pool, ReleaseThreshold, &kept));
    }

    /// <summary>
    /// Gets the lock that is held while the stream is captured: memory allocated or freed meanwhile, for example by a
    /// finalizer, would become part of the graph.
    /// </summary>
    public Lock Gate { get; } = new();

    /// <summary>Returns a pool for a stream; null if the GPU has none.</summary>
    public static MemoryPoolHandle? TryCreate(Gpu gpu, StreamHandle stream)
    {
        const int ArePoolsSupported = 115;
        return gpu.TryAttribute(ArePoolsSupported) == 0 ? null : new MemoryPoolHandle(gpu, stream);
    }

    /// <summary>Allocates a block; the stream's context must be current on the thread.</summary>
    public int Allocate(ulong* address, long bytes)
    {
        lock (Gate)
        {
            return DriverApi.cuMemAllocFromPoolAsync(address, (nuint)bytes, handle, _stream.Value);
        }
    }

    /// <summary>Frees a block after all earlier work of the stream.</summary>
    public int Free(ulong address)
    {
        lock (Gate)
        {
            return DriverApi.cuMemFreeAsync(address, _stream.Value);
        }
    }

    /// <summary>Returns unused memory to the system.</summary>
    public void Trim()
    {
        _stream.Synchronize();
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuMemPoolTrimTo(handle, 0));
    }

    /// <summary>Keeps the pool and its stream alive while a block exists.</summary>
    public void Keep()
    {
        bool added = false;
        DangerousAddRef(ref added);
        _stream.DangerousAddRef(ref added);
    }

    /// <summary>Reverses <see cref="Keep"/>.</summary>
    public void LetGo()
    {
        _stream.DangerousRelease();
        DangerousRelease();
    }

    protected override int Free(nint owned) => DriverApi.cuMemPoolDestroy(owned);
}

/// <summary>Pinned host memory, which the GPU copies to and from by itself.</summary>
internal sealed unsafe class PinnedHandle : CudaHandle
{
    private readonly int _bytes;

    /// <param name="context">The context of the GPU that accesses it.</param>
    /// <param name="bytes">Its size.</param>
    /// <exception cref="CudaException">The driver cannot allocate it.</exception>
    public PinnedHandle(ContextHandle context, int bytes) : base(context)
    {
        using ContextHandle.Scope scope = context.Enter();
        void* memory;
        Driver.Check(DriverApi.cuMemHostAlloc(&memory, (nuint)bytes, 0));
        Own((nint)memory);
        _bytes = bytes;
    }

    public Span<byte> Memory => new((void*)handle, _bytes);

    protected override int Free(nint owned) => DriverApi.cuMemFreeHost((void*)owned);
}

/// <summary>A module of loaded kernels.</summary>
internal sealed unsafe class CudaModuleHandle : CudaHandle
{
    /// <param name="context">The context that loads them.</param>
    /// <param name="image">A cubin, or PTX that ends with a zero byte.</param>
    /// <exception cref="CudaException">The driver does not accept the image.</exception>
    public CudaModuleHandle(ContextHandle context, ReadOnlySpan<byte> image) : base(context)
    {
        using ContextHandle.Scope scope = context.Enter();
        nint module;
        fixed (byte* start = image)
        {
            Driver.Check(DriverApi.cuModuleLoadData(&module, start));
        }

        Own(module);
    }

    /// <summary>Returns a kernel of the module, valid as long as the module.</summary>
    /// <exception cref="CudaException">The module has no such kernel.</exception>
    public nint Function(string name)
    {
        using ContextHandle.Scope scope = Context.Enter();
        nint function;
        fixed (byte* text = Encoding.UTF8.GetBytes(name + '\0'))
        {
            int result = DriverApi.cuModuleGetFunction(&function, handle, text);
            Driver.Check(result, $"{nameof(DriverApi.cuModuleGetFunction)} for '{name}'");
        }

        return function;
    }

    /// <summary>
    /// Allows launches of a kernel with this much shared memory, which may exceed the 48 KB that every GPU allows.
    /// </summary>
    /// <exception cref="CudaException">The GPU has less for a block.</exception>
    public void AllowShared(nint function, int bytes)
    {
        const int MaxDynamicShared = 8;
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuFuncSetAttribute(function, MaxDynamicShared, bytes));
    }

    /// <summary>Returns how many blocks of a kernel a multiprocessor holds at once.</summary>
    public int Resident(nint function, int threads, int sharedBytes)
    {
        using ContextHandle.Scope scope = Context.Enter();
        int blocks;
        Driver.Check(
            DriverApi.cuOccupancyMaxActiveBlocksPerMultiprocessor(&blocks, function, threads, (nuint)sharedBytes));
        return blocks;
    }

    protected override int Free(nint owned) => DriverApi.cuModuleUnload(owned);
}

/// <summary>A stream of work, independent of the default stream.</summary>
internal sealed unsafe class StreamHandle : CudaHandle
{
    private const uint NonBlocking = 1;

    /// <exception cref="CudaException">The driver cannot create it.</exception>
    public StreamHandle(ContextHandle context) : base(context)
    {
        using ContextHandle.Scope scope = context.Enter();
        nint stream;
        Driver.Check(DriverApi.cuStreamCreate(&stream, NonBlocking));
        Own(stream);
    }

    public nint Value => handle;

    /// <summary>Waits until all work is done.</summary>
    /// <exception cref="CudaException">Some of the work failed.</exception>
    public void Synchronize()
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuStreamSynchronize(handle));
    }

    protected override int Free(nint owned) => DriverApi.cuStreamDestroy_v2(owned);
}

/// <summary>An event: a mark in a stream, with the time when the GPU reached it.</summary>
internal sealed unsafe class EventHandle : CudaHandle
{
    /// <exception cref="CudaException">The driver cannot create it.</exception>
    public EventHandle(ContextHandle context) : base(context)
    {
        using ContextHandle.Scope scope = context.Enter();
        nint made;
        Driver.Check(DriverApi.cuEventCreate(&made, 0));
        Own(made);
    }

    /// <summary>Records the event at the end of a stream's work.</summary>
    public void Record(nint stream)
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuEventRecord(handle, stream));
    }

    /// <summary>Waits until the event is reached, if it was recorded.</summary>
    public void Wait()
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuEventSynchronize(handle));
    }

    /// <summary>Gets whether the event is reached, or was never recorded.</summary>
    public bool IsReached
    {
        get
        {
            const int NotReady = 600;
            using ContextHandle.Scope scope = Context.Enter();
            int result = DriverApi.cuEventQuery(handle);
            Driver.Check(result == NotReady ? 0 : result, nameof(DriverApi.cuEventQuery));
            return result == 0;
        }
    }

    /// <summary>Makes later work of a stream wait until the event is reached, if it was recorded.</summary>
    public void Delay(nint stream)
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuStreamWaitEvent(stream, handle, 0));
    }

    /// <summary>Returns the time between two events, after the second is reached.</summary>
    public static TimeSpan Between(EventHandle start, EventHandle end)
    {
        using ContextHandle.Scope scope = end.Context.Enter();
        Driver.Check(DriverApi.cuEventSynchronize(end.handle));
        float milliseconds;
        Driver.Check(DriverApi.cuEventElapsedTime(&milliseconds, start.handle, end.handle));
        return TimeSpan.FromMilliseconds(milliseconds);
    }

    protected override int Free(nint owned) => DriverApi.cuEventDestroy_v2(owned);
}

/// <summary>Work that is recorded once and launched as a whole any number of times.</summary>
internal sealed unsafe class GraphHandle : CudaHandle
{
    private const int ThreadLocalMode = 1;

    /// <summary>Records the work that <paramref name="enqueue"/> puts into a stream without running it.</summary>
    /// <exception cref="CudaException">Some of the work cannot be recorded.</exception>
    public GraphHandle(StreamHandle stream, Action enqueue) : base(stream.Context)
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuStreamBeginCapture_v2(stream.Value, ThreadLocalMode));
        nint graph;
        try
        {
            enqueue();
        }
        catch
        {
            // The stream must end its capture, or nothing will run on it; the first error is already known.
            if (DriverApi.cuStreamEndCapture(stream.Value, &graph) == 0)
            {
                _ = DriverApi.cuGraphDestroy(graph);
            }

            throw;
        }

        Driver.Check(DriverApi.cuStreamEndCapture(stream.Value, &graph));
        nint executable;
        int result = DriverApi.cuGraphInstantiateWithFlags(&executable, graph, 0);
        _ = DriverApi.cuGraphDestroy(graph);
        Driver.Check(result, nameof(DriverApi.cuGraphInstantiateWithFlags));
        Own(executable);
    }

    /// <summary>Launches the work in a stream.</summary>
    public void Launch(StreamHandle stream)
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuGraphLaunch(handle, stream.Value));
    }

    protected override int Free(nint owned) => DriverApi.cuGraphExecDestroy(owned);
}
