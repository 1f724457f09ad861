using Engine.Devices.Cpu;
using Engine.Devices.Cuda;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents an op that computes each element from the elements at the same index of its broadcast inputs.
/// </summary>
internal abstract record Elementwise : Op, ICpuOp, ICudaOp
{
    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        foreach (TensorType input in inputs)
        {
            if (input.DType != inputs[0].DType)
            {
                throw new EngineException("the dtypes differ: cast one of them");
            }
        }

        return [new TensorType(OutputDType(inputs[0].DType), Broadcasting.Join(inputs))];
    }

    internal sealed override bool IsPlain => true;

    /// <summary>
    /// Returns false if the output's elements are smaller: a repeated input could then have as many bytes as the
    /// output.
    /// </summary>
    public sealed override bool MayOverwrite(int input) => OutputDType(DType.Float32) == DType.Float32;

    public sealed override InputWindow? InputWindowOf(IReadOnlyList<TensorType> inputs) => InputWindow.Pixel;

    public sealed override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        ScalarFunction scalar = Row.Scalar;
        DType dtype = outputs[0].DType;
        Span<double> x = stackalloc double[inputs.Count];
        foreach (int[] index in NdArray.Indices(outputs[0].Shape))
        {
            for (int i = 0; i < x.Length; i++)
            {
                x[i] = inputs[i][index];
            }

            outputs[0][index] = DTypes.Wrap(scalar(x), dtype);
        }
    }

    public sealed override double Ulps => Row.Ulps;

    public sealed override IReadOnlyList<NdArray> Magnitudes(
        IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        if (Row.Terms is null)
        {
            return outputs;
        }

        var magnitudes = new NdArray(outputs[0].Shape);
        foreach (int[] index in NdArray.Indices(magnitudes.Shape))
        {
            magnitudes[index] = Row.Magnitude(outputs[0][index], [inputs[0][index]]);
        }

        return [magnitudes];
    }

    public sealed override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads)
    {
        IReadOnlyList<Variable?> grads = Grad(node.Inputs, node.Outputs[0], outputGrads[0]!);
        return [.. grads.Select((grad, i) => grad is null ? null : Symbolic.SumTo(grad, node.Inputs[i]))];
    }

    public Phase[] Cpu(CpuStep step) => Row.Phases(step);

    public bool TakesRows(int input) => true;

    public CudaLaunch[] Cuda(CudaStep step) => CudaMap.Launches(step, Row.Parameters, Row.Cuda);

    /// <summary>Gets the function.</summary>
    public abstract ElementRow Row { get; }

    /// <summary>Returns the gradients, before they are summed over broadcast axes.</summary>
    protected abstract IReadOnlyList<Variable?> Grad(IReadOnlyList<Variable> inputs, Variable output, Variable grad);

    /// <summary>
    /// Returns the gradient that a row passes on: 0 where the incoming one is 0, even if the slope is infinite.
    /// </summary>
    protected static Variable? Passed(bool hasPoles, Variable grad, Variable? passed) =>
        !hasPoles || passed is null || grad is Constant { Number: > 0 }
            ? passed
            : new Binary<GuardGrad>().Call(grad, passed);

    private DType OutputDType(DType input) => Row.GivesMask ? DType.Bool : input;

    /// <summary>Returns shapes for the tests: equal ones, and some that broadcast.</summary>
    protected static IEnumerable<Shape[]> SampleShapes(Random random, int arity)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random), k = Arg.Dimension(random);
        yield return Same([n, m, k]);
        yield return Same(Shape.Scalar);
        yield return Same([257]);
        yield return Same([513]);
        if (arity > 1)
        {
            yield return Mixed([n, m], [m]);
            yield return Mixed([n, m, k], [m, 1]);
            yield return Mixed([n, 1, k], [1, m, 1]);
            yield return Mixed([n, m], Shape.Scalar);
        }

        if (arity > 2)
        {
            yield return [[3, 1, 5], [1, 4, 1], [3, 4, 1]];
        }

        Shape[] Same(Shape shape) => [.. Enumerable.Repeat(shape, arity)];

        Shape[] Mixed(Shape first, Shape last) => [.. Enumerable.Repeat(first, arity - 1), last];
    }
}

