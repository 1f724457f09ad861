using Engine.Graph;

namespace Engine.Training;

/// <summary>Synchronizes threads that use the network: see the remarks of the class.</summary>
public sealed partial class NeuralNet
{
    private ChangeTurns? _turns;

    /// <summary>Gets whether a training must end because of StopTraining or Dispose.</summary>
    private bool IsEnding => _isStopping || Turns.IsDisposed;

    private ChangeTurns Turns => _turns ?? Interlocked.CompareExchange(
        ref _turns,
        new ChangeTurns(
            nameof(NeuralNet), "network", nameof(Predict),
            () => $"The network ({LayerNames}) was disposed of: dispose of it when no thread uses it any more, "
                + "or make another and give it the parameters that were saved of this one.",
            nameof(StopTraining)),
        null) ?? _turns;

    /// <summary>
    /// Enters the gate as a reader: until the result is disposed of, the parameters do not change. The network must
    /// have parameters.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The network was disposed of.</exception>
    internal Gate.Reading Read()
    {
        Turns.ThrowIfDisposed();
        Gate.Reading reading = Initialized.Gate.Read();
        if (Turns.MayNotUse)
        {
            reading.Dispose();
            Turns.ThrowIfDisposed();
        }

        return reading;
    }

    /// <inheritdoc cref="ChangeTurns.Begin"/>
    internal ChangeTurns.Scope Changing(string what, bool isTraining = false) => Turns.Begin(what, isTraining);

    /// <summary>
    /// Frees the memory on the device. It first waits for predictions, and for a training of another thread, which ends
    /// as if canceled. Later calls are refused.
    /// </summary>
    /// <exception cref="EngineException">It is called within Fit, by a callback.</exception>
    public void Dispose()
    {
        if (!Turns.BeginDisposal())
        {
            return;
        }

        using ChangeTurns.Scope change = new(Turns);
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
        using ChangeTurns.Scope change = Changing(nameof(FreeTraining));
        _training?.Dispose();
        _validation?.Dispose();
        (_training, _validation) = (null, null);
    }
}
