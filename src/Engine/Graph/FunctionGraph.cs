namespace Engine.Graph;

/// <summary>The graph of one function, which all stages before the schedule read and write.</summary>
internal sealed record FunctionGraph(
    IReadOnlyList<Input> Inputs, IReadOnlyList<Variable> Outputs, IReadOnlyList<Update> Updates)
{
    /// <summary>Gets all variables to compute: the outputs, then the values of the updates.</summary>
    public IReadOnlyList<Variable> Roots => [.. Outputs, .. Updates.Select(update => update.Value)];

    /// <summary>Gets the shared variables that it reads and those that it updates.</summary>
    public IEnumerable<SharedVariable> Shared =>
        Leaves(Roots).OfType<SharedVariable>().Union(Updates.Select(update => update.Target));

    /// <summary>Checks the user's arguments, adds the default updates and applies the givens.</summary>
    public static FunctionGraph Create(
        IReadOnlyList<Input> inputs,
        IReadOnlyList<Variable> outputs,
        IEnumerable<Update> updates,
        IEnumerable<Given> givens)
    {
        var replacements = new Dictionary<Variable, Variable>();
        foreach ((Variable variable, Variable replacement) in givens)
        {
            Require(variable.DType == replacement.DType && variable.Shape.Admits(replacement.Shape),
                $"The given for '{variable}' ({variable.Type}) cannot be a {replacement.Type}.");
            Require(replacements.TryAdd(variable, replacement), $"There are two givens for '{variable}'.");
        }

        List<Update> all = [.. updates];
        var targets = new HashSet<SharedVariable>();
        foreach ((SharedVariable target, Variable value) in all)
        {
            Require(targets.Add(target), $"There are two updates of '{target}'.");
            Require(target.DType == value.DType && target.Shape.Admits(value.Shape),
                $"The update of '{target}' ({target.Type}) cannot be a {value.Type}.");
        }

        FunctionGraph graph = new FunctionGraph(inputs, outputs, all).Replace(replacements);
        all = [.. graph.Updates];
        for (IEnumerable<Variable> roots = graph.Roots; ;)
        {
            Update[] more = [.. Leaves(roots).OfType<SharedVariable>()
                .Where(shared => shared.DefaultUpdate is not null && targets.Add(shared))
                .Select(shared => new Update(shared, shared.DefaultUpdate!))];
            if (more.Length == 0)
            {
                break;
            }

            all.AddRange(more);
            roots = more.Select(update => update.Value);
        }

        graph = graph with { Updates = all };
        graph.CheckInputs(replacements);
        return graph;
    }

    /// <summary>Returns the same graph with some variables replaced.</summary>
    public FunctionGraph Replace(IReadOnlyDictionary<Variable, Variable> replacements) =>
        WithRoots(Traversal.Replace(Roots, replacements));

    /// <summary>Returns the same function with other variables for its outputs and updates.</summary>
    public FunctionGraph WithRoots(IReadOnlyList<Variable> roots) => this with
    {
        Outputs = [.. roots.Take(Outputs.Count)],
        Updates = [.. roots.Skip(Outputs.Count).Zip(Updates, (value, update) => update with { Value = value })],
    };

    /// <summary>
    /// Returns the same function for inputs of these types and for the current values of shared variables; every
    /// dimension in it is known. An input with a more specific type becomes another variable, at the same index of
    /// <see cref="Inputs"/>.
    /// </summary>
    /// <exception cref="EngineException">An op cannot take the shapes, or an update has another shape.</exception>
    public FunctionGraph Specialize(IReadOnlyList<TensorType> types)
    {
        var known = new Dictionary<Variable, Variable>();
        Input[] inputs = [.. Inputs.Zip(types, (input, type) =>
            input.Type == type ? input : new Input(type, input.Name, input.IsSize))];
        foreach ((Input input, Input same) in Inputs.Zip(inputs).Where(pair => pair.First != pair.Second))
        {
            known.Add(input, same);
        }

        foreach (SharedVariable variable in Shared.Where(variable => !variable.Shape.IsKnown))
        {
            known.Add(variable, variable.OfPresentShape());
        }

        FunctionGraph graph = Replace(known) with { Inputs = inputs };
        graph = graph with
        {
            Updates = [.. graph.Updates.Select(update => update with
            {
                Target = (SharedVariable)known.GetValueOrDefault(update.Target, update.Target),
            })],
        };
        foreach ((SharedVariable target, Variable value) in graph.Updates)
        {
            Require(
                value.Shape == target.Shape, $"The update of '{target}' ({target.Type}) turned out as {value.Type}.");
        }

        return graph.WithBodies(static (node, number, body) =>
            body.Specialize(((IOuterOp)node.Op).BodyTypes(number, [.. node.Inputs.Select(input => input.Type)])));
    }

    /// <summary>Checks, in bodies too, that every dimension is known now that the inputs' types are.</summary>
    /// <exception cref="EngineException">A dimension depends on a value that only a run computes.</exception>
    public void RequireKnownDimensions()
    {
        foreach (Apply node in Traversal.Order(Roots))
        {
            if (!node.Outputs.All(output => output.Shape.IsKnown))
            {
                Variable dimension =
                    node.Inputs.FirstOrDefault(input => input.Type is { DType: DType.Int32, Rank: 0, KnownValue: null })
                        ?? node.Outputs[0];
                Variable unknown = KnownValues.Unknown(dimension);
                throw new EngineException(
                    $"{node.Op.Name} gives {node.Outputs.First(output => !output.Shape.IsKnown).Type}: "
                    + $"a dimension of it, or its number of steps, depends on the value of '{unknown}' "
                    + $"({unknown.Type}), which only a run has, and plans are made for shapes. "
                    + "Make that an input of Size, or compose the dimension of numbers, sizes, DimensionOf and ShapeOf."
                    + node.Origin);
            }

            foreach (FunctionGraph body in (node.Op as IOuterOp)?.Bodies ?? [])
            {
                body.RequireKnownDimensions();
            }
        }
    }

    /// <summary>Returns the same graph with the bodies of its ops replaced; this graph if there are none.</summary>
    /// <param name="map">
    /// Returns the replacement of a body from the op's application and the body's number and graph.
    /// </param>
    public FunctionGraph WithBodies(Func<Apply, int, FunctionGraph, FunctionGraph> map)
    {
        IReadOnlyList<Apply> order = Traversal.Order(Roots);
        if (!order.Any(node => node.Op is IOuterOp))
        {
            return this;
        }

        var replaced = new Dictionary<Variable, Variable>();
        foreach (Apply node in order)
        {
            Apply other = node.With([.. node.Inputs.Select(input => replaced.GetValueOrDefault(input, input))]);
            if (other.Op is IOuterOp outer)
            {
                other = other.With(outer.With([.. outer.Bodies.Select((body, number) => map(other, number, body))]));
            }

            foreach (Result output in other == node ? [] : node.Outputs)
            {
                replaced.Add(output, other.Outputs[output.Index]);
            }
        }

        return WithRoots([.. Roots.Select(root => replaced.GetValueOrDefault(root, root))]);
    }

    /// <summary>Returns the variables that no op computes, in the order in which they are first needed.</summary>
    public static IEnumerable<Variable> Leaves(IEnumerable<Variable> roots) => roots
        .Concat(Traversal.Order(roots).SelectMany(node => node.Inputs))
        .Where(variable => variable is not Result)
        .Distinct();

    private void CheckInputs(Dictionary<Variable, Variable> givens)
    {
        Require(Inputs.Distinct().Count() == Inputs.Count, "An input is listed twice.");
        HashSet<Input> needed = [.. Leaves(Roots).OfType<Input>()];
        foreach (Input missing in needed.Where(input => givens.ContainsKey(input) && !Inputs.Contains(input)))
        {
            Variable user = givens.First(given => Leaves([given.Value]).Contains(missing)).Key;
            throw new EngineException(
                $"The given for '{user}' uses '{missing}' ({missing.Type}), which has a given of its own, "
                + "and givens do not chain: all are put in place at once. Build the first from what stands for the "
                + "second.");
        }

        foreach (Input input in Inputs)
        {
            Require(needed.Remove(input),
                $"The input '{input}' is not used to compute the outputs or the updates: leave it out of the inputs.");
        }

        foreach (Input missing in needed)
        {
            Apply? user = Traversal.Order(Roots).FirstOrDefault(node => node.Inputs.Contains(missing));
            throw new EngineException(
                $"'{missing}' ({missing.Type}) is needed but is neither an input nor given"
                + (user is null ? "." : $": {user} uses it.{user.Origin}")
                + (givens.ContainsKey(missing)
                    ? $" There is a given for it, but what a given puts in place is taken as it is: "
                        + $"put the value of '{missing}' "
                        + "into the given that uses it."
                    : ""));
        }
    }

    private static void Require(bool condition, string message)
    {
        if (!condition)
        {
            throw new EngineException(message);
        }
    }
}
