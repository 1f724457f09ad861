using Engine.Graph;
using Engine.Layers;
using Engine.Ops;

namespace Engine.Training;

/// <summary>
/// Describes how parameters follow their gradients. A rule is a description: it holds no state, so that one may serve
/// any number of networks. <see cref="Build"/> makes what a network needs of it.
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

    /// <summary>Gets the learning rate at the start.</summary>
    public float LearningRate { get; }

    /// <summary>
    /// Gets or sets how the gradients are kept small before the rule's formulas see them; null for as they are.
    /// </summary>
    public GradientClip? Clip { get; init; }

    /// <summary>Returns its members, with points in the numbers.</summary>
    public sealed override string ToString() => RecordText.Of(GetType().Name, PrintMembers);

    /// <summary>Returns the updates of the parameters and of the rule's own state, which they come with.</summary>
    /// <param name="loss">The scalar to make smaller.</param>
    /// <param name="parameters">What to change.</param>
    /// <exception cref="EngineException">The loss does not depend on a parameter, or is no scalar.</exception>
    public BuiltUpdates Build(Variable loss, IReadOnlyList<SharedVariable> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        return BuildOn(former: null, loss, [.. parameters.Select(parameter => (parameter, 1.0))]);
    }

    /// <summary>
    /// The updates that make another loss smaller, with the settings and the state of former ones of the same parameters.
    /// </summary>
    /// <param name="former">The former ones; null for none.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="parameters">The parameters.</param>
    /// <param name="owners">Which rank keeps what the rule remembers of a parameter; null: each rank keeps all.</param>
    internal BuiltUpdates BuildOn(
        BuiltUpdates? former, Variable loss, IReadOnlyList<Parameter> parameters, StateOwners? owners = null) =>
        BuildOn(former, loss, [.. parameters.Select(parameter => (parameter.Variable, parameter.RateFactor))], owners);

    /// <summary>The updates by gradients that are there already, with the settings and the state of former ones.</summary>
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
        var state = new RuleState(dtype, former: former) { Owners = owners };
        SharedVariable learningRate = state.Setting("learning_rate", LearningRate);
        SharedVariable[] variables = [.. parameters.Select(parameter => parameter.Variable)];
        Dictionary<SharedVariable, Variable> gradients = variables.Zip(gradientsOf(variables)).ToDictionary();

        // The library's updates are said to be such; but a user's own rule is known by its lines.
        Origin origin = GetType().Assembly == typeof(UpdateRule).Assembly
            ? Origin.Current with { Part = "update" }
            : Origin.Current;
        var updates = new List<Update>();
        using (Origin.Use(origin))
        {
            foreach (IGrouping<double, SharedVariable> group in parameters.GroupBy(p => p.RateFactor, p => p.Variable))
            {
                SharedVariable[] members = [.. group];
                updates.AddRange(Updates(
                    members, [.. members.Select(member => gradients[member])],
                    group.Key == 1 ? learningRate : learningRate * group.Key, state));
            }
        }

        return new BuiltUpdates(updates, learningRate, state.Settings, state.Variables) { ParameterOf = state.ParameterOf };
    }

    /// <summary>The updates with the settings as constants, for graphs written by hand.</summary>
    internal IReadOnlyList<Update> BuildFixed(Variable loss, IReadOnlyList<SharedVariable> parameters)
    {
        ArgumentNullException.ThrowIfNull(loss);
        ArgumentNullException.ThrowIfNull(parameters);
        return Updates(
            parameters, Gradients(loss, parameters), Symbolic.Constant(LearningRate, loss.DType),
            new RuleState(loss.DType, areSettingsConstant: true));
    }

    /// <summary>Returns the rule's formulas: the new values of the parameters and of what the rule keeps.</summary>
    /// <param name="parameters">What to change.</param>
    /// <param name="gradients">The gradient of each.</param>
    /// <param name="learningRate">The learning rate, a scalar.</param>
    /// <param name="state">Makes the rule's other settings and the variables that it keeps.</param>
    protected abstract IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters,
        IReadOnlyList<Variable> gradients,
        Variable learningRate,
        RuleState state);

    /// <summary>
    /// Returns the formulas of another rule, for one that is made of others: its clipping is done too.
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
        return parameters.Count == 0 ? [] : rule.Updates(
            parameters, rule.Clip is null ? gradients : rule.Clip.Apply(gradients), learningRate, state);
    }

    private IReadOnlyList<Variable> Gradients(Variable loss, IReadOnlyList<SharedVariable> parameters)
    {
        IReadOnlyList<Variable> gradients = parameters.Count == 0 ? [] : Symbolic.Grad(loss, parameters);
        return Clip is null ? gradients : Clip.Apply(gradients);
    }
}

