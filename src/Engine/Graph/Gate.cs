namespace Engine.Graph;

/// <summary>
/// Who may use values now: any number of threads that read them, or one that changes them. Each waits for the other,
/// and neither for ever: a reader that comes while a change waits comes after that change and before the next. A thread
/// that is inside may enter again.
/// </summary>
/// <param name="order">
/// Who needs several gates enters them in this order, so that no two threads wait for each other.
/// </param>
internal sealed class Gate(long order)
{
    /// <summary>How often this thread has entered each gate to read.</summary>
    [ThreadStatic]
    private static Dictionary<Gate, int>? t_readings;

    private readonly object _lock = new();
    private Thread? _changer;
    private int _changes;
    private int _readers;
    private int _waitingReaders;
    private int _waitingChangers;
    private long _turn;

    public long Order => order;

    /// <summary>Gets whether a thread waits to enter.</summary>
    public bool IsWanted => Volatile.Read(ref _waitingReaders) + Volatile.Read(ref _waitingChangers) > 0;

    /// <summary>Until disposed of, this thread reads.</summary>
    public Reading Read()
    {
        Enter(toChange: false);
        return new Reading(this);
    }

    /// <summary>Until disposed of, this thread changes, and no other is inside.</summary>
    /// <exception cref="EngineException">This thread is reading.</exception>
    public Changing Change()
    {
        Enter(toChange: true);
        return new Changing(this);
    }

    /// <exception cref="EngineException">This thread reads, and is to change what it reads.</exception>
    public void Enter(bool toChange)
    {
        Dictionary<Gate, int> readings = t_readings ??= [];
        if (_changer == Thread.CurrentThread)
        {
            _changes++;
        }
        else if (!readings.TryGetValue(this, out int times))
        {
            if (toChange)
            {
                WaitToChange();
            }
            else
            {
                WaitToRead();
                readings.Add(this, 1);
            }
        }
        else if (!toChange)
        {
            readings[this] = times + 1;
        }
        else
        {
            throw new EngineException(
                "This thread is reading the values that it is to change, in a prediction say: change them when that has "
                + "returned.");
        }
    }

    public void Exit()
    {
        if (_changer == Thread.CurrentThread)
        {
            if (--_changes == 0)
            {
                EndChange();
            }

            return;
        }

        int left = t_readings![this] - 1;
        if (left > 0)
        {
            t_readings[this] = left;
            return;
        }

        t_readings.Remove(this);
        lock (_lock)
        {
            if (--_readers == 0 && _waitingChangers > 0)
            {
                Monitor.PulseAll(_lock);
            }
        }
    }

    private void WaitToRead()
    {
        lock (_lock)
        {
            if (_changer is null && _waitingChangers == 0)
            {
                _readers++;
                return;
            }

            // The change that ends next counts those that wait as readers.
            _waitingReaders++;
            for (long turn = _turn; _turn == turn;)
            {
                Monitor.Wait(_lock);
            }
        }
    }

    private void WaitToChange()
    {
        lock (_lock)
        {
            _waitingChangers++;
            while (_changer is not null || _readers > 0)
            {
                Monitor.Wait(_lock);
            }

            _waitingChangers--;
            (_changer, _changes) = (Thread.CurrentThread, 1);
        }
    }

    private void EndChange()
    {
        lock (_lock)
        {
            _changer = null;
            _readers += _waitingReaders;
            _waitingReaders = 0;
            _turn++;
            Monitor.PulseAll(_lock);
        }
    }

    public readonly ref struct Reading(Gate gate)
    {
        public void Dispose() => gate.Exit();
    }

    public readonly ref struct Changing(Gate gate)
    {
        public void Dispose() => gate.Exit();
    }
}
