using System.Runtime.InteropServices;

namespace Engine.Distributed;

/// <summary>
/// Exchanges data between the ranks of a program: processes that a launcher started (<see cref="MpiCommunicator"/>),
/// processes with a GPU each (<see cref="NcclCommunicator"/>), or threads of one process
/// (<see cref="ThreadCommunicator"/>). All ranks must call the same methods in the same order, with tensors of the same
/// types. Each method returns when this rank's part is done.
/// </summary>
/// <remarks>
/// Only one thread at a time may use a communicator. A <c>…Async</c> method starts an exchange that continues while the
/// rank computes; the tensor must not be used until it is complete.
/// </remarks>
public abstract unsafe class Communicator : IDisposable
{
    private long _bytesSent;
    private bool _isDisposed;

    /// <summary>Gets this rank's number, from 0 on.</summary>
    public abstract int Rank { get; }

    /// <summary>Gets the number of ranks.</summary>
    public abstract int Size { get; }

    /// <summary>Gets the name of the transport, in few words.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// Gets the bytes that this rank has sent, counted as for the algorithms with the smallest traffic. With n ranks, a
    /// sum costs 2(n − 1)/n of its bytes, an all-to-all and an all-gather (n − 1)/n of the bytes of the result.
    /// </summary>
    public long BytesSent => Volatile.Read(ref _bytesSent);

    /// <summary>Gets or sets this rank's progress, in words, for messages about ranks that fail.</summary>
    public string Progress { get; set; } = "the start";

    /// <summary>
    /// Gets or sets how long a step of a training waits for the other ranks before it fails; null for no limit.
    /// </summary>
    public TimeSpan? StepLimit { get; set; }

    /// <summary>
    /// Gets whether exchanges continue while the rank computes, on two channels whose order relative to each other is
    /// free.
    /// </summary>
    internal virtual bool IsAsynchronous => false;

    /// <summary>Gets the exchanges that continue while functions compute.</summary>
    internal BegunCollectives Begun { get; } = new();

    /// <summary>Who has not arrived where this rank waits, in words; null where that is not known.</summary>
    internal Func<string?>? Missing { get; set; }

    /// <summary>Replaces this rank's values by the sum, or the maximum, of all ranks' values.</summary>
    /// <param name="values">float32, float64 or int32; of the same type on all ranks.</param>
    /// <param name="reduction">How the values are combined.</param>
    /// <exception cref="EngineException">The values have another dtype, or the ranks cannot be reached.</exception>
    public void AllReduce(Tensor values, Reduction reduction = Reduction.Sum) =>
        AllReduceAsync(values, reduction).Wait();

    /// <summary>Starts <see cref="AllReduce"/>.</summary>
    /// <inheritdoc cref="AllReduce"/>
    public Collective AllReduceAsync(Tensor values, Reduction reduction = Reduction.Sum)
    {
        ArgumentNullException.ThrowIfNull(values);
        return values.DType is DType.Float32 or DType.Float64 or DType.Int32
            ? Pinned(values, start => StartAllReduce(start, values.Shape.Count, values.DType, reduction))
            : throw new EngineException(
                $"Sums over ranks are of float32, float64 or int32, not of {values.DType.Name()}: convert the values.");
    }

    /// <summary>Replaces the values of all other ranks by those of one rank.</summary>
    /// <param name="values">The values, of the same type on all ranks.</param>
    /// <param name="root">The rank that sends its values.</param>
    /// <exception cref="EngineException">There is no such rank, or the ranks cannot be reached.</exception>
    public void Broadcast(Tensor values, int root = 0) => BroadcastAsync(values, root).Wait();

    /// <summary>Starts <see cref="Broadcast"/>.</summary>
    /// <inheritdoc cref="Broadcast"/>
    public Collective BroadcastAsync(Tensor values, int root = 0)
    {
        ArgumentNullException.ThrowIfNull(values);
        return root >= 0 && root < Size
            ? Pinned(values, start => StartBroadcast(start, values.ByteCount, root))
            : throw new EngineException($"There is no rank {root} to broadcast from: there are {Size}, from 0 on.");
    }

    /// <summary>Returns the values of all ranks along a new first axis: (ranks, …).</summary>
    /// <param name="values">The values, of the same type on all ranks.</param>
    /// <exception cref="EngineException">The ranks cannot be reached.</exception>
    public Tensor AllGather(Tensor values)
    {
        ArgumentNullException.ThrowIfNull(values);
        var all = new Tensor(values.DType, [Size, .. values.Shape]);
        Pinned(all, into => Pinned(values, start => StartAllGather(start, values.ByteCount, into))).Wait();
        return all;
    }

    /// <summary>Waits until all ranks have called it.</summary>
    /// <exception cref="EngineException">The ranks cannot be reached.</exception>
    public void Barrier() => AllReduce(Tensor.Scalar(0));

    /// <summary>Leaves the other ranks after all have called it.</summary>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Starts a reduction in place.</summary>
    internal Collective StartAllReduce(void* values, long count, DType dtype, Reduction reduction)
    {
        RequireOpen();
        Count(2 * count * dtype.Size());
        return BeginAllReduce(values, count, dtype, reduction);
    }

    /// <summary>Starts to send one rank's bytes to all.</summary>
    internal Collective StartBroadcast(void* values, long bytes, int root)
    {
        RequireOpen();
        Interlocked.Add(ref _bytesSent, Rank == root && Size > 1 ? bytes : 0);
        return BeginBroadcast(values, bytes, root);
    }

