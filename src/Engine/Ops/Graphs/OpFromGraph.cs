using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents the gradient of a graph that was made an op, in the place of what its ops' own gradients make of it.
/// </summary>
/// <param name="inputs">What the op is applied to.</param>
/// <param name="outputs">What it computes.</param>
/// <param name="outputGrads">The gradient with respect to each output; zeros where nothing flows back from it.</param>
/// <returns>The gradient with respect to each input, null for one that has none.</returns>
public delegate IReadOnlyList<Variable?> GraphGradient(
    IReadOnlyList<Variable> inputs, IReadOnlyList<Variable> outputs, IReadOnlyList<Variable> outputGrads);

/// <summary>
/// Represents a graph as an op: Theano's class of this name. Applied to variables it is one op where the graph is
/// looked at and where gradients are taken, and may have a gradient of its own; when a plan is made, the graph takes
/// its place.
/// </summary>
public sealed class OpFromGraph
{
    private readonly Inlined _op;
    private readonly IReadOnlyList<Variable> _captured;

    /// <summary>Creates a graph as an op.</summary>
    /// <param name="inputs">What it is given.</param>
    /// <param name="outputs">What it computes of these; it may use any other variable, too.</param>
    /// <param name="name">What it is called in prints and messages.</param>
    /// <param name="gradient">Its gradient, where not that of what it is made of.</param>
    public OpFromGraph(
        IReadOnlyList<Input> inputs, IReadOnlyList<Variable> outputs, string? name = null, GraphGradient? gradient = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        Dictionary<Variable, Variable> captured = StepGraph.Captured(inputs, outputs);
        _captured = [.. captured.Keys];
        _op = new Inlined(
            new FunctionGraph(
                [.. inputs, .. captured.Values.Cast<Input>()], Traversal.Replace(outputs, captured), []),
            inputs.Count, name ?? "graph", gradient);
    }

    /// <summary>Applies it.</summary>
    /// <exception cref="EngineException">There are more or fewer variables than inputs, or one is of another type.</exception>
    public IReadOnlyList<Variable> Apply(params ReadOnlySpan<Variable> arguments) => arguments.Length == _op.Given
        ? _op.Apply([.. arguments, .. _captured]).Outputs
        : throw new EngineException(
            $"{_op.Name} is of {_op.Given} inputs and cannot be applied to {arguments.Length}.{Origin.Current}");

    /// <summary>Applies it and gives its only, or its first, output.</summary>
    /// <inheritdoc cref="Apply"/>
    public Variable Call(params ReadOnlySpan<Variable> arguments) => Apply(arguments)[0];
}

/// <summary>An op that stands for a graph of its inputs.</summary>
/// <param name="Body">The graph.</param>
/// <param name="Given">How many of the inputs its user gives; the others are what the graph uses besides.</param>
/// <param name="Title">The name.</param>
/// <param name="Gradient">Its own gradient.</param>
internal sealed record Inlined(FunctionGraph Body, int Given, string Title, GraphGradient? Gradient) : Op, IStandIn, ISampled
{
    public override string Name => Title;

    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Side(random), Arg.Side(random)];
        DType dtype = random.Next(2) == 0 ? DType.Float32 : DType.Float64;
        Input x = Symbolic.Matrix("x", dtype), y = Symbolic.Vector("y", dtype);
        var op = new Inlined(new FunctionGraph([x, y], [Symbolic.Tanh(x) * y, x * x], []), 2, "both", null);
        yield return new Sample(op, new Arg(shape, dtype), new Arg([shape[1]], dtype)) { HasGradient = dtype == DType.Float64 };
        yield return new Sample(op, new Arg(shape, dtype), new Arg(shape, dtype)) { Error = "input 1 is " };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        for (int i = 0; i < inputs.Length; i++)
        {
            TensorType declared = Body.Inputs[i].Type;
            if (declared.DType != inputs[i].DType || !declared.Shape.Admits(inputs[i].Shape))
            {
                throw new EngineException($"input {i} is {declared}, not {inputs[i]}");
            }
        }

        return [.. Body.Specialize(inputs.ToArray()).Outputs.Select(output => output.Type)];
    }

    public IReadOnlyList<Variable> Expand(Apply node) => Traversal.Replace(
        Body.Outputs, Body.Inputs.Zip(node.Inputs).ToDictionary(pair => (Variable)pair.First, pair => pair.Second));

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        if (Gradient is not null)
        {
            Variable[] all = [.. outputGrads.Select((grad, i) => grad ?? Symbolic.Zero(node.Outputs[i]))];
            Variable[] given = [.. node.Inputs.Take(Given)];
            IReadOnlyList<Variable?> own = Gradient(given, node.Outputs, all);
            return own.Count == Given
                ? [.. own, .. node.Inputs.Skip(Given).Select(_ => (Variable?)null)]
                : throw new EngineException(
                    $"The gradient of {Name} is of {own.Count} variables, and it has {Given} inputs.{node.Origin}");
        }

        Variable?[] grads = Symbolic.Backward(Body.Outputs, outputGrads, Body.Inputs);
        Dictionary<Variable, Variable> outside =
            Body.Inputs.Zip(node.Inputs).ToDictionary(pair => (Variable)pair.First, pair => pair.Second);
        return [.. grads.Select(grad => grad is null ? null : Traversal.Replace([grad], outside)[0])];
    }

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        FunctionGraph body = Body.Specialize([.. inputs.Select(value => new TensorType(value.DType, value.Shape))]);
        NdArray[] results = ReferenceEvaluator.Evaluate(
            body.Outputs, body.Inputs.Zip(inputs).ToDictionary(pair => pair.First, pair => pair.Second));
        for (int i = 0; i < outputs.Count; i++)
        {
            results[i].Data.CopyTo(outputs[i].Data, 0);
        }
    }

    public override double Ulps => 8;
}

public static partial class Symbolic
{
    /// <summary>Returns the same expression with some variables replaced by others: Theano's <c>clone</c>.</summary>
    /// <exception cref="EngineException">A replacement is of another type, or an op cannot take it.</exception>
    public static Variable Clone(Variable output, params IEnumerable<Given> replace) => Clone([output], replace)[0];

    /// <summary>Returns the same for several expressions at once.</summary>
    /// <inheritdoc cref="Clone(Variable, IEnumerable{Given})"/>
    public static IReadOnlyList<Variable> Clone(IReadOnlyList<Variable> outputs, params IEnumerable<Given> replace)
    {
        ArgumentNullException.ThrowIfNull(replace);
        var replacements = new Dictionary<Variable, Variable>();
        foreach ((Variable variable, Variable other) in replace)
        {
            if (variable.DType != other.DType || !variable.Shape.Admits(other.Shape))
            {
                throw new EngineException(
                    $"'{variable}' ({variable.Type}) cannot be replaced by '{other}' ({other.Type}).{Origin.Current}");
            }

            replacements[variable] = other;
        }

        return Traversal.Replace(outputs, replacements);
    }
}
