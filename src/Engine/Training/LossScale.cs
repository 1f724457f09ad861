using Engine.Graph;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// What the loss is multiplied with before its gradients are taken, and these divided by after, so that small ones are not
/// lost in float16 (Micikevicius et al.: Mixed precision training. ICLR 2018). Where a gradient overflows the step is
/// left out, and the number halved; after many good steps it is doubled.
/// </summary>
internal sealed class LossScale
{
    /// <summary>Where the number begins, its bounds, and how many good steps double it.</summary>
    public const double Start = 65536, Least = 1, Most = 1 << 24, GoodSteps = 2000;

    private readonly SharedVariable _good;

    /// <summary>Makes the number, or takes that of a former graph of the same parameters.</summary>
    public LossScale(BuiltUpdates? former)
    {
        Scale = Find("loss_scale", Start);
        _good = Find("loss_scale.good_steps", 0);

        SharedVariable Find(string name, double value) => former?.State.First(variable => variable.Name == name)
            ?? new SharedVariable(Tensor.Scalar((float)value), name);
    }

    /// <summary>Gets the number, a float32 scalar.</summary>
    public SharedVariable Scale { get; }

    /// <summary>Gets what it keeps from step to step.</summary>
    public IReadOnlyList<SharedVariable> State => [Scale, _good];

    /// <summary>Returns the gradients of a loss, of which none is lost for being small.</summary>
    public IReadOnlyList<Variable> Gradients(Variable loss, IReadOnlyList<SharedVariable> parameters) => parameters.Count == 0
        ? []
        : [.. Symbolic.Grad(loss * Scale, parameters).Select(gradient => gradient / Scale)];

    /// <summary>Returns a step's updates, which change nothing where a gradient is no finite number, and those of the scale.</summary>
    public IEnumerable<Update> Guard(IEnumerable<Update> updates, IReadOnlyList<Variable> gradients)
    {
        if (gradients.Count == 0)
        {
            return updates;
        }

        Variable greatest = gradients.Select(gradient => Symbolic.Max(Symbolic.Abs(gradient))).Aggregate(Symbolic.Maximum);
        Variable isGood = Symbolic.Less(greatest, double.PositiveInfinity), good = _good + 1;
        Variable doubles = Symbolic.Equal(good, GoodSteps);
        Variable greater = Symbolic.Minimum(Symbolic.Where(doubles, Scale * 2, Scale), Most);
        Variable smaller = Symbolic.Maximum(Scale * 0.5, Least), none = Symbolic.Constant(0, DType.Float32);
        return
        [
            .. updates.Select(update => new Update(update.Target, Symbolic.Where(isGood, update.Value, update.Target))),
            new Update(Scale, Symbolic.Where(isGood, greater, smaller)),
            new Update(_good, Symbolic.Where(isGood, Symbolic.Where(doubles, none, good), none)),
        ];
    }
}
