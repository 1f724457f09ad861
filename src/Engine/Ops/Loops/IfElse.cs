using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Returns one of two groups of variables, which the first input, a bool scalar, chooses: the first group if it is
/// true. When a plan is made, what only one group needs becomes a body of a <see cref="Branch"/>.
/// </summary>
internal sealed record IfElse : Op, IChoice, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Dimension(random), Arg.Dimension(random)];
        foreach (int condition in (int[])[0, 1])
        {
            var chosen = new Arg(Shape.Scalar, DType.Bool, condition, condition + 1);
            yield return new Sample(new IfElse(), chosen, new Arg(shape), new Arg(shape));
            yield return new Sample(
                new IfElse(), chosen, new Arg([3]), Arg.Int(shape), new Arg([3]), Arg.Int(shape));
        }

        yield return Misuse(
            "the condition must be a bool scalar", Arg.Int(Shape.Scalar, 0, 1), new Arg([3]), new Arg([3]));
        yield return Misuse(
            "there must be as many", new Arg(Shape.Scalar, DType.Bool, 0, 2), new Arg([3]), new Arg([3]), new Arg([3]));
        yield return Misuse("one branch gives ", new Arg(Shape.Scalar, DType.Bool, 0, 2), new Arg([3]), new Arg([4]));

        static Sample Misuse(string error, params Arg[] args) => new(new IfElse(), args) { Error = error };
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        if (inputs[0] is not { DType: DType.Bool, Rank: 0 })
        {
            throw new EngineException("the condition must be a bool scalar");
        }

        if (inputs.Length % 2 == 0)
        {
            throw new EngineException("there must be as many variables in both branches");
        }

        int count = inputs.Length / 2;
        var types = new TensorType[count];
        for (int i = 0; i < count; i++)
        {
            (TensorType a, TensorType b) = (inputs[i + 1], inputs[i + 1 + count]);
            types[i] = a.DType == b.DType && a.Shape.Admits(b.Shape)
                ? new TensorType(a.DType, [.. a.Shape.Zip(b.Shape, Math.Max)])
                : throw new EngineException($"one branch gives {a} where the other gives {b}");
        }

        return types;
    }

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        int count = node.Outputs.Count;
        var grads = new Variable?[node.Inputs.Count];
        int[] flowing = [.. Enumerable.Range(0, count).Where(i => outputGrads[i] is not null)];
        Variable[] whole = [.. flowing.Select(i => outputGrads[i]!)], none = [.. whole.Select(Symbolic.Zero)];
        IReadOnlyList<Variable> to = Apply([node.Inputs[0], .. whole, .. none]).Outputs;
        IReadOnlyList<Variable> other = Apply([node.Inputs[0], .. none, .. whole]).Outputs;
        for (int i = 0; i < flowing.Length; i++)
        {
            (grads[flowing[i] + 1], grads[flowing[i] + 1 + count]) = (to[i], other[i]);
        }

        return grads;
    }

    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) => 0;

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        for (int i = 0; i < outputs.Count; i++)
        {
            inputs[(inputs[0].Data[0] != 0 ? 1 : 1 + outputs.Count) + i].Data.CopyTo(outputs[i].Data, 0);
        }
    }

    public Op Branches(FunctionGraph first, FunctionGraph second) => new Branch(first, second);
}

