using Engine.Graph;
using Engine.Ops;

namespace Engine.Layers;

/// <summary>
/// Normalizes each channel to mean 0 and variance 1, then scales it by gamma and adds beta: (x − mean) · gamma ·
/// inv_std + beta, with inv_std = 1 / √(variance + epsilon) (Ioffe, Szegedy: Batch normalization. ICML 2015; Lasagne's
/// form). In training, mean and inv_std are the batch's, and the running averages <c>mean</c> and <c>inv_std</c> follow
/// them by alpha. In prediction, the running averages are used. Channels are axis 1; the mean is over all other axes. A
/// batch with one value per channel, as the last of an epoch may be, has no variance. Its output is beta, the averages
/// do not follow it, and its gradient is 0. A frozen layer uses the running averages in training, too.
/// </summary>
public sealed class BatchNorm : Layer
{
    /// <summary>Gets or sets the small number that is added to the variance.</summary>
    public double Epsilon { get; init; } = 1e-4;

    /// <summary>Gets or sets the weight of a new batch in the running averages.</summary>
    public double Alpha { get; init; } = 0.1;

    /// <summary>Gets or sets the initializer of beta; null for no beta.</summary>
    public Initializer? Beta { get; init; } = new Filled(0);

    /// <summary>Gets or sets the initializer of gamma; null for no gamma.</summary>
    public Initializer? Gamma { get; init; } = new Filled(1);

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
        SharedVariable runningMean = scope.Parameter("mean", [channels], new Filled(0), isTrainable: false);
        SharedVariable runningInvStd = scope.Parameter("inv_std", [channels], new Filled(1), isTrainable: false);

        Variable mean, invStd, centered;
        if (scope.IsTraining && !scope.IsFrozen(runningMean))
        {
            mean = Symbolic.Mean(input, axes, keepDims: true);
            centered = input - mean;
            invStd = 1 / Symbolic.Sqrt(Symbolic.Mean(Symbolic.Square(centered), axes, keepDims: true) + Epsilon);
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
            Variable hasVariance = Symbolic.Greater(Symbolic.Count(input, axes), 1);
            return (running * Symbolic.Where(hasVariance, Constant(1 - Alpha), Constant(1)))
                + (Symbolic.Reshape(batch, [channels]) * Symbolic.Where(hasVariance, Constant(Alpha), Constant(0)));
        }

        Variable Constant(double value) => Symbolic.Constant(value, input.DType);
    }
}
