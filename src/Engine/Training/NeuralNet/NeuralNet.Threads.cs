using Engine.Graph;

namespace Engine.Training;

/// <summary>Synchronizes threads that use the network: see the remarks of the class.</summary>
public sealed partial class NeuralNet
{
    private readonly object _turn = new();
    private Change? _change;
    private volatile bool _isDisposed;

    /// <summary>Gets whether a training must end because of StopTraining or Dispose.</summary>
    private bool IsEnding => _isStopping || _isDisposed;

    /// <summary>
    /// Enters the gate as a reader: until the result is disposed of, the parameters do not change. The network must
    /// have parameters.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    internal Gate.Reading Read()
    {
        ThrowIfDisposed();
        Gate.Reading reading = Initialized.Gate.Read();
        if (MayNotUse)
        {
            reading.Dispose();
            ThrowIfDisposed();
        }

        return reading;
    }

    /// <summary>
    /// Begins a change: until the result is disposed of, no other thread changes the network. Others may read it.
    /// </summary>
    /// <param name="what">The method that changes it, for messages to other threads.</param>
    /// <param name="isTraining">
    /// Whether it takes so long that other threads are refused instead of kept waiting.
    /// </param>
    /// <exception cref="EngineException">Another thread is training the network.</exception>
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    internal ChangeScope Changing(string what, bool isTraining = false)
    {
        lock (_turn)
        {
            if (_change is { IsMine: true } mine)
            {
                if (isTraining)
                {
                    throw new EngineException(
                        $"{what} was called within {mine.What}, by a callback say: call it when {mine.What} has returned.");
                }

                mine.Depth++;
                return new ChangeScope(this);
            }

            while (_change is { } other)
            {
                if (other.IsTraining)
                {
                    throw new EngineException(
                        $"{what} would change the network, which {other} is training, by {other.What}: wait until "
                        + $"{other.What} has returned, or end it by its CancellationToken or StopTraining. Predict and all "
                        + "else that only reads may be called meanwhile.");
                }

                Monitor.Wait(_turn);
            }

            ThrowIfDisposed();
            _change = new Change(what, isTraining, Thread.CurrentThread);
            return new ChangeScope(this);
        }
    }

    /// <summary>
    /// Frees the memory on the device. It first waits for predictions, and for a training of another thread, which ends
    /// as if canceled. Later calls are refused.
    /// </summary>
    /// <exception cref="EngineException">It is called within Fit, by a callback.</exception>
    public void Dispose()
    {
        lock (_turn)
        {
            if (_change is { IsMine: true } mine)
            {
                throw new EngineException(
                    $"Dispose was called within {mine.What}, by a callback say: call StopTraining there, and Dispose when "
                    + $"{mine.What} has returned.");
            }

            bool isFirst = !_isDisposed;
            _isDisposed = true;
            while (_change is not null)
            {
                Monitor.Wait(_turn);
            }

            if (!isFirst)
            {
                return;
            }

            _change = new Change(nameof(Dispose), IsTraining: false, Thread.CurrentThread);
        }

        using ChangeScope change = new(this);
        if (_graph is null)
        {
            return;
        }

        // This waits for earlier callers; later ones are refused.
        _graph.Gate.Change().Dispose();
        _training?.Dispose();
        _validation?.Dispose();
        lock (_outputs)
        {
            foreach ((Compile.Function function, _) in _outputs.Values)
            {
                function.Dispose();
            }
        }

        _safePoint?.Dispose();
        _trainer!.Dispose();
        if (_ownsNetwork)
        {
            _network!.Dispose();
        }
    }

    /// <summary>
    /// Frees what only a further training needs: the memory of a step and the batches that were read ahead. A further
    /// training creates them again.
    /// </summary>
    internal void FreeTraining()
    {
        using ChangeScope change = Changing(nameof(FreeTraining));
        _training?.Dispose();
        _validation?.Dispose();
        (_training, _validation) = (null, null);
    }

    /// <summary>Whether it was disposed of, and this is not the thread whose training has still to end.</summary>
    private bool MayNotUse => _isDisposed && Volatile.Read(ref _change) is not { IsMine: true };

    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    private void ThrowIfDisposed()
    {
        if (MayNotUse)
        {
            throw new ObjectDisposedException(
                nameof(NeuralNet),
                $"The network ({LayerNames}) was disposed of: dispose of it when no thread uses it any more, or make another and "
                + "give it the parameters that were saved of this one.");
        }
    }

    private void EndChange()
    {
        lock (_turn)
        {
            if (--_change!.Depth == 0)
            {
                _change = null;
                Monitor.PulseAll(_turn);
            }
        }
    }

    internal readonly ref struct ChangeScope(NeuralNet net)
    {
        public void Dispose() => net.EndChange();
    }

    /// <summary>Represents a change of the network by a thread.</summary>
    private sealed record Change(string What, bool IsTraining, Thread Thread)
    {
        public int Depth { get; set; } = 1;

        public bool IsMine => Thread == Thread.CurrentThread;

        public override string ToString() => Thread.Name is { Length: > 0 } name
            ? $"thread {Thread.ManagedThreadId} ('{name}')"
            : $"thread {Thread.ManagedThreadId}";
    }
}