    /// <summary>Starts to send each rank's bytes to all, in the order of the ranks.</summary>
    /// <param name="mine">This rank's bytes.</param>
    /// <param name="bytes">The number of bytes of each rank.</param>
    /// <param name="all">The memory for the bytes of all ranks.</param>
    /// <param name="aside">Whether it uses the second channel, whose order relative to all else is free.</param>
    internal Collective StartAllGather(void* mine, long bytes, void* all, bool aside = false)
    {
        RequireOpen();
        Count(bytes * Size);
        return BeginAllGather(mine, bytes, all, aside);
    }

    /// <summary>Starts to send each rank its part of the data of every rank.</summary>
    internal Collective StartAllToAll(void* send, long bytesEach, void* receive)
    {
        RequireOpen();
        Count(bytesEach * Size);
        return BeginAllToAll(send, bytesEach, receive);
    }

    /// <summary>Waits for an exchange that a step needs, at most for <see cref="StepLimit"/>.</summary>
    /// <exception cref="EngineException">It took too long.</exception>
    internal void WaitInStep(Collective exchange) => exchange.Wait(StepLimit, waited => new EngineException(
        FormattableString.Invariant(
            $"At {Progress} no answer came for {waited.TotalSeconds:F0} s{(Missing?.Invoke() is { } missing ? $": {missing}" : "")}.")));

    /// <summary>
    /// Enqueues exchanges of a bucket that a GPU does while it computes: behind the work of a stream so far, beside its
    /// later work, and in the order of these calls.
    /// </summary>
    /// <param name="stream">The stream of the device.</param>
    /// <param name="bucket">The address of the bucket.</param>
    /// <param name="enqueue">Puts the exchanges into the stream that it is given.</param>
    /// <exception cref="EngineException">The transport cannot reach GPU memory.</exception>
    internal virtual void EnqueueBeside(nint stream, ulong bucket, Action<nint> enqueue) => throw NotOnGpus();

    /// <summary>Makes later work of a stream wait for the exchanges of a bucket.</summary>
    /// <inheritdoc cref="EnqueueBeside"/>
    internal virtual void EnqueueWait(nint stream, ulong bucket) => throw NotOnGpus();

    /// <summary>Enqueues a reduction of values in this rank's GPU memory, in place, in one of its streams.</summary>
    /// <exception cref="EngineException">The transport cannot reach GPU memory.</exception>
    internal virtual void EnqueueAllReduce(ulong values, long count, DType dtype, Reduction reduction, nint stream) =>
        throw NotOnGpus();

    /// <summary>Enqueues sending each rank's bytes to all, in the order of the ranks.</summary>
    /// <inheritdoc cref="EnqueueAllReduce"/>
    internal virtual void EnqueueAllGather(ulong mine, long bytes, ulong all, nint stream) => throw NotOnGpus();

    /// <summary>Enqueues sending each rank its part of the data of every rank.</summary>
    /// <inheritdoc cref="EnqueueAllReduce"/>
    internal virtual void EnqueueAllToAll(ulong send, long bytesEach, ulong receive, nint stream) => throw NotOnGpus();

    /// <summary>Enqueues sending one rank's bytes to all.</summary>
    /// <inheritdoc cref="EnqueueAllReduce"/>
    internal virtual void EnqueueBroadcast(ulong values, long bytes, int root, nint stream) => throw NotOnGpus();

    /// <inheritdoc cref="StartAllReduce"/>
    private protected abstract Collective BeginAllReduce(void* values, long count, DType dtype, Reduction reduction);

    /// <inheritdoc cref="StartBroadcast"/>
    private protected abstract Collective BeginBroadcast(void* values, long bytes, int root);

    /// <inheritdoc cref="StartAllGather"/>
    private protected abstract Collective BeginAllGather(void* mine, long bytes, void* all, bool aside);

    /// <inheritdoc cref="StartAllToAll"/>
    private protected abstract Collective BeginAllToAll(void* send, long bytesEach, void* receive);

    /// <summary>Leaves the other ranks.</summary>
    protected abstract void Dispose(bool disposing);

    private EngineException NotOnGpus() => new(
        $"Data on GPUs need NCCL, but these {Size} ranks communicate by {Name}: give functions on a GPU an "
        + $"{nameof(NcclCommunicator)}, or compute on the CPU.");

    private void RequireOpen() => ObjectDisposedException.ThrowIf(_isDisposed, this);

    private void Count(long bytes) => Interlocked.Add(ref _bytesSent, bytes * (Size - 1) / Size);

    private delegate Collective Starter(void* start);

    /// <summary>
    /// Starts an exchange with the memory of a tensor, which is pinned until the exchange is complete.
    /// </summary>
    private static PinnedCollective Pinned(Tensor values, Starter start)
    {
        if (values.DType == DType.Bool)
        {
            throw new EngineException("Ranks tell each other numbers, not bool: convert the values to uint8.");
        }

        var pin = GCHandle.Alloc(values.Elements, GCHandleType.Pinned);
        try
        {
            return new PinnedCollective(start((void*)pin.AddrOfPinnedObject()), pin);
        }
        catch
        {
            pin.Free();
            throw;
        }
    }

    private sealed class PinnedCollective(Collective inner, GCHandle pin) : Collective
    {
        private GCHandle _pin = pin;

        public override bool IsDone
        {
            get
            {
                if (!_pin.IsAllocated)
                {
                    return true;
                }

                if (!inner.IsDone)
                {
                    return false;
                }

                _pin.Free();
                return true;
            }
        }
    }
}
