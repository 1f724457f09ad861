using Engine.Graph;

namespace Engine.Training;

/// <summary>
/// Multiplies a setting of the update rule by a factor when a figure has not improved for some epochs. The default
/// setting is the learning rate.
/// </summary>
public sealed class ReduceOnPlateau : Callback
{
    private const string BestName = "best", WaitedName = "waited";

    private double _best = double.NaN;

    // The epochs without improvement; below 0 in the cooldown.
    private int _waited;

    /// <summary>Creates a callback that reduces by a factor after a number of epochs without improvement.</summary>
    /// <exception cref="EngineException">The factor is not from 0 to 1, or the patience is less than 1.</exception>
    public ReduceOnPlateau(double factor = 0.1, int patience = 5)
    {
        Factor = factor is >= 0 and < 1 ? factor : throw new EngineException(FormattableString.Invariant(
            $"A setting is reduced by a factor from 0 up to, not including, 1, not by {factor}."));
        Patience = patience > 0 ? patience : throw new EngineException(
            $"A setting is reduced after 1 epoch at least, not {patience}.");
    }

    /// <summary>Gets the factor for the setting.</summary>
    public double Factor { get; }

    /// <summary>Gets after how many epochs without improvement the setting is reduced.</summary>
    public int Patience { get; }

    /// <summary>Gets or sets the figure to watch. The default is the validation loss.</summary>
    public Metric Watch { get; init; } = Metric.ValidLoss;

    /// <summary>Gets or sets the smallest change that counts as an improvement.</summary>
    public double MinDelta { get; init; }

    /// <summary>Gets or sets the setting's name among <see cref="NeuralNet.UpdateSettings"/>.</summary>
    public string Setting { get; init; } = "learning_rate";

    /// <summary>Gets or sets the lower bound of the setting. A setting below it stays as it is.</summary>
    public double Min { get; init; }

    /// <summary>
    /// Gets or sets how many epochs after a reduction do not count as epochs without improvement.
    /// </summary>
    /// <exception cref="EngineException">It is less than 0.</exception>
    public int Cooldown
    {
        get;
        init => field = value >= 0 ? value : throw new EngineException($"A cooldown is 0 epochs or more, not {value}.");
    }

    /// <summary>Gets how many times the setting was reduced.</summary>
    public int Reductions { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="EngineException">The watched figure or the setting does not exist.</exception>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(record);
        double value = Watch.Of(record, net);
        bool isBetter = Watch.IsBetter(value, _best, MinDelta);
        _best = isBetter ? value : _best;
        _waited = isBetter && _waited >= 0 ? 0 : _waited + 1;
        if (_waited < Patience)
        {
            return;
        }

        SharedVariable setting = net.UpdateSettings.TryGetValue(Setting, out SharedVariable? found)
            ? found
            : throw new EngineException(
                $"The update rule {net.Update.GetType().Name} has no setting '{Setting}' to reduce; it has "
                + $"{string.Join(", ", net.UpdateSettings.Keys)}.");
        double now = NdArray.From(setting.GetValue()).Data[0], reduced = Math.Max(now * Factor, Min);
        _waited = -Cooldown;
        if (reduced < now)
        {
            setting.SetValue(Tensor.Scalar(reduced).Cast(net.FloatX));
            Reductions++;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Tensor> GetState() => new Dictionary<string, Tensor>
    {
        [BestName] = Tensor.Scalar(_best),
        [WaitedName] = Tensor.Scalar(_waited),
    };

    /// <inheritdoc/>
    /// <exception cref="EngineException">The state is not one of this callback.</exception>
    public override void SetState(IReadOnlyDictionary<string, Tensor> state) =>
        (_best, _waited) = (Scalar<double>(state, BestName), Scalar<int>(state, WaitedName));
}