/// <summary>Represents a rule made ready for some parameters.</summary>
/// <param name="Updates">What a training step updates.</param>
/// <param name="LearningRate">The learning rate: a scalar that may be set between calls without compiling anew.</param>
/// <param name="Settings">The rule's settings by name, <c>learning_rate</c> and <c>momentum</c>, say, likewise.</param>
/// <param name="State">What the rule keeps from step to step: velocities, averages, counters.</param>
public sealed record BuiltUpdates(
    IReadOnlyList<Update> Updates,
    SharedVariable LearningRate,
    IReadOnlyDictionary<string, SharedVariable> Settings,
    IReadOnlyList<SharedVariable> State)
{
    /// <summary>Gets the parameter beside which each part of the state is that has one.</summary>
    internal IReadOnlyDictionary<SharedVariable, SharedVariable> ParameterOf { get; init; } =
        new Dictionary<SharedVariable, SharedVariable>();

    /// <summary>
    /// Takes the values of what a former one, of some of the same parameters, kept under the same names, of equal names in
    /// their order.
    /// </summary>
    internal void TakeOver(BuiltUpdates former)
    {
        ILookup<string, SharedVariable> known = former.State.ToLookup(variable => variable.Name!);
        foreach (IGrouping<string, SharedVariable> own in State.GroupBy(variable => variable.Name!))
        {
            foreach ((SharedVariable variable, SharedVariable value) in own.Zip(known[own.Key]).Where(pair => !pair.First.IsElsewhere))
            {
                variable.SetValue(value.GetValue());
            }
        }

        foreach ((string name, SharedVariable setting) in Settings)
        {
            setting.SetValue(former.Settings[name].GetValue());
        }
    }
}

/// <summary>Makes a rule's settings and the variables that it keeps.</summary>
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
        (_prefix, _settings, _variables, _parameterOf, Owners) =
            ($"{outer._prefix}{prefix}.", outer._settings, outer._variables, outer._parameterOf, outer.Owners);

    internal IReadOnlyDictionary<string, SharedVariable> Settings => _settings;

    internal IReadOnlyList<SharedVariable> Variables => _variables;

    /// <summary>Gets the parameter beside which a variable is, of those that have one.</summary>
    internal IReadOnlyDictionary<SharedVariable, SharedVariable> ParameterOf => _parameterOf;

    /// <summary>Gets or sets which rank keeps what is beside a parameter; null: each rank keeps all.</summary>
    internal StateOwners? Owners { get; init; }

    /// <summary>Returns the state of one rule among several: its settings are called <c>conv*.momentum</c>.</summary>
    public RuleState Of(string name) => new(this, name);

    /// <summary>A setting that schedules may change; the same one where it was asked for before.</summary>
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

    /// <summary>Returns zeros beside a parameter: <c>hidden.W.velocity</c>.</summary>
    public SharedVariable Zeros(SharedVariable parameter, string name)
    {
        ArgumentNullException.ThrowIfNull(parameter);
        SharedVariable zeros = Add(
            parameter.DType, parameter.Shape, $"{parameter.Name}.{name}", isElsewhere: Owners?.IsOwn(parameter) == false);
        _parameterOf[zeros] = parameter;
        return zeros;
    }

    /// <summary>Returns a number that begins with 0.</summary>
    public SharedVariable Zero(string name) => Add(_dtype, Shape.Scalar, name);

    /// <summary>A rule asks for its variables in the same order each time, so that the former ones are found again.</summary>
    private SharedVariable Add(DType dtype, Shape shape, string name, bool isElsewhere = false)
    {
        SharedVariable variable = _former?.State[_variables.Count]
            ?? (isElsewhere ? SharedVariable.Elsewhere(new TensorType(dtype, shape), name) : SharedVariable.Of(new Tensor(dtype, shape), name));
        _variables.Add(variable);
        return variable;
    }
}
