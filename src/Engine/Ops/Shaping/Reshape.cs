using System.Runtime.CompilerServices;
using Engine.Graph;

namespace Engine.Ops;

/// <summary>Represents an op that only gives its input's elements another shape.</summary>
internal abstract record View : Op
{
    internal sealed override bool TakesHalves => true;

    internal sealed override bool IsPlain => true;

    public sealed override bool IsView(IReadOnlyList<TensorType> inputs) => true;

    public sealed override bool Reads(int input) => input == 0;

    public sealed override IReadOnlyList<TensorType> Infer(ReadOnlySpan<TensorType> inputs)
    {
        Shape from = inputs[0].Shape, to = ShapeFor(inputs);
        return !from.IsKnown || !to.IsKnown || from.Count == to.Count
            ? [new TensorType(inputs[0].DType, to)]
            : throw new EngineException($"its {from.Count} elements do not fill the shape {to}");
    }

    public sealed override void Reference(IReadOnlyList<NdArray> inputs, IReadOnlyList<NdArray> outputs) =>
        inputs[0].Data.CopyTo(outputs[0].Data, 0);

    public override IReadOnlyList<Variable?> Grad(Apply node, IReadOnlyList<Variable?> outputGrads) =>
        [Symbolic.ReshapeLike(outputGrads[0]!, node.Inputs[0]), .. node.Inputs.Skip(1).Select(_ => (Variable?)null)];

    protected abstract Shape ShapeFor(ReadOnlySpan<TensorType> inputs);
}

/// <summary>
/// Gives the elements the shape <paramref name="To"/>, one dimension of which may be open. The values of further inputs
/// are the dimensions of the axes <paramref name="Given"/>.
/// </summary>
internal sealed record Reshape(Shape To, Shape Given = default) : View, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random, false), k = Arg.Dimension(random, false);
        yield return new Sample(new Reshape([n, m * k]), new Arg([n, m, k]));
        yield return new Sample(new Reshape([-1, m]), new Arg([n, k, m]));
        yield return new Sample(new Reshape([-1]), Arg.Mask([n, m]));
        yield return new Sample(new Reshape(Shape.Scalar), Arg.Int([1, 1], 0, 9));
        yield return new Sample(new Reshape([n, 0, 5]), new Arg([0, m]));
        yield return new Sample(new Reshape([-1, -1, k], [0]), new Arg([n * m, k]), Arg.Size(m));
        yield return new Sample(new Reshape([-1, -1], [0, 1]), new Arg([n * m]), Arg.Size(m), Arg.Size(n));
        yield return new Sample(new Reshape([-1], [0]), new Arg([3]), Arg.Size(-1))
        {
            Error = "the dimension of axis 0 cannot be -1",
        };
        yield return new Sample(new Reshape([2, 2]), new Arg([3]))
        {
            Error = "its 3 elements do not fill the shape (2, 2)",
        };
        yield return new Sample(new Reshape([-1, 2]), new Arg([3]))
        {
            Error = "its 3 elements do not fill the shape (?, 2)",
        };
        yield return new Sample(new Reshape([-1, 0]), new Arg([0]))
        {
            Error = "its 0 elements do not decide the open dimension",
        };
        yield return new Sample(new Reshape([-1, -1]), new Arg([4])) { Error = "only one dimension may be left open" };
        yield return new Sample(new Reshape([-2, -2]), new Arg([4])) { Error = "no dimension can be -2" };
    }

    protected override Shape ShapeFor(ReadOnlySpan<TensorType> inputs)
    {
        (Shape to, bool isKnown) = Dimensions.Of(To, Given, inputs[1..]);
        int open = -1;
        long others = 1;
        for (int axis = 0; axis < to.Rank; axis++)
        {
            if (to[axis] < Shape.Unknown)
            {
                throw new EngineException($"no dimension can be {to[axis]}");
            }

            if (to[axis] != Shape.Unknown)
            {
                others = checked(others * to[axis]);
            }
            else if (open < 0)
            {
                open = axis;
            }
            else if (isKnown)
            {
                throw new EngineException($"only one dimension may be left open, and {to} has more");
            }
        }

        if (open < 0 || !isKnown || !inputs[0].Shape.IsKnown)
        {
            return to;
        }

        long count = inputs[0].Shape.Count;
        return others == 0 ? throw new EngineException($"its {count} elements do not decide the open dimension of {to}")
            : count % others == 0 ? to.With(open, checked((int)(count / others)))
            : throw new EngineException($"its {count} elements do not fill the shape {to}");
    }
}

