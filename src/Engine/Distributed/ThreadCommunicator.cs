namespace Engine.Distributed;

/// <summary>
/// Represents ranks that are threads of one process, to test in one process what several would do; also a single rank
/// that communicates only with itself.
/// </summary>
public sealed unsafe class ThreadCommunicator : Communicator
{
    private readonly Group _group;
    private int _round;
    private int _aside;

    private ThreadCommunicator(Group group, int rank) => (_group, Rank) = (group, rank);

    /// <inheritdoc/>
    public override int Rank { get; }

    /// <inheritdoc/>
    public override int Size => _group.Size;

    /// <inheritdoc/>
    internal override bool IsAsynchronous => true;

    /// <inheritdoc/>
    public override string Name => Size == 1 ? "one process" : "threads of one process";

    /// <summary>Creates the communicators of this many ranks, one for each thread.</summary>
    /// <exception cref="EngineException">The number is less than 1.</exception>
    public static IReadOnlyList<ThreadCommunicator> Create(int ranks)
    {
        var group = new Group(ranks > 0 ? ranks : throw new EngineException($"There is at least 1 rank, not {ranks}."));
        return [.. Enumerable.Range(0, ranks).Select(rank => new ThreadCommunicator(group, rank))];
    }

    /// <summary>
    /// Runs a function on a thread for each rank and returns the results in the order of the ranks. If a rank fails,
    /// or ends while others wait for it, the exchanges of the others fail too.
    /// </summary>
    /// <param name="ranks">The number of ranks.</param>
    /// <param name="body">The function of each rank, with its communicator.</param>
    /// <exception cref="EngineException">A rank threw it, or another exception, which is its cause.</exception>
    public static IReadOnlyList<T> Run<T>(int ranks, Func<Communicator, T> body)
    {
        ArgumentNullException.ThrowIfNull(body);
        IReadOnlyList<ThreadCommunicator> all = Create(ranks);
        var results = new T[ranks];
        Thread[] threads = [.. all.Select(communicator => new Thread(() =>
        {
            try
            {
                results[communicator.Rank] = body(communicator);
                communicator._group.End(communicator.Rank);
            }
            catch (Exception error)
            {
                communicator._group.Fail(communicator.Rank, error);
            }
        })
        {
            Name = $"rank {communicator.Rank}",
        })];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        return all[0]._group.Failure is { } failure ? throw failure : results;
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => _group.End(Rank);

    private protected override Collective BeginAllReduce(void* values, long count, DType dtype, Reduction reduction) =>
        Join(new Call("sums", count, dtype, (int)reduction), (nint)values, 0, all =>
        {
            // In the order of the ranks, so that the result is the same for all; then each rank gets a copy.
            for (int i = 1; i < all.Length; i++)
            {
                Arithmetic.Reduce((void*)all[0].Send, (void*)all[i].Send, count, dtype, reduction);
            }

            for (int i = 1; i < all.Length; i++)
            {
                Copy(all[0].Send, all[i].Send, count * dtype.Size());
            }
        });

    private protected override Collective BeginBroadcast(void* values, long bytes, int root) =>
        Join(new Call("broadcasts", bytes, DType.UInt8, root), (nint)values, 0, all =>
        {
            for (int i = 0; i < all.Length; i++)
            {
                Copy(all[root].Send, all[i].Send, i == root ? 0 : bytes);
            }
        });

    private protected override Collective BeginAllGather(void* mine, long bytes, void* all, bool aside) =>
        Join(new Call("gathers", bytes, DType.UInt8), (nint)mine, (nint)all, ranks =>
        {
            foreach ((nint _, nint receive) in ranks)
            {
                for (int i = 0; i < ranks.Length; i++)
                {
                    Copy(ranks[i].Send, receive + (nint)(i * bytes), bytes);
                }
            }
        }, aside);

    private protected override Collective BeginAllToAll(void* send, long bytesEach, void* receive) =>
        Join(new Call("exchanges", bytesEach, DType.UInt8), (nint)send, (nint)receive, ranks =>
        {
            for (int to = 0; to < ranks.Length; to++)
            {
                for (int from = 0; from < ranks.Length; from++)
                {
                    Copy(
                        ranks[from].Send + (nint)(to * bytesEach), ranks[to].Receive + (nint)(from * bytesEach),
                        bytesEach);
                }
            }
        });

    private static void Copy(nint from, nint to, long bytes) =>
        Buffer.MemoryCopy((void*)from, (void*)to, bytes, bytes);

    /// <summary>Puts this rank's memory down; the last that comes does for all what is to be done.</summary>
    private Meeting Join(
        Call call, nint send, nint receive, Action<(nint Send, nint Receive)[]> work, bool aside = false)
    {
        Meeting meeting = _group.At(aside ? --_aside : _round++);
        meeting.Put(Rank, call, send, receive, work);
        return meeting;
    }

    /// <summary>What a rank does in an exchange, which all ranks must do alike.</summary>
    /// <param name="Verb">What it does.</param>
    /// <param name="Count">How many elements, of each rank.</param>
    /// <param name="DType">Their type.</param>
    /// <param name="Option">The reduction, or the rank that sends.</param>
    private readonly record struct Call(string Verb, long Count, DType DType, int Option = 0)
    {
        public override string ToString() => FormattableString.Invariant(
            $"{Verb} {Count} {DType.Name()}{(Verb == "broadcasts" ? $" of rank {Option}" : "")}");
    }

    private sealed class Group(int size)
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<int, Meeting> _open = [];

        private readonly bool[] _hasEnded = new bool[size];

        private volatile EngineException? _failure;

        public int Size => size;

        /// <summary>Notes that a rank takes part in no further exchange.</summary>
        public void End(int rank) => Volatile.Write(ref _hasEnded[rank], true);

        public bool HasEnded(int rank) => Volatile.Read(ref _hasEnded[rank]);

        /// <summary>Gets the first error of a rank; null if there is none.</summary>
        public EngineException? Failure => _failure;

        public void Fail(int rank, Exception error)
        {
            lock (_lock)
            {
                _failure ??= new EngineException($"Rank {rank}: {error.Message}", error);
            }
        }

        /// <summary>Returns the meeting with this number, which is the same for all ranks.</summary>
        public Meeting At(int round)
        {
            lock (_lock)
            {
                if (!_open.TryGetValue(round, out Meeting? meeting))
                {
                    _open.Add(round, meeting = new Meeting(this));
                }

                if (meeting.IsLast())
                {
                    _open.Remove(round);
                }

                return meeting;
            }
        }
    }

