using Engine.Graph;
using Engine.IO;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Applies different rules to parameters by their names: <c>new RulesByName(new AdamW(0.001f), ("embedding*", new
/// Sgd(0.1f)))</c>. Schedules change the learning rate of the first rule. The ratios of the other rules' learning rates
/// to it stay constant.
/// </summary>
public sealed record RulesByName : UpdateRule
{
    /// <summary>
    /// Creates a rule for each pattern, and one for parameters that match no pattern. The first matching pattern
    /// applies.
    /// </summary>
    /// <param name="otherwise">The rule for all other parameters.</param>
    /// <param name="rules">
    /// Names of parameters with their rules. <c>*</c> stands for any characters, <c>?</c> for one.
    /// </param>
    public RulesByName(UpdateRule otherwise, params IReadOnlyList<(string Pattern, UpdateRule Rule)> rules)
        : base(otherwise?.LearningRate ?? throw new ArgumentNullException(nameof(otherwise)))
    {
        ArgumentNullException.ThrowIfNull(rules);
        (Otherwise, Rules) = (otherwise, [.. rules]);
    }

    /// <summary>Gets the rule for parameters that match no pattern.</summary>
    public UpdateRule Otherwise { get; }

    /// <summary>Gets the patterns with their rules.</summary>
    public IReadOnlyList<(string Pattern, UpdateRule Rule)> Rules { get; }

    /// <inheritdoc/>
    protected override bool IsOfOthers => true;

    /// <inheritdoc/>
    protected override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(gradients);
        ArgumentNullException.ThrowIfNull(state);
        int[] rules = [.. parameters.Select(RuleOf)];
        IReadOnlyList<Update> updates =
        [
            .. Part(-1, Otherwise, state),
            .. Rules.SelectMany((rule, i) => Part(i, rule.Rule, state.Of(rule.Pattern))),
        ];
        state.EndsStep = null;
        return updates;

        IReadOnlyList<Update> Part(int rule, UpdateRule of, RuleState its)
        {
            int[] own = [.. Enumerable.Range(0, rules.Length).Where(i => rules[i] == rule)];
            return PartOf(
                of, LearningRate, [.. own.Select(i => parameters[i])], [.. own.Select(i => gradients[i])], learningRate,
                its);
        }
    }

    /// <summary>
    /// Returns the updates of one of several rules. The ratio of its learning rate to the common one stays constant.
    /// </summary>
    /// <exception cref="EngineException">The common learning rate is 0, and this one is not.</exception>
    internal static IReadOnlyList<Update> PartOf(
        UpdateRule rule,
        float of,
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        if (of == 0 && rule.LearningRate != 0)
        {
            throw new EngineException(FormattableString.Invariant(
                $"Of several rules the first has the learning rate that schedules change: it cannot be 0 where another's is {rule.LearningRate}."));
        }

        double ratio = of == rule.LearningRate ? 1 : (double)rule.LearningRate / of;
        return UpdatesOf(rule, parameters, gradients, ratio == 1 ? learningRate : learningRate * ratio, state);
    }

    private int RuleOf(SharedVariable parameter)
    {
        for (int i = 0; i < Rules.Count; i++)
        {
            if (NamePattern.Matches([Rules[i].Pattern], parameter.Name ?? ""))
            {
                return i;
            }
        }

        return -1;
    }
}

/// <summary>
/// Represents a rule that modifies another rule. It acts after each step of that rule: around <see cref="Accumulate"/>,
/// after its batches.
/// </summary>
public abstract record OuterRule : UpdateRule
{
    /// <summary>Creates a rule around another.</summary>
    /// <exception cref="EngineException">
    /// The other one is <see cref="RulesByName"/> with <see cref="Accumulate"/> in it, whose rules make their steps
    /// after different batches.
    /// </exception>
    private protected OuterRule(UpdateRule rule)
        : base(rule?.LearningRate ?? throw new ArgumentNullException(nameof(rule)))
    {
        Rule = rule;
        if (Within(rule).OfType<RulesByName>().Any(several =>
            several.Rules.Select(each => each.Rule).Prepend(several.Otherwise).SelectMany(Within)
                .Any(each => each is Accumulate)))
        {
            throw new EngineException(
                $"{GetType().Name} acts after each step of its rule, and of several rules by name of which one "
                + $"accumulates gradients the steps end after different batches: write RulesByName outermost, "
                + $"with {GetType().Name} around each of its rules, or Accumulate around RulesByName.{Origin.Current}");
        }

        static IEnumerable<UpdateRule> Within(UpdateRule rule) => rule switch
        {
            OuterRule outer => Within(outer.Rule).Prepend(rule),
            RulesByName several =>
                several.Rules.Select(each => each.Rule).Prepend(several.Otherwise).SelectMany(Within).Prepend(rule),
            _ => [rule],
        };
    }

    /// <summary>Gets the rule that it modifies.</summary>
    public UpdateRule Rule { get; }

    /// <inheritdoc/>
    protected override bool IsOfOthers => true;

    /// <summary>Returns the inner rule's updates.</summary>
    private protected IReadOnlyList<Update> Inner(
        IReadOnlyList<SharedVariable> parameters, IReadOnlyList<Variable> gradients, Variable learningRate,
        RuleState state) =>
        UpdatesOf(Rule, parameters, gradients, learningRate, state);

    /// <summary>
    /// Returns the inner rule's updates with other values of the parameters, and the updates that these need. In a
    /// batch that does not end a step of the inner rule, nothing of this happens.
    /// </summary>
    private protected IReadOnlyList<Update> Changed(
        IReadOnlyList<SharedVariable> parameters, IReadOnlyList<Variable> gradients, Variable learningRate,
        RuleState state,
        Func<SharedVariable, Variable, (Variable Value, Update[] More)> change, params IReadOnlyList<Update> others)
    {
        IReadOnlyList<Update> updates = Inner(parameters, gradients, learningRate, state);
        var changed = new List<Update>();
        foreach (Update update in updates)
        {
            (Variable value, Update[] more) = parameters.Contains(update.Target)
                ? change(update.Target, update.Value)
                : (update.Value, []);
            changed.Add(update with { Value = AtEnd(value, update.Value) });
            changed.AddRange(more.Select(each => each with { Value = AtEnd(each.Value, each.Target) }));
        }

        return [.. changed, .. others.Select(each => each with { Value = AtEnd(each.Value, each.Target) })];

        Variable AtEnd(Variable value, Variable otherwise) =>
            state.EndsStep is { } ends && !ReferenceEquals(value, otherwise)
                ? Symbolic.Where(ends, value, otherwise)
                : value;
    }
}

/// <summary>
/// Accumulates gradients over several batches and then takes a step of another rule with their mean. The effect is that
/// of larger batches, except for layers that depend on the batch. An incomplete group at the end of an epoch continues
/// in the next.
/// </summary>
public sealed record Accumulate : OuterRule
{
    /// <summary>Creates a rule that takes a step with the mean gradients of a number of batches.</summary>
    /// <exception cref="EngineException">The number of batches is less than 1.</exception>
    public Accumulate(UpdateRule rule, int batches) : base(rule) => Batches = batches > 0
        ? batches
        : throw new EngineException($"Gradients are accumulated over 1 batch or more, not {batches}.");

    /// <summary>Gets the number of batches of a step.</summary>
    public int Batches { get; }

    /// <inheritdoc/>
    protected override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        SharedVariable count = state.Zero("batches");
        SharedVariable[] sums = [.. parameters.Select(parameter => state.Zeros(parameter, "gradients"))];
        Variable next = count + 1, isLast = Symbolic.GreaterOrEqual(next, Batches);
        Variable[] totals = [.. sums.Zip(gradients, (sum, gradient) => sum + gradient)];
        IReadOnlyList<Update> step = Inner(
            parameters, [.. totals.Select(total => total * (1.0 / Batches))], learningRate, state);
        state.EndsStep = state.EndsStep is { } within ? Symbolic.And(isLast, within) : isLast;
        return
        [
            .. step.Select(update => update with { Value = Symbolic.Where(isLast, update.Value, update.Target) }),
            .. sums.Zip(totals, (sum, total) => new Update(sum, Symbolic.Where(isLast, Symbolic.Zero(total), total))),
            new Update(count, Symbolic.Where(isLast, Symbolic.Zero(next), next)),
        ];
    }
}

