using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Cuts what a user's function built on inputs of its own out of the graph around it: what it uses of that becomes an input
/// too, and what it computes from that alone stays outside, where it is computed once.
/// </summary>
internal static class StepGraph
{
    /// <summary>Cuts out what computes some variables from inputs.</summary>
    /// <param name="inputs">The inputs that were made for the function.</param>
    /// <param name="outputs">What it made of them.</param>
    /// <returns>What the graph around has to give, each with the input that takes its place inside.</returns>
    public static Dictionary<Variable, Variable> Captured(
        IReadOnlyList<Input> inputs, IReadOnlyList<Variable> outputs)
    {
        var inside = new HashSet<Variable>(inputs);
        var captured = new Dictionary<Variable, Variable>();
        IReadOnlyList<Apply> order = Traversal.Order(outputs);
        foreach (Apply node in order.Where(node => node.Inputs.Any(inside.Contains)))
        {
            inside.UnionWith(node.Outputs);
        }

        foreach (Variable used in outputs.Concat(
            order.Where(node => inside.Contains(node.Outputs[0])).SelectMany(node => node.Inputs)))
        {
            if (!inside.Contains(used) && used is not (Constant or ShapeOnly) && !captured.ContainsKey(used))
            {
                captured.Add(used, new Input(used.Type, used.Name, used is Input { IsSize: true }));
            }
        }

        return captured;
    }
}
