using System.Numerics;
using Engine.Devices.Cpu;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>A way of joining many numbers to one, in a fixed order.</summary>
internal interface IReduction
{
    static abstract double Start { get; }

    static abstract double Join(double a, double b);

    static abstract T Join<T>(T a, T b) where T : INumber<T>;

    /// <summary>The gradient with respect to x, given y and g with their reduced sides kept as 1.</summary>
    static abstract Variable Grad(Variable x, Variable y, Variable g);
}

/// <summary>Joins the elements along axes, which are kept as sides of 1: dropping them is a reshape.</summary>
internal sealed record Reduce<TRow>(Shape Axes) : Op, ICpuOp, ISampled where TRow : struct, IReduction
{
    public override string Name => Symbolic.RowName<TRow>();

    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Side(random, false), m = Arg.Side(random, false), k = Arg.Side(random, false);
        Shape[] axes = [[0], [1], [2], [0, 1], [0, 2], [1, 2], [0, 1, 2]];
        return axes.Select(axes => new Sample(new Reduce<TRow>(axes), new Arg([n, m, k], Distinct: true)));
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape shape = inputs[0].Shape;
        foreach (int axis in Axes)
        {
            if (axis >= shape.Rank)
            {
                throw new EngineException($"there is no axis {axis}");
            }

            shape = shape.With(axis, 1);
        }

        return [new TensorType(inputs[0].DType, shape)];
    }

    public override bool IsView(IReadOnlyList<TensorType> inputs) => Axes.All(axis => inputs[0].Shape[axis] == 1);

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [TRow.Grad(node.Inputs[0], node.Outputs[0], outputGrads[0]!)];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        Array.Fill(outputs[0].Data, TRow.Start);
        foreach (int[] index in NdArray.Indices(inputs[0].Shape))
        {
            outputs[0][index] = TRow.Join(outputs[0][index], inputs[0][index]);
        }
    }

    public Phase[] Cpu(CpuStep step) => step.DType(0) switch
    {
        DType.Float32 => Loop<float>(step),
        DType.Float64 => Loop<double>(step),
        _ => Loop<int>(step),
    };

    private static unsafe Phase[] Loop<T>(CpuStep step) where T : unmanaged, INumber<T>
    {
        T* x = step.In<T>(0);
        T* y = step.Out<T>();
        (int[] sides, int[][] strides) = Broadcasting.Loops(step.Shape(0), [step.OutShape()]);
        int inner = sides[^1], step0 = strides[0][^1];
        int rows = checked((int)step.Shape(0).Count / Math.Max(inner, 1));
        return
        [
            new Phase(1, 1, (_, _, _) =>
            {
                new Span<T>(y, (int)step.OutShape().Count).Fill(T.CreateSaturating(TRow.Start));
                for (int row = 0; row < rows; row++)
                {
                    T* target = y;
                    for (int axis = sides.Length - 2, left = row; axis >= 0; axis--)
                    {
                        (left, int index) = Math.DivRem(left, sides[axis]);
                        target += index * strides[0][axis];
                    }

                    for (int i = 0; i < inner; i++)
                    {
                        target[i * step0] = TRow.Join(target[i * step0], x[(row * inner) + i]);
                    }
                }
            }),
        ];
    }
}

internal readonly struct Sum : IReduction
{
    public static double Start => 0;

    public static double Join(double a, double b) => a + b;

    public static T Join<T>(T a, T b) where T : INumber<T> => a + b;

    public static Variable Grad(Variable x, Variable y, Variable g) => Symbolic.BroadcastLike(g, x);
}

/// <summary>Sums an array over the sides along which it was broadcast, to the shape of another array: broadcasting's adjoint.</summary>
internal sealed record SumTo : Op, ICpuOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Side(random), m = Arg.Side(random);
        yield return new Sample(new SumTo(), new Arg([n, m]), new Arg([m]));
        yield return new Sample(new SumTo(), new Arg([n, m]), new Arg([n, 1]));
        yield return new Sample(new SumTo(), new Arg([n, m]), new Arg(Shape.Scalar));
        yield return new Sample(new SumTo(), new Arg([n, m]), new Arg([n, m]));
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape joined = Broadcasting.Join(inputs);
        return joined.Rank == inputs[0].Rank && inputs[0].Shape.Admits(joined)
            ? [new TensorType(inputs[0].DType, inputs[1].Shape)]
            : throw new EngineException("the second does not broadcast to the first");
    }

    public override bool Reads(int input) => input == 0;

    public override bool IsView(IReadOnlyList<TensorType> inputs) =>
        inputs[0].Shape.IsKnown && inputs[0].Shape == inputs[1].Shape;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.BroadcastLike(outputGrads[0]!, node.Inputs[0]), null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        Array.Clear(outputs[0].Data);
        foreach (int[] index in NdArray.Indices(inputs[0].Shape))
        {
            outputs[0][index] += inputs[0][index];
        }
    }

    public Phase[] Cpu(CpuStep step) => new Reduce<Sum>(Shape.Scalar).Cpu(step);
}

/// <summary>An array repeated to the shape of another.</summary>
internal sealed record BroadcastLike : Op, ICpuOp, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Side(random), m = Arg.Side(random);
        yield return new Sample(new BroadcastLike(), new Arg([m]), new Arg([n, m]));
        yield return new Sample(new BroadcastLike(), new Arg([n, 1]), new Arg([n, m]));
        yield return new Sample(new BroadcastLike(), new Arg(Shape.Scalar), new Arg([n, m]));
    }

    public override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape joined = Broadcasting.Join(inputs);
        return joined.Rank == inputs[1].Rank && inputs[1].Shape.Admits(joined)
            ? [new TensorType(inputs[0].DType, inputs[1].Shape)]
            : throw new EngineException("the first does not broadcast to the second");
    }

    public override bool Reads(int input) => input == 0;

    public override bool IsView(IReadOnlyList<TensorType> inputs) =>
        inputs[0].Shape.IsKnown && inputs[0].Shape == inputs[1].Shape;

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.SumTo(outputGrads[0]!, node.Inputs[0]), null];

    public override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs)
    {
        foreach (int[] index in NdArray.Indices(outputs[0].Shape))
        {
            outputs[0][index] = inputs[0][index];
        }
    }

    public Phase[] Cpu(CpuStep step) => MapLoop.Phases<UnaryMap<Identity>>(step);

    private readonly struct Identity : IUnary
    {
        public static double Scalar(double x) => x;

        public static V Map<S, V, T>(V x) where S : struct, ISimd<V, T> where V : struct where T : unmanaged => x;

        public static Variable Grad(Variable x, Variable y, Variable g) => g;
    }
}

public static partial class Symbolic
{
    /// <summary>The sum over all elements.</summary>
    public static Variable Sum(Variable x)
    {
        ArgumentNullException.ThrowIfNull(x);
        return SumTo(x, Constant(0, x.DType));
    }

    /// <summary>x summed over the sides along which <paramref name="like"/> broadcasts to it.</summary>
    internal static Variable SumTo(Variable x, Variable like) =>
        x.Shape.IsKnown && x.Shape == like.Shape ? x : new SumTo().Call(x, like);

    /// <summary>x repeated to the shape of <paramref name="like"/>.</summary>
    internal static Variable BroadcastLike(Variable x, Variable like) =>
        x.Shape.IsKnown && x.Shape == like.Shape ? x : new BroadcastLike().Call(x, like);
}