/// <summary>
/// Represents Lookahead: another rule takes several steps; then only a part of the parameters' change is kept (Zhang,
/// Lucas, Hinton, Ba: Lookahead optimizer. NeurIPS 2019). Around <see cref="Accumulate"/>, a step is that of its
/// batches.
/// </summary>
public sealed record Lookahead : OuterRule
{
    /// <summary>Creates a rule that keeps a part of the change after a number of steps of another rule.</summary>
    /// <exception cref="EngineException">
    /// The number of steps is less than 1, or the part is not from 0 to 1.
    /// </exception>
    public Lookahead(UpdateRule rule, int steps = 5, float part = 0.5f) : base(rule)
    {
        Steps = steps > 0 ? steps : throw new EngineException($"Lookahead takes 1 step or more, not {steps}.");
        Part = part is >= 0 and <= 1 ? part : throw new EngineException(FormattableString.Invariant(
            $"Lookahead keeps a part of the way from 0 to 1, not {part}."));
    }

    /// <summary>Gets the number of steps.</summary>
    public int Steps { get; }

    /// <summary>Gets the part of the change that is kept.</summary>
    public float Part { get; }

    /// <inheritdoc/>
    protected override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        SharedVariable count = state.Zero("lookahead");
        Variable isFirst = Symbolic.Equal(count, 0), next = count + 1, isLast = Symbolic.GreaterOrEqual(next, Steps);
        return Changed(
            parameters, gradients, learningRate, state,
            (parameter, fast) =>
            {
                SharedVariable slow = state.Zeros(parameter, "slow");
                Variable start = Symbolic.Where(isFirst, parameter, slow);
                return (Symbolic.Where(isLast, start + (Part * (fast - start)), fast), [new Update(slow, start)]);
            },
            new Update(count, Symbolic.Where(isLast, Symbolic.Zero(next), next)));
    }
}

