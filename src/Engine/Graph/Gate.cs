namespace Engine.Graph;

/// <summary>
/// A fair lock for values: any number of threads may read them, or one may change them. A reader that comes while a
/// change waits goes after that change and before the next, so neither readers nor changers wait forever. A thread that
/// is inside may enter again.
/// </summary>
/// <param name="order">
/// A thread that needs several gates enters them in this order, so that no two threads wait for each other.
/// </param>
internal sealed class Gate(long order)
{
    /// <summary>How many times this thread has entered each gate as a reader.</summary>
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

    /// <summary>Enters as a reader, until the result is disposed of.</summary>
    public Reading Read()
    {
        Enter(toChange: false);
        return new Reading(this);
    }

    /// <summary>Enters to change the values, alone, until the result is disposed of.</summary>
    /// <exception cref="EngineException">This thread is reading.</exception>
    public Changing Change()
    {
        Enter(toChange: true);
        return new Changing(this);
    }

    /// <exception cref="EngineException">This thread is reading the values that it would change.</exception>
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
                "This thread is reading the values that it is to change, in a prediction say: "
                + "change them when that has returned.");
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

            // The change that ends next turns the waiting threads into readers.
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
