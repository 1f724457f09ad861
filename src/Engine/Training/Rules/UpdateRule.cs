using System.Runtime.CompilerServices;
using Engine.Graph;
using Engine.Layers;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Describes how parameters follow their gradients. A rule has no state, so any number of networks may use the same
/// one. <see cref="Build"/> creates the updates and the state for a network.
/// </summary>
public abstract record UpdateRule
{
    /// <summary>Creates a rule with this learning rate.</summary>
    /// <exception cref="EngineException">The learning rate is negative, infinite or nan.</exception>
    protected UpdateRule(float learningRate)
    {
        if (!(learningRate >= 0 && float.IsFinite(learningRate)))
        {
            throw new EngineException(FormattableString.Invariant(
                $"A learning rate is a finite number and not negative; {learningRate} is no such."));
        }

        LearningRate = learningRate;
    }

    /// <summary>Returns a factor by which something decays in each step, if it is one.</summary>
    private protected static float Factor(float value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Required(value, value is >= 0 and < 1, name, "a number from 0 up to, not including, 1");

    /// <summary>Returns a number that keeps a divisor away from 0, if it is one.</summary>
    private protected static float Positive(float value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Required(value, value > 0 && float.IsFinite(value), name, "a finite number greater than 0");

    /// <summary>Returns a weight decay, if it is one.</summary>
    private protected static float NotNegative(
        float value, [CallerArgumentExpression(nameof(value))] string name = "") =>
        Required(value, value >= 0 && float.IsFinite(value), name, "a finite number and not negative");

    private static float Required(float value, bool isOne, string name, string what) => isOne
        ? value
        : throw new EngineException(
            FormattableString.Invariant($"The {name} of an update rule is {what}; {value} is no such."));

    /// <summary>Gets the learning rate at the start.</summary>
    public float LearningRate { get; }

    /// <summary>
    /// Gets or sets how gradients are clipped before the rule's formulas use them; null for no clipping.
    /// </summary>
    public GradientClip? Clip { get; init; }

    /// <summary>Returns the members as text, with decimal points in the numbers.</summary>
    public sealed override string ToString() => RecordText.Of(GetType().Name, PrintMembers);

    /// <summary>Returns the updates of the parameters and of the rule's state, together with that state.</summary>
    /// <param name="loss">The scalar to minimize.</param>
    /// <param name="parameters">The parameters.</param>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is not a scalar.</exception>
    public BuiltUpdates Build(Variable loss, IReadOnlyList<SharedVariable> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return BuildOn(former: null, loss, [.. parameters.Select(parameter => (parameter, 1.0))]);
    }

    /// <summary>
    /// Returns the updates for another loss, with the settings and the state of earlier updates of the same parameters.
    /// </summary>
    /// <param name="former">The earlier updates; null for none.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="parameters">The parameters.</param>
    /// <param name="owners">Which rank keeps the rule's state for a parameter; null if each rank keeps all.</param>
    internal BuiltUpdates BuildOn(
        BuiltUpdates? former, Variable loss, IReadOnlyList<Parameter> parameters, StateOwners? owners = null) =>
        BuildOn(former, loss, [.. parameters.Select(parameter => (parameter.Variable, parameter.RateFactor))], owners);

    /// <summary>Returns the updates for given gradients, with the settings and the state of earlier updates.</summary>
    internal BuiltUpdates BuildOn(
        BuiltUpdates? former, DType dtype, IReadOnlyList<Parameter> parameters, IReadOnlyList<Variable> gradients,
        StateOwners? owners = null) =>
        BuildOn(
            former, dtype, [.. parameters.Select(parameter => (parameter.Variable, parameter.RateFactor))],
            _ => Clip is null ? gradients : Clip.Apply(gradients), owners);

    private BuiltUpdates BuildOn(
        BuiltUpdates? former,
        Variable loss,
        IReadOnlyList<(SharedVariable Variable, double RateFactor)> parameters,
        StateOwners? owners = null)
    {
        ArgumentNullException.ThrowIfNull(loss);
        return BuildOn(former, loss.DType, parameters, variables => Gradients(loss, variables), owners);
    }

    private BuiltUpdates BuildOn(
        BuiltUpdates? former,
        DType dtype,
        IReadOnlyList<(SharedVariable Variable, double RateFactor)> parameters,
        Func<IReadOnlyList<SharedVariable>, IReadOnlyList<Variable>> gradientsOf,
        StateOwners? owners = null)
    {
        var state = new RuleState(dtype, former: former)
        {
            Owners = owners,
            RateFactors = parameters.Where(parameter => parameter.RateFactor != 1)
                .ToDictionary(p => p.Variable, p => p.RateFactor),
        };
        SharedVariable learningRate = state.Setting("learning_rate", LearningRate);
        SharedVariable[] variables = [.. parameters.Select(parameter => parameter.Variable)];
        Dictionary<SharedVariable, Variable> gradients = variables.Zip(gradientsOf(variables)).ToDictionary();

        // Ops of the library's rules have the part "update" as origin. A user's own rule keeps its own lines.
        Origin origin = GetType().Assembly == typeof(UpdateRule).Assembly
            ? Origin.Current with { Part = "update" }
            : Origin.Current;
        var updates = new List<Update>();
        using (Origin.Use(origin))
        {
            updates.AddRange(
                UpdatesByRate(variables, [.. variables.Select(each => gradients[each])], learningRate, state));
        }

        return new BuiltUpdates(updates, learningRate, state.Settings, state.Variables)
        {
            ParameterOf = state.ParameterOf,
        };
    }

    /// <summary>Returns the updates with the settings as constants, for graphs written by hand.</summary>
    internal IReadOnlyList<Update> BuildFixed(Variable loss, IReadOnlyList<SharedVariable> parameters)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(parameters);
        return Updates(
            parameters, Gradients(loss, parameters), Symbolic.Constant(LearningRate, loss.DType),
            new RuleState(loss.DType, areSettingsConstant: true));
    }

    /// <summary>Returns the rule's formulas: the updates of the parameters and of the rule's state.</summary>
    /// <param name="parameters">The parameters.</param>
    /// <param name="gradients">The gradient of each.</param>
    /// <param name="learningRate">The learning rate, a scalar.</param>
    /// <param name="state">Creates the rule's other settings and its state variables.</param>
    protected abstract IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state);