/// <summary>
/// Adds momentum to another rule, as Lasagne's <c>apply_momentum</c> and <c>apply_nesterov_momentum</c>: with the
/// rule's own step s, v' = m · v + s, and p' = p + v', or Nesterov's p' = p + m · v' + s.
/// </summary>
public sealed record WithMomentum : OuterRule
{
    /// <summary>Creates a rule that adds momentum to another.</summary>
    /// <exception cref="EngineException">The momentum is not from 0 up to, not including, 1.</exception>
    public WithMomentum(UpdateRule rule, float momentum = 0.9f) : base(rule) => Momentum = Factor(momentum);

    /// <summary>Gets the momentum m, the decay factor of the velocity.</summary>
    public float Momentum { get; }

    /// <summary>Gets or sets whether it is Nesterov's momentum.</summary>
    public bool IsNesterov { get; init; }

    /// <inheritdoc/>
    protected override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        ArgumentNullException.ThrowIfNull(state);
        Variable m = state.Value("momentum", Momentum);
        return Changed(parameters, gradients, learningRate, state, (parameter, value) =>
        {
            SharedVariable velocity = state.Zeros(parameter, "velocity of step");
            Variable step = value - parameter, v = (m * velocity) + step;
            return (parameter + (IsNesterov ? (m * v) + step : v), [new Update(velocity, v)]);
        });
    }
}

/// <summary>
/// Limits the norm of each unit's weights after each step of another rule: w · min(‖w‖, max) / (‖w‖ + 1e-7). The norm
/// is over all axes except the unit's, which is the last of two axes and the first of more (Lasagne's
/// <c>norm_constraint</c>; Srivastava et al.: Dropout. JMLR 15, 2014). Parameters with fewer than two axes are
/// unchanged.
/// </summary>
public sealed record NormConstraint : OuterRule
{
    private const double Epsilon = 1e-7;

    /// <summary>Creates a rule that limits norms to this number.</summary>
    /// <exception cref="EngineException">It is not greater than 0.</exception>
    public NormConstraint(UpdateRule rule, double max) : base(rule) => Max = max > 0 && double.IsFinite(max)
        ? max
        : throw new EngineException(
            FormattableString.Invariant($"A norm is kept below a number greater than 0, not {max}."));

    /// <summary>Gets the largest norm.</summary>
    public double Max { get; }

    /// <inheritdoc/>
    protected override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state) =>
        Changed(parameters, gradients, learningRate, state, (_, value) => (Constrained(value, Max), []));

    private static Variable Constrained(Variable w, double max)
    {
        if (w.Rank < 2)
        {
            return w;
        }

        Shape axes = w.Rank == 2 ? [0] : [.. Enumerable.Range(1, w.Rank - 1)];
        Variable norm = Symbolic.Sqrt(Symbolic.Sum(Symbolic.Square(w), axes, keepDims: true));
        return w * (Symbolic.Minimum(norm, max) / (norm + Epsilon));
    }
}
