using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Engine.Devices.Cpu;

/// <summary>
/// Threads that run lists of <see cref="Phase"/>s together; the calling thread is one of them, number 0. A phase ends
/// when its indices are done, not when every thread has arrived. So a thread that the system has suspended delays the
/// others only if it took work. Idle threads spin for a moment and then sleep.
/// </summary>
/// <remarks>
/// Each thread owns a part of a phase's indices, the same in every run, so that its data may still lie in the caches of
/// its core. It takes shrinking pieces of it, and then of the parts of threads that are slower.
/// </remarks>
internal sealed class ThreadTeam : IDisposable
{
    /// <summary>
    /// A first index that no phase can have. It is set between runs, so that no thread takes work from a half-written
    /// list.
    /// </summary>
    private const int Closed = int.MaxValue;

    /// <summary>The distance of two threads' tickets: a pair of cache lines.</summary>
    private const int TicketStep = 128 / sizeof(ulong);

    private const int SpinMicroseconds = 100;

    /// <summary>The number of the running team thread plus one; 0 on a thread of no team.</summary>
    [ThreadStatic]
    private static int s_self;

    private readonly Thread[] _threads;
    private readonly ulong[] _tickets;
    private readonly Lock _gate = new();
    private readonly object _parking = new();
    private readonly long _spinTicks;
    private Shared _shared;
    private Phase[] _phases = [];
    private uint _first;
    private Exception? _error;
    private volatile bool _stopping;
    private int _callers, _waiting;

    /// <summary>
    /// Creates a team of <paramref name="threads"/> threads, or of one for each processor of the process.
    /// </summary>
    internal ThreadTeam(int? threads = null)
    {
        Size = threads ?? Environment.ProcessorCount;
        ArgumentOutOfRangeException.ThrowIfLessThan(Size, 1, nameof(threads));
        // With more threads than processors, a spinning thread keeps the thread that it waits for from running.
        _spinTicks = Size <= Environment.ProcessorCount ? Stopwatch.Frequency * SpinMicroseconds / 1_000_000 : 0;
        _tickets = new ulong[(Size + 2) * TicketStep];
        _threads = new Thread[Size - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _threads[i] = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"Engine worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>The number of threads that sleep because there is no work.</summary>
    internal int Sleepers => Volatile.Read(ref _shared.Sleepers);

    /// <summary>The number of threads; worker numbers are 0 … Size - 1.</summary>
    internal int Size { get; }

    /// <summary>
    /// Runs the phases in order. Inside a body, it runs them on that body's thread alone. The first exception of a body
    /// ends the list and is thrown here.
    /// </summary>
    internal void Run(params Phase[] phases)
    {
        if (s_self != 0 || Size == 1)
        {
            RunAlone(phases, phases.Length);
            return;
        }

        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            s_self = 1;
            try
            {
                int first = 0;
                while (first < phases.Length && phases[first].IsSerial)
                {
                    first++;
                }

                RunAlone(phases, first);
                if (first < phases.Length)
                {
                    RunTogether(phases, first);
                }
            }
            finally
            {
                s_self = 0;
            }
        }
    }

    /// <summary>
    /// Runs the phases in order while any number of other threads do the same. A phase runs on the caller's thread
    /// alone while others hold the team, or while there are enough callers, waiting ones included, to keep all
    /// processors busy. So no caller waits for a thread that the system has suspended in favor of another caller.
    /// </summary>
    internal void RunBesideOthers(Phase[] phases)
    {
        if (s_self != 0 || Size == 1)
        {
            RunAlone(phases, phases.Length);
            return;
        }

        Interlocked.Increment(ref _callers);
        s_self = 1;
        try
        {
            for (int i = 0; i < phases.Length; i++)
            {
                if (!phases[i].IsSerial && Volatile.Read(ref _callers) + Volatile.Read(ref _waiting) < Size
                    && TryRunTogether(phases, i))
                {
                    return;
                }

                Run(phases[i]);
            }
        }
        finally
        {
            s_self = 0;
            Interlocked.Decrement(ref _callers);
        }
    }

    /// <summary>Counts the threads that will call as soon as they get their turn.</summary>
    internal void CountWaiting(int change) => Interlocked.Add(ref _waiting, change);

    /// <summary>Waits for a run in progress, then ends the threads.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _stopping = true;
            lock (_parking)
            {
                Monitor.PulseAll(_parking);
            }
        }