    /// <summary>
    /// Gets whether the rule is made of others, to which it gives its learning rate by <see cref="UpdatesOf"/>. It then
    /// gets all parameters at once, whatever their <see cref="Layer.RateFactor"/>, which those others apply: their
    /// clips are over all parameters. Other rules get the parameters of one factor at a time, with a rate that contains
    /// it.
    /// </summary>
    protected virtual bool IsOfOthers => false;

    /// <summary>
    /// Returns the updates of another rule, including its clipping, for a rule that is made of others
    /// (<see cref="IsOfOthers"/>).
    /// </summary>
    protected static IReadOnlyList<Update> UpdatesOf(
        UpdateRule rule,
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state)
    {
        ArgumentNullException.ThrowIfNull(rule);
        ArgumentNullException.ThrowIfNull(parameters);
        ArgumentNullException.ThrowIfNull(state);
        return parameters.Count == 0 ? [] : rule.UpdatesByRate(
            parameters, rule.Clip is null ? gradients : rule.Clip.Apply(gradients), learningRate, state);
    }

    /// <summary>
    /// Returns the updates of parameters whose layers may have different factors of the learning rate.
    /// </summary>
    private IReadOnlyList<Update> UpdatesByRate(
        IReadOnlyList<SharedVariable> parameters, IReadOnlyList<Variable> gradients, Variable learningRate,
        RuleState state)
    {
        if (IsOfOthers)
        {
            return Updates(parameters, gradients, learningRate, state);
        }

        RuleState inner = state.WithoutRateFactors();
        return
        [
            .. parameters.Zip(gradients).GroupBy(pair => state.RateFactors.GetValueOrDefault(pair.First, 1))
            .SelectMany(group => Updates(
                [.. group.Select(pair => pair.First)], [.. group.Select(pair => pair.Second)],
                group.Key == 1 ? learningRate : learningRate * group.Key, inner)),
        ];
    }

    private IReadOnlyList<Variable> Gradients(Variable loss, IReadOnlyList<SharedVariable> parameters)
    {
        IReadOnlyList<Variable> gradients = parameters.Count == 0 ? [] : Symbolic.Grad(loss, parameters);
        return Clip is null ? gradients : Clip.Apply(gradients);
    }
}

/// <summary>Represents a rule's updates for some parameters.</summary>
/// <param name="Updates">The updates of a training step.</param>
/// <param name="LearningRate">
/// The learning rate, a scalar. It may be set between calls without a new compilation.
/// </param>
/// <param name="Settings">
/// The rule's settings by name, such as <c>learning_rate</c> and <c>momentum</c>. They may be set, too.
/// </param>
/// <param name="State">The rule's state from step to step: velocities, averages, counters.</param>
public sealed record BuiltUpdates(
    IReadOnlyList<Update> Updates,
    SharedVariable LearningRate,
    IReadOnlyDictionary<string, SharedVariable> Settings,
    IReadOnlyList<SharedVariable> State)
{
    /// <summary>Gets the parameter of each state variable that belongs to one.</summary>
    internal IReadOnlyDictionary<SharedVariable, SharedVariable> ParameterOf { get; init; } =
        new Dictionary<SharedVariable, SharedVariable>();

    /// <summary>
    /// Copies the settings and the state of earlier updates of some of the same parameters. Variables are matched by
    /// name, and by order if names are equal.
    /// </summary>
    internal void TakeOver(BuiltUpdates former)
    {
        ILookup<string, SharedVariable> known = former.State.ToLookup(variable => variable.Name!);
        foreach (IGrouping<string, SharedVariable> own in State.GroupBy(variable => variable.Name!))
        {
            foreach ((SharedVariable variable, SharedVariable value) in own.Zip(known[own.Key])
                .Where(pair => !pair.First.IsElsewhere))
            {
                variable.SetValue(value.GetValue());
            }
        }

        // Without parameters to train, the earlier rule had only a learning rate.
        foreach ((string name, SharedVariable setting) in Settings)
        {
            if (former.Settings.TryGetValue(name, out SharedVariable? earlier))
            {
                setting.SetValue(earlier.GetValue());
            }
        }
    }
}

