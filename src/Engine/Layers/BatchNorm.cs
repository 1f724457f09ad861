using Engine.Distributed;
using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Represents each channel brought to mean 0 and variance 1, then scaled by gamma and moved by beta: (x − mean) · gamma
/// · inv_std + beta, with inv_std = 1 / √(variance + epsilon) (Ioffe, Szegedy: Batch normalization. ICML 2015;
/// Lasagne's form). In training mean and inv_std are the batch's, and the running averages in <c>mean</c> and
/// <c>inv_std</c> follow them by alpha; in use they are those averages. Channels are axis 1; all other axes are
/// averaged over. A batch with one value per channel, as the last one of an epoch may be, has no variance. Then its
/// output is beta, the averages do not follow it, and the gradient of its input is 0. With several ranks, the mean and
/// the variance are those of a shard, or of the whole batch
/// (<see cref="Training.DataParallel.IsBatchNormSynchronized"/>). A frozen layer uses the averages in training, too.
/// </summary>
public sealed class BatchNorm : Layer
{
    /// <summary>
    /// Gets or sets the small number that is added to the variance. The default is 1e-4, as in Lasagne; PyTorch's is
    /// 1e-5 and Keras' is 1e-3.
    /// </summary>
    public double Epsilon { get => OwnEpsilon ?? 1e-4; init => OwnEpsilon = value; }

    /// <summary>Gets or sets the epsilon; null if none was set, so that it is the default.</summary>
    internal double? OwnEpsilon { get; init; }

    /// <summary>Gets or sets the weight of a new batch in the running averages.</summary>
    public double Alpha { get; init; } = 0.1;

    /// <summary>Gets or sets the initializer of beta; null for no beta.</summary>
    public Initializer? Beta { get; init; } = new Full(0);

    /// <summary>Gets or sets the initializer of gamma; null for no gamma.</summary>
    public Initializer? Gamma { get; init; } = new Full(1);

    /// <inheritdoc/>
    public override Variable Build(Variable input, LayerScope scope)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentNullException.ThrowIfNull(scope);
        scope = scope.Of(this);
        input = scope.Floating(input);
        int channels = input.Shape[1];
        Shape axes = [0, .. Enumerable.Range(2, input.Rank - 2)];
        Shape broadcast = Shape.Create([.. Enumerable.Range(0, input.Rank).Select(axis => axis == 1 ? channels : 1)]);
        SharedVariable? beta = Beta is null
            ? null
            : scope.Parameter("beta", [channels], Beta, isRegularized: false);
        SharedVariable? gamma = Gamma is null ? null : scope.Parameter("gamma", [channels], Gamma);
        SharedVariable runningMean = scope.Parameter("mean", [channels], new Full(0), isTrainable: false);
        SharedVariable runningInvStd = scope.Parameter("inv_std", [channels], new Full(1), isTrainable: false);

        Variable mean, invStd, centered, count = null!;
        if (scope.IsTraining && !scope.IsFrozen(runningMean))
        {
            (mean, Variable? total) = MeanOf(input, axes, scope.BatchRanks);
            centered = input - mean;
            (Variable variance, _) = MeanOf(Symbolic.Square(centered), axes, scope.BatchRanks);
            invStd = 1 / Symbolic.Sqrt(variance + Epsilon);
            count = total ?? Symbolic.Count(input, axes);
            scope.Update(runningMean, Follow(runningMean, mean));
            scope.Update(runningInvStd, Follow(runningInvStd, invStd));
        }
        else
        {
            centered = input - Symbolic.Reshape(runningMean, broadcast);
            invStd = Symbolic.Reshape(runningInvStd, broadcast);
        }

        Variable y = centered * (gamma is null ? invStd : Symbolic.Reshape(gamma, broadcast) * invStd);
        return beta is null ? y : y + Symbolic.Reshape(beta, broadcast);

        // The number of values is known in each plan, so expressions that depend only on it are constants there.
        Variable Follow(SharedVariable running, Variable batch)
        {
            Variable hasVariance = Symbolic.Greater(count, 1);
            return (running * Symbolic.Where(hasVariance, Constant(1 - Alpha), Constant(1)))
                + (Symbolic.Reshape(batch, [channels]) * Symbolic.Where(hasVariance, Constant(Alpha), Constant(0)));
        }

        Variable Constant(double value) => Symbolic.Constant(value, input.DType);
    }

    /// <summary>
    /// Returns the mean over axes of a batch. With ranks, it is the mean over the batches of all of them, and their
    /// number of values is returned, too.
    /// </summary>
    private static (Variable Mean, Variable? Count) MeanOf(Variable x, Shape axes, Communicator? ranks)
    {
        if (ranks is null)
        {
            return (Symbolic.Mean(x, axes, keepDims: true), null);
        }

        Variable own = Symbolic.Cast(Symbolic.Count(x, axes), x.DType);
        IReadOnlyList<Variable> sums = Symbolic.AllReduce([Symbolic.Sum(x, axes, keepDims: true), own], ranks);
        Variable count = Symbolic.DisconnectedGrad(sums[1]);
        return (sums[0] / count, count);
    }
}