/// <summary>
/// Computes one of two graphs, which the first input, a bool scalar, chooses. The other graph is not computed. The
/// other inputs are those of the first graph, then those of the second.
/// </summary>
internal sealed record Branch(FunctionGraph First, FunctionGraph Second) : Op, IBranch, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        Shape shape = [Arg.Dimension(random, false), Arg.Dimension(random)];
        DType dtype = random.Next(2) == 0 ? DType.Float32 : DType.Float64;
        Input x = Symbolic.Matrix("x", dtype), y = Symbolic.Matrix("y", dtype), z = Symbolic.Vector("z", dtype);
        var branch = new Branch(
            new FunctionGraph([x, y], [x - y, x], []), new FunctionGraph([x, z], [x + z, Symbolic.Negate(x)], []));
        foreach (int condition in (int[])[0, 1])
        {
            yield return new Sample(
                branch, new Arg(Shape.Scalar, DType.Bool, condition, condition + 1), new Arg(shape, dtype),
                new Arg(shape, dtype), new Arg(shape, dtype), new Arg([shape[1]], dtype))
            { HasGradient = false };
        }

        yield return new Sample(
            branch, new Arg(Shape.Scalar, DType.Bool, 0, 2), new Arg([2, 3], dtype), new Arg([2, 3], dtype),
            new Arg([3, 3], dtype),
            new Arg([3], dtype))
        { Error = "one graph gives " };
    }

    public IReadOnlyList<FunctionGraph> Bodies => [First, Second];

    internal override bool TakesHalves => true;

    public TensorType[] BodyTypes(int body, IReadOnlyList<TensorType> inputs) =>
        [.. (body == 0 ? inputs.Skip(1) : inputs.Skip(1 + First.Inputs.Count)).Take(Bodies[body].Inputs.Count)];

    public Op With(IReadOnlyList<FunctionGraph> bodies) => new Branch(bodies[0], bodies[1]);

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        TensorType[] all = inputs.ToArray();
        return [.. Results(0, all).Zip(Results(1, all), (a, b) => a.DType == b.DType && a.Shape.Admits(b.Shape)
            ? new TensorType(a.DType, [.. a.Shape.Zip(b.Shape, Math.Max)])
            : throw new EngineException($"one graph gives {a} where the other gives {b}"))];
    }

    public override bool Reads(int input)
    {
        int body = input > First.Inputs.Count ? 1 : 0;
        return input == 0 || Scan.Used(Bodies[body]).Contains(
            Bodies[body].Inputs[input - 1 - (body * First.Inputs.Count)]);
    }

    /// <summary>Returns the FLOPs of the graph that has more.</summary>
    public override long Flops(IReadOnlyList<TensorType> inputs, IReadOnlyList<TensorType> outputs) =>
        Enumerable.Range(0, 2).Max(body => Traversal.Order(Bodies[body].Specialize(BodyTypes(body, inputs)).Outputs)
            .Sum(node => node.Op.Flops(
                [.. node.Inputs.Select(input => input.Type)], [.. node.Outputs.Select(output => output.Type)])));

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        int body = inputs[0].Data[0] != 0 ? 0 : 1;
        NdArray[] given = [.. inputs.Skip(1 + (body * First.Inputs.Count)).Take(Bodies[body].Inputs.Count)];
        FunctionGraph graph = Bodies[body].Specialize(
            [.. given.Select(value => new TensorType(value.DType, value.Shape))]);
        NdArray[] results = ReferenceEvaluator.Evaluate(
            graph.Outputs, graph.Inputs.Zip(given).ToDictionary(pair => pair.First, pair => pair.Second));
        for (int i = 0; i < outputs.Count; i++)
        {
            results[i].Data.CopyTo(outputs[i].Data, 0);
        }
    }

    private IEnumerable<TensorType> Results(int body, TensorType[] inputs) =>
        Bodies[body].Specialize(BodyTypes(body, inputs)).Outputs.Select(output => output.Type);
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns one of two variables: the first if the condition is not 0. Theano's <c>ifelse</c>: only the graph of the
    /// chosen one is computed, unless others need the other, too. <see cref="Where(Variable, Variable, Variable)"/>
    /// chooses element by element and computes both.
    /// </summary>
    /// <param name="condition">A scalar.</param>
    /// <param name="then">The result if the condition is true.</param>
    /// <param name="otherwise">The result if it is false, of the same dtype and shape.</param>
    /// <exception cref="EngineException">The condition is not a scalar, or the two have different types.</exception>
    public static Variable IfElse(Variable condition, Variable then, Variable otherwise) =>
        IfElse(condition, [then], [otherwise])[0];

    /// <summary>Returns one of two groups with the same number of variables.</summary>
    /// <inheritdoc cref="IfElse(Variable, Variable, Variable)"/>
    public static IReadOnlyList<Variable> IfElse(
        Variable condition, IReadOnlyList<Variable> then, IReadOnlyList<Variable> otherwise)
    {
        ArgumentNullException.ThrowIfNull(condition);
        ArgumentNullException.ThrowIfNull(then);
        ArgumentNullException.ThrowIfNull(otherwise);
        return new IfElse().Apply([Cast(condition, DType.Bool), .. then, .. otherwise]).Outputs;
    }
}