/// <summary>Creates a rule's settings and its state variables.</summary>
public sealed class RuleState
{
    private readonly DType _dtype;
    private readonly bool _areSettingsConstant;
    private readonly BuiltUpdates? _former;
    private readonly string _prefix = "";
    private readonly Dictionary<string, SharedVariable> _settings = [];
    private readonly List<SharedVariable> _variables = [];
    private readonly Dictionary<SharedVariable, SharedVariable> _parameterOf = [];

    internal RuleState(DType dtype, bool areSettingsConstant = false, BuiltUpdates? former = null)
    {
        _dtype = dtype;
        _former = former;
        _areSettingsConstant = areSettingsConstant;
    }

    private RuleState(RuleState outer, string prefix) : this(outer._dtype, outer._areSettingsConstant, outer._former) =>
        (_prefix, _settings, _variables, _parameterOf, Owners, RateFactors) =
            ($"{outer._prefix}{prefix}", outer._settings, outer._variables, outer._parameterOf, outer.Owners,
                outer.RateFactors);

    internal IReadOnlyDictionary<string, SharedVariable> Settings => _settings;

    internal IReadOnlyList<SharedVariable> Variables => _variables;

    /// <summary>Gets the parameter of each variable that belongs to one.</summary>
    internal IReadOnlyDictionary<SharedVariable, SharedVariable> ParameterOf => _parameterOf;

    /// <summary>Gets or sets which rank keeps the state of a parameter; null if each rank keeps all.</summary>
    internal StateOwners? Owners { get; init; }

    /// <summary>Gets or sets the factors of the learning rate that are not 1.</summary>
    internal IReadOnlyDictionary<SharedVariable, double> RateFactors { get; init; } =
        new Dictionary<SharedVariable, double>();

    /// <summary>
    /// Gets or sets whether this batch ends a step of the rule within, a scalar; null if each batch is a step.
    /// </summary>
    internal Variable? EndsStep { get; set; }

    /// <summary>Returns the state of one rule among several: its settings are called <c>conv*.momentum</c>.</summary>
    public RuleState Of(string name) => new(this, $"{name}.");

    /// <summary>Returns the same state for a rule whose learning rate contains the factors.</summary>
    internal RuleState WithoutRateFactors() =>
        RateFactors.Count == 0 ? this : new(this, "") { RateFactors = new Dictionary<SharedVariable, double>() };

    /// <summary>Returns a setting that schedules may change. The same name returns the same setting.</summary>
    internal SharedVariable Setting(string name, double value)
    {
        name = _prefix + name;
        if (!_settings.TryGetValue(name, out SharedVariable? setting))
        {
            setting = _former?.Settings[name] ?? new SharedVariable(Tensor.Scalar(value).Cast(_dtype), name);
            _settings.Add(name, setting);
        }

        return setting;
    }

    /// <summary>Returns a setting that schedules may change, or a constant in graphs written by hand.</summary>
    public Variable Value(string name, double value) =>
        _areSettingsConstant ? Symbolic.Constant(value, _dtype) : Setting(name, value);

    /// <summary>Returns a state variable of a parameter that begins with zeros: <c>hidden.W.velocity</c>.</summary>
    public SharedVariable Zeros(SharedVariable parameter, string name)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        SharedVariable zeros = Add(
            parameter.DType, parameter.Shape, $"{parameter.Name}.{name}",
            isElsewhere: Owners?.IsOwn(parameter) == false);
        _parameterOf[zeros] = parameter;
        return zeros;
    }

    /// <summary>Returns a scalar state variable that begins with 0.</summary>
    public SharedVariable Zero(string name) => Add(_dtype, Shape.Scalar, name);

    /// <summary>
    /// A rule asks for its variables in the same order each time, so that the former ones are found again.
    /// </summary>
    private SharedVariable Add(DType dtype, Shape shape, string name, bool isElsewhere = false)
    {
        SharedVariable variable = _former?.State[_variables.Count]
            ?? (isElsewhere
                ? SharedVariable.Elsewhere(new TensorType(dtype, shape), name)
                : SharedVariable.Zeros(new TensorType(dtype, shape), name));
        _variables.Add(variable);
        return variable;
    }
}
