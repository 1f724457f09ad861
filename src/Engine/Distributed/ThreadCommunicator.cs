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
    /// the exchanges of the others fail too.
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
    protected override void Dispose(bool disposing)
    {
    }

    private protected override Collective BeginAllReduce(void* values, long count, DType dtype, Reduction reduction) =>
        Join((nint)values, 0, all =>
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
        Join((nint)values, 0, all =>
        {
            for (int i = 0; i < all.Length; i++)
            {
                Copy(all[root].Send, all[i].Send, i == root ? 0 : bytes);
            }
        });

    private protected override Collective BeginAllGather(void* mine, long bytes, void* all, bool aside) =>
        Join((nint)mine, (nint)all, ranks =>
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
        Join((nint)send, (nint)receive, ranks =>
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
    private Meeting Join(nint send, nint receive, Action<(nint Send, nint Receive)[]> work, bool aside = false)
    {
        Meeting meeting = _group.At(aside ? --_aside : _round++);
        meeting.Put(Rank, send, receive, work);
        return meeting;
    }

    private sealed class Group(int size)
    {
        private readonly Lock _lock = new();
        private readonly Dictionary<int, Meeting> _open = [];

        private volatile EngineException? _failure;

        public int Size => size;

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
        private int _asked;
        private int _come;
        private volatile bool _isDone;

        public override bool IsDone => _isDone || (group.Failure is { } failure ? throw failure : false);

        /// <summary>Returns whether all ranks have now asked for it.</summary>
        public bool IsLast() => ++_asked == group.Size;

        public void Put(int rank, nint send, nint receive, Action<(nint Send, nint Receive)[]> work)
        {
            _all[rank] = (send, receive);
            if (Interlocked.Increment(ref _come) == group.Size)
            {
                work(_all);
                _isDone = true;
            }
        }
    }
}