        foreach (Thread thread in _threads)
        {
            thread.Join();
        }
    }

    private uint Epoch => Volatile.Read(ref _shared.Epoch);

    private static void RunAlone(Phase[] phases, int count)
    {
        for (int i = 0; i < count; i++)
        {
            Run(phases[i]);
        }
    }

    private static void Run(Phase phase)
    {
        if (phase.Count > 0)
        {
            phase.Body(0, phase.Count, Math.Max(s_self - 1, 0));
        }
    }

    private bool TryRunTogether(Phase[] phases, int first)
    {
        if (!_gate.TryEnter())
        {
            return false;
        }

        try
        {
            if (_stopping)
            {
                return false;
            }

            RunTogether(phases, first);
            return true;
        }
        finally
        {
            _gate.Exit();
        }
    }

    private void RunTogether(Phase[] phases, int first)
    {
        _phases = phases;
        _first = Epoch + 1;
        uint end = _first + (uint)phases.Length;
        Open(phases, (uint)first);
        // The epoch is read once for both uses: waiting for a change after the last phase's epoch would never end.
        for (uint epoch = Epoch; epoch != end; epoch = Epoch)
        {
            TakeOrWait(epoch, 0);
        }

        _phases = [];
        if (_error is { } error)
        {
            _error = null;
            ExceptionDispatchInfo.Throw(error);
        }
    }

    private void Serve(int worker)
    {
        s_self = worker + 1;
        while (!_stopping)
        {
            TakeOrWait(Epoch, worker);
        }
    }

    /// <summary>
    /// Takes a piece of the epoch's phase, of the worker's own part first, and runs it, or waits for the next epoch.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void TakeOrWait(uint epoch, int worker)
    {
        // A late thread may read the next run's list here; then the tickets have changed, and it gets no piece.
        Phase[] phases = _phases;
        uint index = epoch - _first;
        if (index >= (uint)phases.Length)
        {
            Wait(epoch);
            return;
        }

        Phase phase = phases[index];
        int parts = Parts(phase);
        for (int i = 0; i < Size; i++)
        {
            int owner = worker + i < Size ? worker + i : worker + i - Size;
            ref ulong own = ref Ticket(owner);
            ulong ticket = Volatile.Read(ref own);
            if ((uint)(ticket >> 32) != epoch)
            {
                return;
            }

            int start = (int)ticket, remaining = Bound(phase, parts, owner + 1) - start;
            if (remaining <= 0)
            {
                continue;
            }

            int size = Math.Max(Math.Max(phase.Grain, 1), Math.Min(remaining / 2, phase.MaxAtOnce));
            size = Math.Min(remaining, size);
            if (Interlocked.CompareExchange(ref own, ticket + (uint)size, ticket) == ticket)
            {
                Run(phases, index, start, size, worker);
            }

            return;
        }

        Wait(epoch);
    }

    private void Run(Phase[] phases, uint index, int start, int size, int worker)
    {
        Phase phase = phases[index];
        try
        {
            if (Volatile.Read(ref _error) is null)
            {
                phase.Body(start, start + size, worker);
            }
        }
        catch (Exception exception)
        {
            Interlocked.CompareExchange(ref _error, exception, null);
        }

        if (Interlocked.Add(ref _shared.Done, size) == phase.Count)
        {
            Open(phases, Volatile.Read(ref _error) is null ? index + 1 : (uint)phases.Length);
        }
    }

    /// <summary>Opens the next phase from <paramref name="index"/> on that has indices.</summary>
    private void Open(Phase[] phases, uint index)
    {
        while (index < phases.Length && phases[index].Count <= 0)
        {
            index++;
        }

        uint epoch = _first + index;
        bool isOver = index == phases.Length;
        Phase phase = isOver ? default : phases[index];
        int parts = Parts(phase);
        _shared.Done = 0;
        for (int worker = 0; worker < Size; worker++)
        {
            int start = isOver ? Closed : Bound(phase, parts, worker);
            Volatile.Write(ref Ticket(worker), ((ulong)epoch << 32) | (uint)start);
        }

        // A full fence before the sleepers are read: either they see the epoch or this thread sees them.
        Interlocked.Exchange(ref _shared.Epoch, epoch);
        if (Volatile.Read(ref _shared.Sleepers) != 0)
        {
            lock (_parking)
            {
                Monitor.PulseAll(_parking);
            }
        }
    }

    private void Wait(uint epoch)
    {
        long deadline = Stopwatch.GetTimestamp() + _spinTicks;
        do
        {
            for (int i = 0; i < 16; i++)
            {
                if (Epoch != epoch || _stopping)
                {
                    return;
                }

                Thread.SpinWait(4);
            }
        }
        while (Stopwatch.GetTimestamp() < deadline);

        lock (_parking)
        {
            Interlocked.Increment(ref _shared.Sleepers);
            while (Epoch == epoch && !_stopping)
            {
                Monitor.Wait(_parking);
            }

            Interlocked.Decrement(ref _shared.Sleepers);
        }
    }

    /// <summary>
    /// The worker's ticket: the open phase's epoch, and in the low half the first index that is not taken.
    /// </summary>
    private ref ulong Ticket(int worker) => ref _tickets[(worker + 1) * TicketStep];

    /// <summary>The number of threads that own a part of the phase.</summary>
    private int Parts(in Phase phase) => Math.Clamp(phase.Count / Math.Max(phase.Grain, 1), 1, Size);

    /// <summary>The first index of the part with this number, which is the end of the part before.</summary>
    private static int Bound(in Phase phase, int parts, int number) =>
        (int)((long)phase.Count * Math.Min(number, parts) / parts);

    /// <summary>The fields that all threads write, each on a pair of cache lines of its own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 512)]
    private struct Shared
    {
        /// <summary>The number of the open phase, counted over all runs.</summary>
        [FieldOffset(128)]
        public uint Epoch;

        [FieldOffset(256)]
        public int Done;

        [FieldOffset(384)]
        public int Sleepers;
    }
}
