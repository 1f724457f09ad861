using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Cuts the graph that a user's function built out of the graph around it. Outer variables that it uses become inputs.
/// What depends only on those stays outside, where it is computed once.
/// </summary>
internal static class StepGraph
{
    /// <summary>Returns what the graph from inputs to outputs uses from outside.</summary>
    /// <param name="inputs">The inputs that were created for the function.</param>
    /// <param name="outputs">The variables that it returned.</param>
    /// <returns>The outer variables that the graph uses, each with the input that replaces it inside.</returns>
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
