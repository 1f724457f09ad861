using Engine.Interop;

namespace Engine.Distributed;

/// <summary>
/// Represents the GPUs of several processes, one each, which speak to each other by NCCL, found at run time in the
/// folders of <c>ENGINE_CUDA_PATH</c> first. What functions on the GPU sum goes from GPU to GPU; a <see cref="Tensor"/>
/// of the host goes through the GPU's memory.
/// </summary>
/// <remarks>
/// <see cref="Communicator.BytesSent"/> counts what the host exchanges, not what functions do: those are recorded once and
/// run again and again.
/// </remarks>
public sealed unsafe class NcclCommunicator : Communicator
{
    private readonly ContextHandle _context;
    private readonly StreamHandle _stream;
    private readonly NcclHandle _nccl;

    private NcclCommunicator(int ordinal, int rank, int size, Func<NcclUniqueId, NcclUniqueId> share)
    {
        Nccl.Require();
        (Rank, Size, Ordinal) = (rank, size, ordinal);
        Name = $"NCCL {Nccl.Version}";
        _context = new ContextHandle(new Gpu(ordinal));
        try
        {
            _stream = new StreamHandle(_context);
            NcclUniqueId id = share(rank == 0 ? NcclHandle.MakeId() : default);
            _nccl = new NcclHandle(_context, id, rank, size);
        }
        catch
        {
            _stream?.Dispose();
            _context.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Size { get; }

    /// <summary>Gets the library and its version: <c>NCCL 2.22.3</c>.</summary>
    public override string Name { get; }

    /// <summary>
    /// Gets which of this machine's GPUs is this rank's, as the driver counts: functions must run on that one.
    /// </summary>
    public int Ordinal { get; }

    /// <summary>
    /// Joins the other processes, which find each other at the address in <c>MASTER_ADDR</c> and the port in
    /// <c>MASTER_PORT</c>, as torchrun sets them.
    /// </summary>
    /// <param name="launch">How this process was started.</param>
    /// <param name="ordinal">Its GPU, which no other process of this machine has; null: that of its number on the machine.</param>
    /// <exception cref="EngineException">There is no NCCL or no such GPU, or the others cannot be reached.</exception>
    public static NcclCommunicator Open(RankLaunch launch, int? ordinal = null)
    {
        ArgumentNullException.ThrowIfNull(launch);
        return new NcclCommunicator(
            ordinal ?? launch.LocalRank, launch.Rank, launch.Size,
            id => Shared(id, own => Rendezvous.Share(launch, Environment.GetEnvironmentVariable, own)));
    }

    /// <summary>Joins those that can already speak to each other in another way, such as by MPI.</summary>
    /// <param name="others">The ranks, all of which call this; it is needed no more afterwards.</param>
    /// <param name="ordinal">This rank's GPU, which no other process of this machine has.</param>
    /// <exception cref="EngineException">There is no NCCL or no such GPU, or the others cannot be reached.</exception>
    public static NcclCommunicator Open(Communicator others, int ordinal)
    {
        ArgumentNullException.ThrowIfNull(others);
        return new NcclCommunicator(ordinal, others.Rank, others.Size, id => Shared(id, own =>
        {
            var all = Tensor.From(own);
            others.Broadcast(all);
            return all.AsSpan<byte>().ToArray();
        }));
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _nccl.Dispose();
            _stream.Dispose();
            _context.Dispose();
        }
    }

    internal override void EnqueueAllReduce(ulong values, long count, DType dtype, Reduction reduction, nint stream) =>
        _nccl.AllReduce(values, count, dtype, reduction == Reduction.Max, stream);

    internal override void EnqueueAllGather(ulong mine, long bytes, ulong all, nint stream) =>
        _nccl.AllGather(mine, bytes, all, stream);

    internal override void EnqueueAllToAll(ulong send, long bytesEach, ulong receive, nint stream) =>
        _nccl.AllToAll(send, bytesEach, receive, Size, stream);

    internal override void EnqueueBroadcast(ulong values, long bytes, int root, nint stream) =>
        _nccl.Broadcast(values, bytes, root, stream);

    private protected override Exchange BeginAllReduce(void* values, long count, DType dtype, Reduction reduction)
    {
        long bytes = count * dtype.Size();
        return Stage(values, bytes, 0, values, bytes, 0, at => EnqueueAllReduce(at, count, dtype, reduction, _stream.Value));
    }

    private protected override Exchange BeginBroadcast(void* values, long bytes, int root) =>
        Stage(values, bytes, 0, values, bytes, 0, at => EnqueueBroadcast(at, bytes, root, _stream.Value));

    private protected override Exchange BeginAllGather(void* mine, long bytes, void* all, bool aside)
    {
        long own = Rank * bytes;
        return Stage(mine, bytes, own, all, Size * bytes, 0, at => EnqueueAllGather(at + (ulong)own, bytes, at, _stream.Value));
    }

    private protected override Exchange BeginAllToAll(void* send, long bytesEach, void* receive)
    {
        long bytes = Size * bytesEach;
        return Stage(send, bytes, 0, receive, bytes, bytes, at =>
            EnqueueAllToAll(at, bytesEach, at + (ulong)bytes, _stream.Value));
    }

    private static NcclUniqueId Shared(NcclUniqueId id, Func<byte[], byte[]> share)
    {
        byte[] bytes = share(new ReadOnlySpan<byte>(id.Value, NcclUniqueId.Bytes).ToArray());
        bytes.CopyTo(new Span<byte>(id.Value, NcclUniqueId.Bytes));
        return id;
    }

    /// <summary>
    /// Brings memory of the host to scratch memory of the GPU, has something done there, and brings the result back once that
    /// is asked for.
    /// </summary>
    /// <param name="from">What is brought there.</param>
    /// <param name="bytes">How many bytes of it.</param>
    /// <param name="offset">Where in the scratch memory they go.</param>
    /// <param name="to">Where the result goes.</param>
    /// <param name="resultBytes">How many bytes it has.</param>
    /// <param name="resultOffset">Where in the scratch memory it lies.</param>
    /// <param name="enqueue">Puts what is done into the stream, given where the scratch memory begins.</param>
    private Staged Stage(
        void* from, long bytes, long offset, void* to, long resultBytes, long resultOffset, Action<ulong> enqueue)
    {
        long size = Math.Max(Math.Max(offset + bytes, resultOffset + resultBytes), 1);
        MemoryHandle scratch = MemoryHandle.TryAllocate(_context, null, size) ?? throw new EngineException(
            FormattableString.Invariant($"GPU {Ordinal} has no room for the {size:N0} bytes that the ranks are to exchange."));
        using ContextHandle.Scope scope = _context.Enter();
        if (bytes > 0)
        {
            Driver.Check(
                DriverApi.cuMemcpyHtoDAsync_v2(scratch.Address + (ulong)offset, from, (nuint)bytes, _stream.Value),
                nameof(DriverApi.cuMemcpyHtoDAsync_v2));
        }

        enqueue(scratch.Address);
        var end = new EventHandle(_context);
        end.Record(_stream);
        return new Staged(_stream, scratch, end, to, resultBytes, resultOffset);
    }

    private sealed class Staged(
        StreamHandle stream, MemoryHandle scratch, EventHandle end, void* to, long bytes, long offset) : Exchange
    {
        private bool _isDone;

        public override bool IsDone
        {
            get
            {
                if (_isDone || !end.IsReached)
                {
                    return _isDone;
                }

                if (bytes > 0)
                {
                    using ContextHandle.Scope scope = stream.Context.Enter();
                    Driver.Check(
                        DriverApi.cuMemcpyDtoHAsync_v2(to, scratch.Address + (ulong)offset, (nuint)bytes, stream.Value),
                        nameof(DriverApi.cuMemcpyDtoHAsync_v2));
                }

                stream.Synchronize();
                scratch.Dispose();
                end.Dispose();
                return _isDone = true;
            }
        }
    }
}
