using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents a gradient of a graph as an op, which replaces the one that its ops' own gradients give.
/// </summary>
/// <param name="inputs">The variables that the op is applied to.</param>
/// <param name="outputs">The op's outputs.</param>
/// <param name="outputGrads">The gradient with respect to each output; zeros if nothing flows back from it.</param>
/// <returns>The gradient with respect to each input; null for an input that has none.</returns>
public delegate IReadOnlyList<Variable?> GraphGradient(
    IReadOnlyList<Variable> inputs, IReadOnlyList<Variable> outputs, IReadOnlyList<Variable> outputGrads);

/// <summary>
/// Represents a graph as an op, as Theano's class of this name does. In an expression and for gradients it is one op,
/// which may have a gradient of its own. When a plan is made, the graph replaces the op.
/// </summary>
public sealed class OpFromGraph
{
    private readonly Inlined _op;
    private readonly IReadOnlyList<Variable> _captured;

    /// <summary>Creates a graph as an op.</summary>
    /// <param name="inputs">The inputs of the graph.</param>
    /// <param name="outputs">The outputs, computed from the inputs. They may use any other variable, too.</param>
    /// <param name="name">The name in prints and messages.</param>
    /// <param name="gradient">Its gradient; null for that of the graph's ops.</param>
    public OpFromGraph(
        IReadOnlyList<Input> inputs, IReadOnlyList<Variable> outputs, string? name = null,
        GraphGradient? gradient = null)
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

    /// <summary>Applies the op.</summary>
    /// <exception cref="EngineException">
    /// The number of variables differs from the number of inputs, or a variable is of another type.
    /// </exception>
    public IReadOnlyList<Variable> Apply(params ReadOnlySpan<Variable> arguments) => arguments.Length == _op.Given
        ? _op.Apply([.. arguments, .. _captured]).Outputs
        : throw new EngineException(
            $"{_op.Name} is of {_op.Given} inputs and cannot be applied to {arguments.Length}.{Origin.Current}");

    /// <summary>Applies the op and returns its only, or its first, output.</summary>
    /// <inheritdoc cref="Apply"/>
    public Variable Call(params ReadOnlySpan<Variable> arguments) => Apply(arguments)[0];
}

/// <summary>Represents an op that stands for a graph of its inputs.</summary>
/// <param name="Body">The graph.</param>
/// <param name="Given">
/// The number of inputs that the user gives. The others are further variables that the graph uses.
/// </param>
/// <param name="Title">The name.</param>
/// <param name="Gradient">Its own gradient.</param>
internal sealed record Inlined(FunctionGraph Body, int Given, string Title, GraphGradient? Gradient)
    : Op, IStandIn, ISampled
{
    public override string Name => Title;

    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        DType dtype = random.Next(2) == 0 ? DType.Float32 : DType.Float64;
        Input x = Symbolic.Matrix("x", dtype), y = Symbolic.Vector("y", dtype);
        var op = new Inlined(new FunctionGraph([x, y], [Symbolic.Tanh(x) * y, x * x], []), 2, "both", null);
        yield return new Sample(op, new Arg(shape, dtype), new Arg([shape[1]], dtype))
        {
            HasGradient = dtype == DType.Float64,
        };
        yield return new Sample(op, new Arg(shape, dtype), new Arg(shape, dtype)) { Error = "input 1 is " };
    }

    internal override bool TakesHalves => true;

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
            if (own.Count != Given)
            {
                throw new EngineException(
                    $"The gradient of {Name} is of {own.Count} variables, and it has {Given} inputs.{node.Origin}");
            }

            for (int i = 0; i < Given; i++)
            {
                if (own[i] is { } grad && !IsOf(grad, given[i]))
                {
                    throw new EngineException(
                        $"The gradient of {Name} with respect to its input {i}, a {given[i].Type}, "
                        + $"cannot be a {grad.Type}.{node.Origin}");
                }
            }

            return [.. own, .. node.Inputs.Skip(Given).Select(_ => (Variable?)null)];
        }

        Variable?[] grads = Symbolic.Backward(Body.Outputs, outputGrads, Body.Inputs);
        Dictionary<Variable, Variable> outside =
            Body.Inputs.Zip(node.Inputs).ToDictionary(pair => (Variable)pair.First, pair => pair.Second);
        return [.. grads.Select(grad => grad is null ? null : Traversal.Replace([grad], outside)[0])];
    }

    /// <summary>Returns whether a gradient has the variable's type, as far as that is known.</summary>
    private static bool IsOf(Variable grad, Variable variable) =>
        (grad.DType == variable.DType || grad.DType == variable.DType.Computes()) && grad.Rank == variable.Rank
        && grad.Shape.Zip(variable.Shape).All(pair => pair.First == pair.Second || pair.First < 0 || pair.Second < 0);

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
    /// <summary>Returns the same expression with some variables replaced: Theano's <c>clone</c>.</summary>
    /// <exception cref="EngineException">A replacement is of another type, or an op cannot take it.</exception>
    public static Variable Clone(Variable output, params IEnumerable<Given> replace) => Clone([output], replace)[0];

    /// <summary>Returns several expressions with some variables replaced.</summary>
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
