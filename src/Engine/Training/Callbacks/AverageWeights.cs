namespace Engine.Training;

/// <summary>
/// Sets the network's parameters, including running averages, to their mean over epochs at the end of the training
/// (Izmailov, Podoprikhin, Garipov, Vetrov, Wilson: Averaging weights leads to wider optima. UAI 2018). The next Fit
/// goes on from there, with a new mean over its own epochs.
/// </summary>
public sealed class AverageWeights : Callback
{
    private const string CountName = "count", Prefix = "parameters/";

    private OrderedDictionary<string, double[]> _sums = [];
    private int _count;

    /// <summary>Creates a callback that averages over the epochs from this one on.</summary>
    /// <exception cref="EngineException">The epoch is not positive; epochs are counted from 1.</exception>
    public AverageWeights(int fromEpoch = 1) => FromEpoch = fromEpoch > 0
        ? fromEpoch
        : throw new EngineException($"Weights are averaged from an epoch from 1 on, not {fromEpoch}.");

    /// <summary>Gets the first epoch that is part of the mean.</summary>
    public int FromEpoch { get; }

    /// <inheritdoc/>
    public override void OnEpochFinished(NeuralNet net, EpochRecord record)
    {
        ArgumentNullException.ThrowIfNull(net);
        ArgumentNullException.ThrowIfNull(record);
        if (record.Epoch < FromEpoch)
        {
            return;
        }

        _count++;
        foreach ((string name, Tensor value) in net.GetParameters())
        {
            double[] values = NdArray.From(value).Data;
            double[] sum = _sums.TryGetValue(name, out double[]? known) ? known : new double[values.Length];
            for (int i = 0; i < values.Length; i++)
            {
                sum[i] += values[i];
            }

            _sums[name] = sum;
        }
    }

    /// <inheritdoc/>
    public override void OnTrainingFinished(NeuralNet net)
    {
        ArgumentNullException.ThrowIfNull(net);
        if (_count > 0)
        {
            net.SetParameters([.. net.GetParameters().Select(pair => KeyValuePair.Create(
                pair.Key,
                Tensor.From([.. _sums[pair.Key].Select(sum => sum / _count)], pair.Value.Shape.Dimensions)
                    .Cast(pair.Value.DType)))]);
            (_sums, _count) = ([], 0);
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, Tensor> GetState()
    {
        var state = new OrderedDictionary<string, Tensor> { [CountName] = Tensor.Scalar(_count) };
        foreach ((string name, double[] sum) in _sums)
        {
            state.Add(Prefix + name, Tensor.From(sum));
        }

        return state;
    }

    /// <inheritdoc/>
    /// <exception cref="EngineException">The state is not one of this callback.</exception>
    public override void SetState(IReadOnlyDictionary<string, Tensor> state)
    {
        ArgumentNullException.ThrowIfNull(state);
        _count = Scalar<int>(state, CountName);
        _sums = new(state.Where(pair => pair.Key.StartsWith(Prefix, StringComparison.Ordinal)).Select(pair =>
            KeyValuePair.Create(pair.Key[Prefix.Length..], pair.Value.AsSpan<double>().ToArray())));
    }
}
