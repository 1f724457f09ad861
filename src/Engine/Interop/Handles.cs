using System.Text;

namespace Engine.Interop;

/// <summary>A block of a GPU's memory.</summary>
internal sealed unsafe class MemoryHandle : CudaHandle
{
    private readonly Action<long>? _freed;
    private readonly MemoryPoolHandle? _pool;
    private readonly long _bytes;

    private MemoryHandle(ContextHandle context, MemoryPoolHandle? pool, long bytes, Action<long>? freed) : base(context) =>
        (_pool, _bytes, _freed) = (pool, bytes, freed);

    public ulong Address => (ulong)DangerousGetHandle();

    /// <summary>Returns a block whose contents are undefined; null if there is not enough memory.</summary>
    /// <param name="context">Where to allocate it.</param>
    /// <param name="pool">What to take it from, in the order of its stream; null for the driver, which waits for all streams.</param>
    /// <param name="bytes">Its size.</param>
    /// <param name="freed">Called with the size when the block has been freed, on any thread.</param>
    /// <exception cref="CudaException">It fails for another reason.</exception>
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
/// Memory that is given out and taken back in the order of a stream: neither waits for anything, and what was freed is kept
/// for what comes next.
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

        // Nothing is given back to the system until it is asked for: else each wait for the stream would.
        const int ReleaseThreshold = 4;
        ulong kept = ulong.MaxValue;
        Driver.Check(DriverApi.cuMemPoolSetAttribute(pool, ReleaseThreshold, &kept));
    }

    /// <summary>
    /// Held while the stream is captured: what were allocated or freed meanwhile, by a finalizer say, would become a part of
    /// the graph.
    /// </summary>
    public Lock Gate { get; } = new();

    /// <summary>Returns a pool for a stream; null where the GPU has none.</summary>
    public static MemoryPoolHandle? TryCreate(Gpu gpu, StreamHandle stream)
    {
        const int ArePoolsSupported = 115;
        return gpu.TryAttribute(ArePoolsSupported) == 0 ? null : new MemoryPoolHandle(gpu, stream);
    }

    /// <summary>Takes a block; the thread is in the stream's context.</summary>
    public int Allocate(ulong* address, long bytes)
    {
        lock (Gate)
        {
            return DriverApi.cuMemAllocFromPoolAsync(address, (nuint)bytes, handle, _stream.Value);
        }
    }

    /// <summary>Gives a block back once all is done that was put into the stream before.</summary>
    public int Free(ulong address)
    {
        lock (Gate)
        {
            return DriverApi.cuMemFreeAsync(address, _stream.Value);
        }
    }

    /// <summary>Gives back to the system what nobody has.</summary>
    public void Trim()
    {
        _stream.Synchronize();
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuMemPoolTrimTo(handle, 0));
    }

    /// <summary>Has the pool and its stream outlive a block.</summary>
    public void Keep()
    {
        bool added = false;
        DangerousAddRef(ref added);
        _stream.DangerousAddRef(ref added);
    }

    /// <summary>Ends that.</summary>
    public void LetGo()
    {
        _stream.DangerousRelease();
        DangerousRelease();
    }

    protected override int Free(nint owned) => DriverApi.cuMemPoolDestroy(owned);
}

/// <summary>Memory of the host that stays where it is, so that the GPU copies to and from it by itself.</summary>
internal sealed unsafe class PinnedHandle : CudaHandle
{
    private readonly int _bytes;

    /// <param name="context">Whose GPU is to reach it.</param>
    /// <param name="bytes">Its size.</param>
    /// <exception cref="CudaException">The driver refuses.</exception>
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

/// <summary>Compiled kernels, loaded.</summary>
internal sealed unsafe class CudaModuleHandle : CudaHandle
{
    /// <param name="context">Where to load them.</param>
    /// <param name="image">A cubin, or PTX that ends with a zero.</param>
    /// <exception cref="CudaException">The driver does not take the image.</exception>
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

    /// <summary>Returns a kernel of the module, which lives as long.</summary>
    /// <exception cref="CudaException">It has no such kernel.</exception>
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

    /// <summary>Lets launches give a kernel so many bytes of shared memory, which may be more than the 48 KB that all have.</summary>
    /// <exception cref="CudaException">The GPU has not as much for a block.</exception>
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

/// <summary>A queue of work, independent of the default one.</summary>
internal sealed unsafe class StreamHandle : CudaHandle
{
    private const uint NonBlocking = 1;

    /// <exception cref="CudaException">The driver refuses.</exception>
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

/// <summary>A mark in a stream, with the time at which it was reached.</summary>
internal sealed unsafe class EventHandle : CudaHandle
{
    /// <exception cref="CudaException">The driver refuses.</exception>
    public EventHandle(ContextHandle context) : base(context)
    {
        using ContextHandle.Scope scope = context.Enter();
        nint made;
        Driver.Check(DriverApi.cuEventCreate(&made, 0));
        Own(made);
    }

    /// <summary>Puts the mark at the end of a stream's work.</summary>
    public void Record(StreamHandle stream)
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuEventRecord(handle, stream.Value));
    }

    /// <summary>Waits until the mark is reached, if it was put anywhere.</summary>
    public void Wait()
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuEventSynchronize(handle));
    }

    /// <summary>Gets whether the mark is reached, if it was put anywhere.</summary>
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

    /// <summary>Has what is put into a stream from now on wait until the mark is reached, if it was put anywhere.</summary>
    public void Delay(StreamHandle stream)
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuStreamWaitEvent(stream.Value, handle, 0));
    }

    /// <summary>Returns the time from one mark to another, once that is reached.</summary>
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

/// <summary>Work recorded once, to be launched as a whole as often as wanted.</summary>
internal sealed unsafe class GraphHandle : CudaHandle
{
    private const int ThreadLocalMode = 1;

    /// <summary>Records what <paramref name="enqueue"/> puts into a stream, which is not run.</summary>
    /// <exception cref="CudaException">Something in it cannot be recorded.</exception>
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
            // The stream must leave the capture, or nothing runs on it any more; what went wrong is already known.
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

    /// <summary>Puts the work into a stream.</summary>
    public void Launch(StreamHandle stream)
    {
        using ContextHandle.Scope scope = Context.Enter();
        Driver.Check(DriverApi.cuGraphLaunch(handle, stream.Value));
    }

    protected override int Free(nint owned) => DriverApi.cuGraphExecDestroy(owned);
}
