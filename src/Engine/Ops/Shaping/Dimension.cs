using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents a dimension of a shape that may be computed: a number, or an integer scalar. The scalar is composed of
/// constants, sizes (<see cref="Symbolic.Size"/>), dimensions and shapes of other arrays
/// (<see cref="Symbolic.DimensionOf"/>, <see cref="Symbolic.ShapeOf"/>), by arithmetic, reductions, joins and index
/// expressions. In a list of dimensions, a vector stands for as many dimensions.
/// </summary>
public readonly struct Dimension
{
    private Dimension(int number, Variable? value) => (Number, Value) = (number, value);

    internal int Number { get; }

    internal Variable? Value { get; }

    /// <summary>Returns a dimension with a number; some functions accept −1 for an open dimension.</summary>
    public static implicit operator Dimension(int number) => new(number, null);

    /// <summary>Returns a dimension with a value of the graph.</summary>
    public static implicit operator Dimension(Variable value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value switch
        {
            Constant { Number: { } number } when Promotion.Holds(DType.Int32, number) => (int)number,
            { DType: DType.Int32 or DType.Int64, Rank: 0 } =>
                new Dimension(Shape.Unknown, Symbolic.ClippedIndices(value)),
            { DType: DType.Int32 or DType.Int64, Rank: 1, Shape.IsKnown: true } =>
                new Dimension(Shape.Unknown, Symbolic.ClippedIndices(value)),
            _ => throw new EngineException(
                $"A dimension is a scalar of int32 or int64, or a vector of a known number of dimensions, "
                + $"not '{value}' ({value.Type})."
                + Origin.Current),
        };
    }

    /// <summary>Returns the dimensions, with a vector replaced by its elements.</summary>
    internal static Dimension[] Each(ReadOnlySpan<Dimension> dimensions) =>
        [.. dimensions.ToArray().SelectMany(dimension => dimension.Value is { Rank: 1 } vector
            ? Enumerable.Range(0, vector.Shape[0]).Select(i => (Dimension)vector[i])
            : [dimension])];
}

/// <summary>Handles shapes some dimensions of which are an op's inputs.</summary>
internal static class Dimensions
{
    /// <summary>
    /// Returns a shape with the dimensions that are numbers, the axes of the other dimensions, and the values of those.
    /// </summary>
    public static (Shape To, Shape Given, Variable[] Values) Read(ReadOnlySpan<Dimension> dimensions)
    {
        Dimension[] all = Dimension.Each(dimensions);
        return (
            [.. all.Select(dimension => dimension.Number)],
            [.. Enumerable.Range(0, all.Length).Where(axis => all[axis].Value is not null)],
            [.. all.Select(dimension => dimension.Value).OfType<Variable>()]);
    }

    /// <summary>
    /// Returns the shape with the values of inputs as dimensions, and whether all of these are known.
    /// </summary>
    /// <exception cref="EngineException">One of them is negative or not a size.</exception>
    public static (Shape Shape, bool IsKnown) Of(Shape to, Shape given, ReadOnlySpan<TensorType> values)
    {
        if (values.Length != given.Rank)
        {
            throw new EngineException($"{given.Rank} dimensions are given as values, not {values.Length}");
        }

        bool isKnown = true;
        for (int i = 0; i < given.Rank; i++)
        {
            if (values[i] is not { DType: DType.Int32, Rank: 0 })
            {
                throw new EngineException("a dimension must be an int32 scalar");
            }

            int? dimension = values[i].Size;
            isKnown &= dimension is not null;
            to = dimension is not < 0
                ? to.With(given[i], dimension ?? Shape.Unknown)
                : throw new EngineException($"the dimension of axis {given[i]} cannot be {dimension}");
        }

        return (to, isKnown);
    }
}