/// <summary>Represents the op of a row with one operand.</summary>
internal sealed record Unary<TRow> : Elementwise, ISampled where TRow : struct, IUnary
{
    private static readonly ElementRow s_row =
        ElementRow.Of<UnaryMap<TRow>>(Symbolic.RowName<TRow>(), TRow.Cuda, x => TRow.Scalar(x[0]), TRow.Ulps)
            with
        { Terms = TRow.Terms };

    public override string Name => s_row.Name;

    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach (Shape[] shapes in SampleShapes(random, 1))
        {
            var arg = new Arg(shapes[0], null, TRow.Domain.Low, TRow.Domain.High);
            yield return new Sample(new Unary<TRow>(), arg) { HasGradient = TRow.IsSmooth };
            if (TRow.TakesIntegers)
            {
                yield return new Sample(new Unary<TRow>(), Arg.Int(shapes[0]));
                yield return new Sample(new Unary<TRow>(), Arg.Int(shapes[0], DType.Int64));
            }
        }
    }

    public override ElementRow Row => s_row;

    protected override IReadOnlyList<Variable?> Grad(IReadOnlyList<Variable> inputs, Variable output, Variable grad) =>
        [Passed(TRow.HasPoles, grad, TRow.Grad(inputs[0], output, grad))];
}

/// <summary>Represents the op of a row with two operands.</summary>
internal sealed record Binary<TRow> : Elementwise, ISampled where TRow : struct, IBinary
{
    private static readonly ElementRow s_row =
        ElementRow.Of<BinaryMap<TRow>>(Symbolic.RowName<TRow>(), TRow.Cuda, x => TRow.Scalar(x[0], x[1]), TRow.Ulps);

    public override string Name => s_row.Name;

    public static IEnumerable<Sample> Samples(Random random)
    {
        foreach (Shape[] shapes in SampleShapes(random, 2).SelectMany(pair => (Shape[][])[pair, [pair[1], pair[0]]]))
        {
            yield return new Sample(new Binary<TRow>(), Operand(shapes[0]), Operand(shapes[1]))
            {
                HasGradient = TRow.IsSmooth,
            };
            if (TRow.TakesIntegers)
            {
                yield return new Sample(new Binary<TRow>(), Arg.Int(shapes[0]), Arg.Int(shapes[1]));
                yield return new Sample(
                    new Binary<TRow>(), Arg.Int(shapes[0], DType.Int64), Arg.Int(shapes[1], DType.Int64));
            }
        }

        yield return new Sample(new Binary<TRow>(), Operand([2, 3]), Operand([2, 4]))
        {
            Error = "the dimensions 3 and 4 of axis 1 do not broadcast",
        };
        yield return new Sample(new Binary<TRow>(), Operand([2]), Arg.Int([2], 0, 2)) { Error = "the dtypes differ" };
    }

    public override ElementRow Row => s_row;

    protected override IReadOnlyList<Variable?> Grad(IReadOnlyList<Variable> inputs, Variable output, Variable grad)
    {
        (Variable? a, Variable? b) = TRow.Grad(inputs[0], inputs[1], output, grad);
        return [Passed(TRow.HasPoles, grad, a), Passed(TRow.HasPoles, grad, b)];
    }

    private static Arg Operand(Shape shape) => new(shape, null, TRow.Domain.Low, TRow.Domain.High, Distinct: true);
}

public static partial class Symbolic
{
    internal static string RowName<TRow>() where TRow : struct =>
        char.ToLowerInvariant(typeof(TRow).Name[0]) + typeof(TRow).Name[1..];

    /// <summary>
    /// Applies a row with one operand. For a number literal the result is a number literal, as in C#.
    /// </summary>
    private static Variable Map<TRow>(Variable x) where TRow : struct, IUnary
    {
        ArgumentNullException.ThrowIfNull(x);
        if (x is Constant { IsWeak: true, Number: { } number })
        {
            return Constant(TRow.Scalar(number).High);
        }

        return new Unary<TRow>().Call(Promotion.Convert(RowName<TRow>(), [x], TRow.TakesIntegers));
    }

    /// <summary>
    /// Applies a row with two operands. For number literals the result is a number literal, as in C#.
    /// </summary>
    private static Variable Map<TRow>(Variable a, Variable b) where TRow : struct, IBinary
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a is Constant { IsWeak: true, Number: { } left } && b is Constant { IsWeak: true, Number: { } right })
        {
            return Constant(TRow.Scalar(left, right).High);
        }

        return new Binary<TRow>().Call(Promotion.Convert(RowName<TRow>(), [a, b], TRow.TakesIntegers));
    }
}
