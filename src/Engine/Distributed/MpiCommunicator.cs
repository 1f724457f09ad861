using Engine.Interop;

namespace Engine.Distributed;

/// <summary>
/// Represents processes that an MPI launcher (<c>mpirun</c>, <c>srun</c>) started together: with Open MPI, with MPICH
/// or a library of its ABI, or with a library of MPI 5's own ABI. The library is found at run time, first in the
/// folders of <c>ENGINE_MPI_PATH</c>.
/// </summary>
public sealed unsafe class MpiCommunicator : Communicator
{
    private MpiCommunicator()
    {
        Mpi.Start();
        (Rank, Size) = (Mpi.Rank, Mpi.Size);
        Name = Mpi.Version;
    }

    /// <inheritdoc/>
    public override int Rank { get; }

    internal override bool IsAsynchronous => true;

    /// <inheritdoc/>
    public override int Size { get; }

    /// <summary>Gets the library's name and version: <c>Open MPI v4.1.4</c>.</summary>
    public override string Name { get; }

    /// <summary>
    /// Joins the other processes; may be called once in a process, because MPI cannot be joined again.
    /// </summary>
    /// <param name="launch">How this process was started, if known: the library must be of the same kind.</param>
    /// <exception cref="EngineException">There is no library, or it is of another kind than the launcher.</exception>
    public static MpiCommunicator Open(RankLaunch? launch = null)
    {
        var communicator = new MpiCommunicator();
        if (launch is not null && (communicator.Size, communicator.Rank) != (launch.Size, launch.Rank))
        {
            throw new EngineException(
                $"{launch.LauncherName} started {launch.Size} processes, and for {communicator.Name} "
                + $"({Mpi.Library.Path}) this is {communicator.Rank} of {communicator.Size}: "
                + $"launcher and library are of different kinds. Name the folder of the launcher's library "
                + $"in {MpiLibrary.Variable}, or take the other launcher (mpirun.openmpi, mpirun.mpich).");
        }

        return communicator;
    }

    /// <summary>Ends all processes at once.</summary>
    /// <param name="code">Their exit code.</param>
    public static void Abort(int code) => Mpi.Abort(code);

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            Mpi.Finish();
        }
    }

    private protected override Collective BeginAllReduce(void* values, long count, DType dtype, Reduction reduction) =>
        new Request(Mpi.AllReduce(values, Whole(count), dtype, reduction == Reduction.Max));

    private protected override Collective BeginBroadcast(void* values, long bytes, int root) =>
        new Request(Mpi.Broadcast(values, Whole(bytes), root));

    private protected override Collective BeginAllGather(void* mine, long bytes, void* all, bool aside) =>
        new Request(Mpi.AllGather(mine, Whole(bytes), all, aside));

    private protected override Collective BeginAllToAll(void* send, long bytesEach, void* receive) =>
        new Request(Mpi.AllToAll(send, Whole(bytesEach), receive));

    private static int Whole(long count) => count <= int.MaxValue
        ? (int)count
        : throw new EngineException(FormattableString.Invariant(
            $"MPI takes up to {int.MaxValue:N0} elements or bytes at once, not {count:N0}: exchange fewer at a time."));

    private sealed class Request(nint request) : Collective
    {
        private nint _request = request;
        private bool _isDone;

        public override bool IsDone => _isDone || (_isDone = Mpi.IsDone(ref _request));
    }
}
