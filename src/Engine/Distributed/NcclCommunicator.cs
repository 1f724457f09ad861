using Engine.Interop;

namespace Engine.Distributed;

/// <summary>
/// Represents processes with one GPU each, which communicate through NCCL. The library is found at run time, first in
/// the folders of <c>ENGINE_CUDA_PATH</c>. Sums of functions on the GPU go from GPU to GPU; a <see cref="Tensor"/> of
/// the host goes through the GPU's memory.
/// </summary>
/// <remarks>
/// <see cref="Communicator.BytesSent"/> counts the exchanges of the host, not those of functions, which are recorded
/// once and run many times.
/// </remarks>
public sealed unsafe class NcclCommunicator : Communicator
{
    private readonly ContextHandle _context;
    private readonly StreamHandle _stream;
    private readonly NcclHandle _nccl;

    // By bucket: where the device's stream begins the sum, then where the sum ends.
    private readonly Dictionary<ulong, EventHandle> _marks = [];

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
    /// Gets the number of this rank's GPU on its machine, as the driver counts; functions must run on that GPU.
    /// </summary>
    public int Ordinal { get; }

    /// <summary>
    /// Joins the other processes at the address in <c>MASTER_ADDR</c> and the port in <c>MASTER_PORT</c>, as torchrun
    /// sets them.
    /// </summary>
    /// <param name="launch">How this process was started.</param>
    /// <param name="ordinal">
    /// Its GPU, which no other process of this machine uses; null for the GPU with its number on the machine.
    /// </param>
    /// <exception cref="EngineException">There is no NCCL or no such GPU, or the others cannot be reached.</exception>
    public static NcclCommunicator Open(RankLaunch launch, int? ordinal = null)
    {
        ArgumentNullException.ThrowIfNull(launch);
        return new NcclCommunicator(
            ordinal ?? launch.LocalRank, launch.Rank, launch.Size,
            id => Shared(id, own => Rendezvous.Share(launch, Environment.GetEnvironmentVariable, own)));
    }

    /// <summary>Joins ranks that can already communicate in another way, such as MPI.</summary>
    /// <param name="others">The ranks, all of which call this; it is not needed afterward.</param>
    /// <param name="ordinal">This rank's GPU, which no other process of this machine uses.</param>
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
            foreach (EventHandle mark in _marks.Values)
            {
                mark.Dispose();
            }

            _stream.Dispose();
            _context.Dispose();
        }
    }

    internal override void EnqueueBeside(nint stream, ulong bucket, Action<nint> enqueue)
    {
        if (!_marks.TryGetValue(bucket, out EventHandle? mark))
        {
            _marks[bucket] = mark = new EventHandle(_context);
        }

        mark.Record(stream);
        mark.Delay(_stream.Value);
        enqueue(_stream.Value);
        mark.Record(_stream.Value);
    }

    internal override void EnqueueWait(nint stream, ulong bucket) => _marks[bucket].Delay(stream);

    internal override void EnqueueAllReduce(ulong values, long count, DType dtype, Reduction reduction, nint stream) =>
        _nccl.AllReduce(values, count, dtype, reduction == Reduction.Max, stream);

    internal override void EnqueueAllGather(ulong mine, long bytes, ulong all, nint stream) =>
        _nccl.AllGather(mine, bytes, all, stream);

    internal override void EnqueueAllToAll(ulong send, long bytesEach, ulong receive, nint stream) =>
        _nccl.AllToAll(send, bytesEach, receive, Size, stream);

    internal override void EnqueueBroadcast(ulong values, long bytes, int root, nint stream) =>
        _nccl.Broadcast(values, bytes, root, stream);

    private protected override Collective BeginAllReduce(void* values, long count, DType dtype, Reduction reduction)
    {
        long bytes = count * dtype.Size();
        return Stage(
            values, bytes, 0, values, bytes, 0, at => EnqueueAllReduce(at, count, dtype, reduction, _stream.Value));
    }

    private protected override Collective BeginBroadcast(void* values, long bytes, int root) =>
        Stage(values, bytes, 0, values, bytes, 0, at => EnqueueBroadcast(at, bytes, root, _stream.Value));

    private protected override Collective BeginAllGather(void* mine, long bytes, void* all, bool aside)
    {
        long own = Rank * bytes;
        return Stage(
            mine, bytes, own, all, Size * bytes, 0, at => EnqueueAllGather(at + (ulong)own, bytes, at, _stream.Value));
    }

    private protected override Collective BeginAllToAll(void* send, long bytesEach, void* receive)
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
    /// Copies host memory to scratch memory of the GPU, does some work there, and copies the result back when it is
    /// asked for.
    /// </summary>
    /// <param name="from">The memory to copy.</param>
    /// <param name="bytes">The number of bytes.</param>
    /// <param name="offset">The offset in the scratch memory.</param>
    /// <param name="to">The destination of the result.</param>
    /// <param name="resultBytes">The number of bytes of the result.</param>
    /// <param name="resultOffset">The offset of the result in the scratch memory.</param>
    /// <param name="enqueue">Puts the work into the stream, given the address of the scratch memory.</param>
    private Staged Stage(
        void* from, long bytes, long offset, void* to, long resultBytes, long resultOffset, Action<ulong> enqueue)
    {
        long size = Math.Max(Math.Max(offset + bytes, resultOffset + resultBytes), 1);
        MemoryHandle scratch = MemoryHandle.TryAllocate(_context, null, size) ?? throw new EngineException(
            FormattableString.Invariant(
                $"GPU {Ordinal} has no room for the {size:N0} bytes that the ranks are to exchange."));
        using ContextHandle.Scope scope = _context.Enter();
        if (bytes > 0)
        {
            Driver.Check(
                DriverApi.cuMemcpyHtoDAsync_v2(scratch.Address + (ulong)offset, from, (nuint)bytes, _stream.Value),
                nameof(DriverApi.cuMemcpyHtoDAsync_v2));
        }

        enqueue(scratch.Address);
        var end = new EventHandle(_context);
        end.Record(_stream.Value);
        return new Staged(_stream, scratch, end, to, resultBytes, resultOffset);
    }

    private sealed class Staged(
        StreamHandle stream, MemoryHandle scratch, EventHandle end, void* to, long bytes, long offset) : Collective
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
