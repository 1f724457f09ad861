namespace Engine.Graph;

/// <summary>An op that represents a graph, which is computed instead of it.</summary>
internal interface IStandIn
{
    /// <summary>Returns its outputs as a graph of its inputs.</summary>
    IReadOnlyList<Variable> Expand(Apply node);
}

/// <summary>
/// An op whose first input, a condition, selects one of two groups of its other inputs. Values that only the other
/// group needs are not computed.
/// </summary>
internal interface IChoice
{
    /// <summary>
    /// Returns the op whose bodies contain what only one group needs; its inputs are the condition and those of the
    /// bodies.
    /// </summary>
    Op Branches(FunctionGraph first, FunctionGraph second);
}

/// <summary>Replaces ops by the graphs that they represent. This always happens first, with any options.</summary>
internal static class Expansion
{
    /// <summary>Returns the graph with all such ops replaced, in its bodies too.</summary>
    public static FunctionGraph Apply(FunctionGraph graph)
    {
        graph = Choices(StandIns(graph));
        return graph.WithBodies(static (_, _, body) => Apply(body));
    }

    /// <summary>Returns the graph with each <see cref="IStandIn"/> replaced by its graph.</summary>
    public static FunctionGraph StandIns(FunctionGraph graph)
    {
        while (Traversal.Order(graph.Roots).FirstOrDefault(node => node.Op is IStandIn) is { } standIn)
        {
            IReadOnlyList<Variable> expanded;
            using (Origin.Use(standIn.Origin))
            {
                expanded = ((IStandIn)standIn.Op).Expand(standIn);
            }

            graph = graph.Replace(standIn.Outputs.Zip(expanded)
                .ToDictionary(pair => (Variable)pair.First, pair => pair.Second));
        }

        return graph;
    }

    /// <summary>
    /// Turns the outermost choices into branches; each branch includes the nodes that nothing else needs. Choices
    /// within a branch are converted with the branch.
    /// </summary>
    private static FunctionGraph Choices(FunctionGraph graph)
    {
        IReadOnlyList<Apply> order = Traversal.Order(graph.Roots);
        if (!order.Any(node => node.Op is IChoice))
        {
            return graph;
        }

        // The only user of each node: a branch of a choice, or null if there are others.
        var owners = new Dictionary<Apply, (Apply Choice, int Branch)?>();
        foreach (Variable root in graph.Roots)
        {
            Use(root, null);
        }

        foreach (Apply node in order.Reverse())
        {
            (Apply, int)? owner = owners[node];
            int count = node.Outputs.Count;
            for (int i = 0; i < node.Inputs.Count; i++)
            {
                Use(node.Inputs[i], owner is null && node.Op is IChoice && i > 0 ? (node, i <= count ? 0 : 1) : owner);
            }
        }

        var replaced = new Dictionary<Variable, Variable>();
        foreach (Apply node in order.Where(node => owners[node] is null))
        {
            Apply other = node.Op is IChoice choice
                ? Branches(node, choice)
                : node.With([.. node.Inputs.Select(Outside)]);
            foreach (Result output in node.Outputs)
            {
                replaced.Add(output, other.Outputs[output.Index]);
            }
        }

        return graph.WithRoots([.. graph.Roots.Select(Outside)]);

        void Use(Variable variable, (Apply, int)? user)
        {
            if (variable is Result { Owner: var owner } && !owners.TryAdd(owner, user) && owners[owner] != user)
            {
                owners[owner] = null;
            }
        }

        Variable Outside(Variable variable) => replaced.GetValueOrDefault(variable, variable);

        Apply Branches(Apply node, IChoice choice)
        {
            int count = node.Outputs.Count;
            (FunctionGraph first, Variable[] firstGiven) = Body(node, 0, node.Inputs.Skip(1).Take(count));
            (FunctionGraph second, Variable[] secondGiven) = Body(node, 1, node.Inputs.Skip(1 + count));
            using Origin.Scope scope = Origin.Use(node.Origin);
            return choice.Branches(first, second).Apply([Outside(node.Inputs[0]), .. firstGiven, .. secondGiven]);
        }

        (FunctionGraph Body, Variable[] Given) Body(Apply choice, int branch, IEnumerable<Variable> results)
        {
            Variable[] outputs = [.. results];
            var given = new Dictionary<Variable, Variable>();
            var known = new Dictionary<Variable, Variable>();
            IEnumerable<Variable> used = Traversal.Order(outputs, (node, _) => owners[node] == (choice, branch))
                .Where(node => owners[node] == (choice, branch))
                .SelectMany(node => node.Inputs);
            foreach (Variable variable in outputs.Concat(used))
            {
                bool isInside = variable is Result { Owner: var owner } && owners[owner] == (choice, branch);
                if (isInside || variable is Constant or ShapeOnly || given.ContainsKey(variable)
                    || known.ContainsKey(variable))
                {
                    continue;
                }

                // A shape from outside decides shapes inside only if its value is known there.
                if (KnownValues.Of(variable) is { } value)
                {
                    known.Add(variable, value);
                }
                else
                {
                    given.Add(variable, new Input(variable.Type, variable.Name));
                }
            }

            var body = new FunctionGraph(
                [.. given.Values.Cast<Input>()],
                Traversal.Replace(outputs, given.Concat(known).ToDictionary(pair => pair.Key, pair => pair.Value)), []);
            return (body, [.. given.Keys.Select(Outside)]);
        }
    }
}
