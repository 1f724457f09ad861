namespace Engine.Training;

/// <summary>
/// Ends the training when a figure has not improved for some epochs, and restores the best epoch's parameters. Each
/// call of Fit starts a new count, unless the network's state was loaded.
/// </summary>
public sealed class EarlyStopping : Callback
{
    private const string BestName = "best", BestEpochName = "best_epoch", WaitedName = "waited", Prefix = "parameters/";

    private IReadOnlyList<KeyValuePair<string, Tensor>>? _parameters;
    private int _waited;
    private bool _isLoaded;

    /// <summary>Creates a callback that stops after a number of epochs without improvement.</summary>
    /// <exception cref="EngineException">The patience is less than 1 epoch.</exception>
    public EarlyStopping(int patience = 10) => Patience = patience > 0
        ? patience
        : throw new EngineException($"Early stopping waits 1 epoch at least, not {patience}.");

    /// <summary>Gets after how many epochs without improvement the training stops.</summary>
    public int Patience { get; }

    /// <summary>Gets or sets the figure to watch. The default is the validation loss.</summary>
    public Metric Watch { get; init; } = Metric.ValidLoss;

    /// <summary>Gets or sets the smallest change that counts as an improvement.</summary>
    public double MinDelta { get; init; }

    /// <summary>
    /// Gets or sets whether the network ends with the parameters of its best epoch, including running averages, and not
    /// with the last epoch's. This also holds if <see cref="NeuralNet.MaxEpochs"/> or a cancellation ended the
    /// training.
    /// </summary>
    public bool RestoreBest { get; init; } = true;

    /// <summary>Gets the best epoch's number; 0 before the first epoch.</summary>
    public int BestEpoch { get; private set; }

    /// <summary>Gets the best epoch's figure; nan before the first epoch.</summary>
    public double Best { get; private set; } = double.NaN;

    /// <summary>Gets whether this callback ended the training, not the number of epochs or a cancellation.</summary>
    public bool HasStopped { get; private set; }

    /// <inheritdoc/>
    public override void OnTrainingStarted(NeuralNet net)
    {
        if (!_isLoaded)
        {
            (_parameters, _waited, BestEpoch, Best) = (null, 0, 0, double.NaN);
        }

        _isLoaded = false;
        HasStopped = _waited >= Patience;
        if (HasStopped)
        {
            ArgumentNullException.ThrowIfNull(net);
            net.StopTraining();
        }
    }

    /// <inheritdoc/>
    /// <exception cref="EngineException">The watched figure does not exist.</exception>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(record);
        double value = Watch.Of(record, net);
        if (Watch.IsBetter(value, Best, MinDelta))
        {
            (Best, BestEpoch, _waited) = (value, record.Epoch, 0);
            _parameters = RestoreBest ? net.GetParameters() : null;
        }
        else if (++_waited >= Patience)
        {
            HasStopped = true;
            net.StopTraining();
        }
    }

    /// <inheritdoc/>
    public override void OnTrainingFinished(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        if (_parameters is not null)
        {
            net.SetParameters(_parameters);
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Tensor> GetState()
    {
        var state = new OrderedDictionary<string, Tensor>
        {
            [BestName] = Tensor.Scalar(Best),
            [BestEpochName] = Tensor.Scalar(BestEpoch),
            [WaitedName] = Tensor.Scalar(_waited),
        };
        foreach ((string name, Tensor value) in _parameters ?? [])
        {
            state.Add(Prefix + name, value);
        }

        return state;
    }

    /// <inheritdoc/>
    /// <exception cref="EngineException">The state is not one of this callback.</exception>
    public override void SetState(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        (Best, BestEpoch, _waited) =
            (Scalar<double>(state, BestName), Scalar<int>(state, BestEpochName), Scalar<int>(state, WaitedName));
        KeyValuePair<string, Tensor>[] parameters = [.. state
            .Where(pair => pair.Key.StartsWith(Prefix, StringComparison.Ordinal))
            .Select(pair => KeyValuePair.Create(pair.Key[Prefix.Length..], pair.Value))];
        _parameters = RestoreBest && parameters.Length > 0 ? parameters : null;
        _isLoaded = true;
    }
}