/// <summary>Gives the elements the shape of another array.</summary>
internal sealed record ReshapeLike : View, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random);
        yield return new Sample(new ReshapeLike(), new Arg([n, m]), new Arg([m, 1, n]));
        yield return new Sample(new ReshapeLike(), new Arg([2]), new Arg([3]))
        {
            Error = "its 2 elements do not fill the shape (3)",
        };
    }

    protected override Shape ShapeFor(ReadOnlySpan<TensorType> inputs) => inputs[1].Shape;
}

/// <summary>Keeps the outer axes and joins the rest to one, so that <paramref name="Rank"/> axes remain.</summary>
internal sealed record Flatten(int Rank) : View, ISampled
{
    public static IEnumerable<Sample> Samples(Random random)
    {
        int n = Arg.Dimension(random), m = Arg.Dimension(random), k = Arg.Dimension(random);
        yield return new Sample(new Flatten(1), new Arg([n, m, k]));
        yield return new Sample(new Flatten(2), new Arg([n, m, k, 2]));
        yield return new Sample(new Flatten(3), new Arg([n, m, k]));
        yield return new Sample(new Flatten(1), new Arg(Shape.Scalar));
        yield return new Sample(new Flatten(0), new Arg([1])) { Error = "only 1 to 1 dimensions can remain, not 0" };
        yield return new Sample(new Flatten(4), new Arg([1, 2, 3]))
        {
            Error = "only 1 to 3 dimensions can remain, not 4",
        };
    }

    protected override Shape ShapeFor(ReadOnlySpan<TensorType> inputs)
    {
        Shape from = inputs[0].Shape;
        if (Rank < 1 || Rank > Math.Max(1, from.Rank))
        {
            throw new EngineException($"only 1 to {Math.Max(1, from.Rank)} dimensions can remain, not {Rank}");
        }

        ReadOnlySpan<int> inner = from.Rank == 0 ? [] : from.Dimensions[(Rank - 1)..];
        int joined = inner.Contains(Shape.Unknown) ? Shape.Unknown : from.Product(from.Rank - inner.Length, from.Rank);
        return [.. from.Dimensions[..(Rank - 1)], joined];
    }
}

public static partial class Symbolic
{
    /// <summary>
    /// Returns the elements of x, in C order, with another shape. One dimension may be −1; the number of elements then
    /// determines it. Nothing is copied.
    /// </summary>
    /// <exception cref="EngineException">
    /// More than one dimension is open, or the elements don't fill the shape.
    /// </exception>
    [OverloadResolutionPriority(1)]
    public static Variable Reshape(Variable x, Shape shape)
    {
        ArgumentNullException.ThrowIfNull(x);
        return new Reshape(shape).Call(x);
    }

    /// <summary>
    /// Returns the elements with a shape, some dimensions of which are computed:
    /// <c>Reshape(x, DimensionOf(y, 0), -1)</c>.
    /// </summary>
    /// <inheritdoc cref="Reshape(Variable, Shape)"/>
    public static Variable Reshape(Variable x, params ReadOnlySpan<Dimension> dimensions)
    {
        ArgumentNullException.ThrowIfNull(x);
        (Shape to, Shape given, Variable[] values) = Dimensions.Read(dimensions);
        return new Reshape(to, given).Call([x, .. values]);
    }

    /// <summary>
    /// Joins the inner axes of x to one, so that <paramref name="outputRank"/> axes remain: (128, 64, 4, 4) becomes
    /// (128, 1024). Nothing is copied.
    /// </summary>
    /// <exception cref="EngineException">x has fewer axes.</exception>
    public static Variable Flatten(Variable x, int outputRank = 2)
    {
        ArgumentNullException.ThrowIfNull(x);
        return x.Rank == outputRank && outputRank > 0 ? x : new Flatten(outputRank).Call(x);
    }

    /// <summary>Returns the elements of x with the shape of <paramref name="like"/>.</summary>
    internal static Variable ReshapeLike(Variable x, Variable like) =>
        x.Shape.IsKnown && x.Shape == like.Shape ? x : new ReshapeLike().Call(x, like);
}
