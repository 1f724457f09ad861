using Engine.Graph;

namespace Engine.Compile;

/// <summary>
/// The order in which a function's ops run, and the concrete type of every variable for one set of input shapes.
/// </summary>
internal sealed class Schedule
{
    private Schedule(IReadOnlyList<Apply> nodes, IReadOnlyDictionary<Variable, TensorType> types)
    {
        Nodes = nodes;
        Types = types;
    }

    /// <summary>The ops whose values are needed, each after those it reads.</summary>
    public IReadOnlyList<Apply> Nodes { get; }

    /// <summary>The types, with all sides known, also of variables of which only the shape is needed.</summary>
    public IReadOnlyDictionary<Variable, TensorType> Types { get; }

    /// <summary>Orders the graph for inputs of these types.</summary>
    public static Schedule Create(FunctionGraph graph, IReadOnlyDictionary<Input, TensorType> inputs)
    {
        var types = new Dictionary<Variable, TensorType>();
        foreach (Variable leaf in FunctionGraph.Leaves(graph.Roots))
        {
            types[leaf] = leaf is Input input ? inputs[input] : leaf.Type;
        }

        foreach (Apply node in Traversal.Order(graph.Roots))
        {
            IReadOnlyList<TensorType> outputs = node.Infer([.. node.Inputs.Select(variable => types[variable])]);
            foreach (Result output in node.Outputs)
            {
                types[output] = outputs[output.Index];
            }
        }

        foreach ((SharedVariable target, Variable value) in graph.Updates)
        {
            if (types[value].Shape != target.Shape)
            {
                throw new EngineException($"The update of '{target}' ({target.Type}) turned out as {types[value]}.");
            }
        }

        return new Schedule(Order(graph), types);
    }

    /// <summary>
    /// What produces a shared variable's new value comes last: by then the old value has been read, so that most
    /// updates can write straight into the variable's own memory.
    /// </summary>
    private static IReadOnlyList<Apply> Order(FunctionGraph graph)
    {
        IEnumerable<Variable> beforeUpdates = graph.Updates
            .Select(update => update.Value)
            .OfType<Result>()
            .SelectMany(value => value.Owner.Inputs.Where((_, input) => value.Owner.Op.Reads(input)));
        return Traversal.Order(
            graph.Outputs.Concat(beforeUpdates).Concat(graph.Roots),
            static (node, input) => node.Op.Reads(input));
    }
}
