using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Cuts the graph that a user's function built out of the graph around it. Outer variables that it uses become inputs.
/// What depends only on those stays outside, where it is computed once, unless it is to happen at every step or may
/// not be needed at all.
/// </summary>
internal static class StepGraph
{
    /// <summary>Returns what the graph from inputs to outputs uses from outside.</summary>
    /// <param name="inputs">The inputs that were created for the function.</param>
    /// <param name="outputs">The variables that it returned.</param>
    /// <param name="before">
    /// The variables with greater numbers were created by the function. Of these, effects and what only one branch of
    /// an inner choice needs stay inside.
    /// </param>
    /// <returns>The outer variables that the graph uses, each with the input that replaces it inside.</returns>
    public static Dictionary<Variable, Variable> Captured(
        IReadOnlyList<Input> inputs, IReadOnlyList<Variable> outputs, long before = long.MaxValue)
    {
        var captured = new Dictionary<Variable, Variable>();
        IReadOnlyList<Apply> order = Traversal.Order(outputs);
        HashSet<Variable> inside = Inside(node => node.Op.HasEffect);
        if (order.Any(node => node.Op is IChoice && inside.Contains(node.Outputs[0])))
        {
            HashSet<Apply> always = Always();
            inside = Inside(node => node.Op.HasEffect || !(always.Contains(node) || IsOfShapes(node)));
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

        // The nodes that depend on the inputs, and those that the function created and that must be inside.
        HashSet<Variable> Inside(Func<Apply, bool> mustBe)
        {
            var found = new HashSet<Variable>(inputs);
            foreach (Apply node in order.Where(node =>
                node.Inputs.Any(found.Contains) || (node.Outputs[0].Id > before && mustBe(node))))
            {
                found.UnionWith(node.Outputs);
            }

            return found;
        }

        // What is needed whichever branch an inner choice takes.
        HashSet<Apply> Always()
        {
            var needed = new HashSet<Variable>(outputs);
            var found = new HashSet<Apply>();
            foreach (Apply node in order.Reverse().Where(node => node.Outputs.Any(needed.Contains)))
            {
                found.Add(node);
                needed.UnionWith(
                    node.Op is IChoice && inside.Contains(node.Outputs[0]) ? node.Inputs.Take(1) : node.Inputs);
            }

            return found;
        }
    }

    /// <summary>Returns whether an op computes shapes, which are known only outside and cost nothing.</summary>
    private static bool IsOfShapes(Apply node) => node.Op.IsPlain
        && node.Outputs.All(
            output => !output.DType.IsFloat() && (output.Rank == 0 || (output.Rank == 1 && output.Shape.IsKnown)));
}
