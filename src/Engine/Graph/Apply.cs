namespace Engine.Graph;

/// <summary>Represents an op applied to variables.</summary>
public sealed class Apply
{
    internal Apply(Op op, IReadOnlyList<Variable> inputs, Origin origin)
    {
        Op = op;
        Inputs = inputs;
        Origin = origin;
        IReadOnlyList<TensorType> types = Infer([.. inputs.Select(input => input.Type)]);
        Outputs = [.. types.Select((type, index) => new Result(this, index, KnownValues.TypeOf(op, inputs, type)))];
    }

    /// <summary>Gets the operation.</summary>
    public Op Op { get; }

    /// <summary>Gets the variables that the op is applied to.</summary>
    public IReadOnlyList<Variable> Inputs { get; }

    /// <summary>Gets the variables that it computes.</summary>
    public IReadOnlyList<Result> Outputs { get; }

    /// <summary>Gets the source location where it was built.</summary>
    public Origin Origin { get; }

    /// <summary>Whether the output is the first input with another shape, so that nothing must be computed.</summary>
    internal bool IsView => Op.IsView([.. Inputs.Select(input => input.Type)]);

    /// <summary>
    /// Returns the same op on other inputs, with the outputs' names; this application if the inputs are the same.
    /// </summary>
    internal Apply With(Variable[] inputs)
    {
        int same = 0;
        while (same < inputs.Length && inputs[same] == Inputs[same])
        {
            same++;
        }

        if (same == inputs.Length)
        {
            return this;
        }

        return Named(new Apply(Op, inputs, Origin));
    }

    /// <summary>Returns another op, with as many outputs, on the same inputs, with the outputs' names.</summary>
    internal Apply With(Op op) => Named(new Apply(op, Inputs, Origin));

    /// <summary>Applies the op's shape rule; an error names the op, the shapes, the layer and the line.</summary>
    internal IReadOnlyList<TensorType> Infer(TensorType[] inputs)
    {
        try
        {
            return Op.Infer(inputs);
        }
        catch (Exception error) when (error is EngineException or OverflowException)
        {
            const int Most = 8;
            string shapes = string.Join(" and ", inputs.Take(Most).Select(type => type.ToString()));
            shapes += inputs.Length > Most ? InvariantText.Of($" and {inputs.Length - Most} more") : null;
            string reason = error is OverflowException
                ? $"what comes of it has more than {Shape.MaxElements} elements"
                : error.Message.TrimEnd('.');
            throw new EngineException($"{Op.Name} cannot take {shapes}: {reason}.{Origin}", error);
        }
    }

    private Apply Named(Apply other)
    {
        foreach (Result output in Outputs)
        {
            other.Outputs[output.Index].Name = output.Name;
        }

        return other;
    }

    /// <summary>Returns the op and its inputs: <c>dot(x, hidden1.W)</c>.</summary>
    public override string ToString() => $"{Op.Name}({string.Join(", ", Inputs)})";
}
