using Engine.Graph;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Represents a dynamic loss scale: the loss is multiplied by it before the gradients are computed, and the gradients
/// are divided by it, so that small ones are not lost in float16 (Micikevicius et al.: Mixed precision training. ICLR
/// 2018). If a gradient overflows, the step is skipped and the scale is halved; after many good steps it is doubled.
/// </summary>
internal sealed class LossScale
{
    /// <summary>The first scale, its bounds, and the number of good steps after which it doubles.</summary>
    public const double Start = 65536, Min = 1, Max = 1 << 24, GoodSteps = 2000;

    private readonly SharedVariable _good;

    /// <summary>Creates a scale, or takes over that of a former graph of the same parameters.</summary>
    public LossScale(BuiltUpdates? former)
    {
        Scale = Find("loss_scale", Start);
        _good = Find("loss_scale.good_steps", 0);

        SharedVariable Find(string name, double value) => former?.State.First(variable => variable.Name == name)
            ?? new SharedVariable(Tensor.Scalar((float)value), name);
    }

    /// <summary>Gets the scale, a float32 scalar.</summary>
    public SharedVariable Scale { get; }

    /// <summary>Gets the state that it keeps from step to step.</summary>
    public IReadOnlyList<SharedVariable> State => [Scale, _good];

    /// <summary>Returns the gradients of a loss, computed from the scaled loss and divided by the scale.</summary>
    public IReadOnlyList<Variable> Gradients(Variable loss, IReadOnlyList<SharedVariable> parameters) =>
        parameters.Count == 0
            ? []
            : [.. Symbolic.Grad(loss * Scale, parameters).Select(gradient => gradient / Scale)];

    /// <summary>
    /// Returns a step's updates, which change nothing if a gradient is not finite, and the updates of the scale.
    /// </summary>
    public IEnumerable<Update> Guard(IEnumerable<Update> updates, IReadOnlyList<Variable> gradients)
    {
        if (gradients.Count == 0)
        {
            return updates;
        }

        Variable largest = gradients.Select(gradient => Symbolic.Max(Symbolic.Abs(gradient)))
            .Aggregate(Symbolic.Maximum);
        Variable isGood = Symbolic.Less(largest, double.PositiveInfinity), good = _good + 1;
        Variable doubles = Symbolic.Equal(good, GoodSteps);
        Variable greater = Symbolic.Minimum(Symbolic.Where(doubles, Scale * 2, Scale), Max);
        Variable smaller = Symbolic.Maximum(Scale * 0.5, Min), none = Symbolic.Constant(0, DType.Float32);
        return
        [
            .. updates.Select(update => new Update(update.Target, Symbolic.Where(isGood, update.Value, update.Target))),
            new Update(Scale, Symbolic.Where(isGood, greater, smaller)),
            new Update(_good, Symbolic.Where(isGood, Symbolic.Where(doubles, none, good), none)),
        ];
    }
}
