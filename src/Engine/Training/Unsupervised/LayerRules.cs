using Engine.Graph;

namespace Engine.Training;

/// <summary>
/// Applies a rule to each layer of a <see cref="DeepBeliefNetwork"/>. All have the same settings, except for the
/// learning rates, which schedules may change separately.
/// </summary>
internal sealed record LayerRules : UpdateRule
{
    private readonly IReadOnlyList<(string Layer, UpdateRule Rule)> _rules;

    public LayerRules(IReadOnlyList<(string Layer, UpdateRule Rule)> rules)
        : base(rules[0].Rule.LearningRate) => _rules = rules;

    protected override bool IsOfOthers => true;

    /// <summary>Returns the name of a layer's learning rate among the settings.</summary>
    public static string RateOf(int layer) =>
        layer == 0 ? "learning_rate" : FormattableString.Invariant($"learning_rate of layer {layer + 1}");

    protected override IReadOnlyList<Update> Updates(
        IReadOnlyList<SharedVariable> parameters, IReadOnlyList<Variable> gradients, Variable learningRate,
        RuleState state)
    {
        var updates = new List<Update>();
        for (int i = 0; i < _rules.Count; i++)
        {
            (string layer, UpdateRule rule) = _rules[i];
            Variable rate = i == 0 ? learningRate : state.Value(RateOf(i), rule.LearningRate);
            int[] own = [.. Enumerable.Range(0, parameters.Count)
                .Where(at => parameters[at].Name!.StartsWith($"{layer}.", StringComparison.Ordinal))];
            updates.AddRange(UpdatesOf(
                rule, [.. own.Select(at => parameters[at])], [.. own.Select(at => gradients[at])], rate, state));
        }

        return updates;
    }
}