    /// <summary>One exchange of all ranks.</summary>
    private sealed class Meeting(Group group) : Collective
    {
        private readonly (nint Send, nint Receive)[] _all = new (nint, nint)[group.Size];
        private readonly Call?[] _calls = new Call?[group.Size];
        private int _asked;
        private int _come;
        private volatile bool _isDone;

        public override bool IsDone => _isDone || (group.Failure is { } failure ? throw failure : IsLeft());

        /// <summary>Returns whether all ranks have now asked for it.</summary>
        public bool IsLast() => ++_asked == group.Size;

        public void Put(
            int rank, Call call, nint send, nint receive, Action<(nint Send, nint Receive)[]> work)
        {
            _all[rank] = (send, receive);
            lock (_calls)
            {
                _calls[rank] = call;
            }

            if (Interlocked.Increment(ref _come) < group.Size)
            {
                return;
            }

            // Memory of other sizes than this rank's must not be touched.
            int other = Array.FindIndex(_calls, one => one != call);
            if (other >= 0)
            {
                group.Fail(rank, new EngineException(
                    $"This rank {call} where rank {other} {_calls[other]}: all ranks must make the same calls in the "
                    + "same order, with tensors of the same types."));
                return;
            }

            work(_all);
            _isDone = true;
        }

        /// <summary>Throws if a rank that has not come never will.</summary>
        private bool IsLeft()
        {
            for (int rank = 0; rank < group.Size; rank++)
            {
                if (!group.HasEnded(rank))
                {
                    continue;
                }

                lock (_calls)
                {
                    if (_calls[rank] is null)
                    {
                        throw new EngineException(
                            $"Rank {rank} has ended, and another {_calls.First(call => call is not null)} and waits "
                            + "for it: all ranks must make the same calls in the same order.");
                    }
                }
            }

            return false;
        }
    }
}
