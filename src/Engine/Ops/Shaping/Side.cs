using Engine.Graph;

namespace Engine.Ops;

/// <summary>
/// Represents a side of a shape that may be computed: a number, or an integer scalar. The scalar is composed of
/// constants, sizes (<see cref="Symbolic.Size"/>), sides and shapes of other arrays (<see cref="Symbolic.SideOf"/>,
/// <see cref="Symbolic.ShapeOf"/>), by arithmetic, reductions, joins and index expressions. In a list of sides, a
/// vector stands for as many sides.
/// </summary>
public readonly struct Side
{
    private Side(int number, Variable? value) => (Number, Value) = (number, value);

    internal int Number { get; }

    internal Variable? Value { get; }

    /// <summary>Returns a side with a number; some functions accept −1 for an open side.</summary>
    public static implicit operator Side(int number) => new(number, null);

    /// <summary>Returns a side with a value of the graph.</summary>
    public static implicit operator Side(Variable value)
    {
        ArgumentNullException.ThrowIfNull(value);
        return value switch
        {
            Constant { Number: { } number } when Promotion.Holds(DType.Int32, number) => (int)number,
            { DType: DType.Int32 or DType.Int64, Rank: 0 } => new Side(Shape.Unknown, Symbolic.Places(value)),
            { DType: DType.Int32 or DType.Int64, Rank: 1, Shape.IsKnown: true } => new Side(Shape.Unknown, Symbolic.Places(value)),
            _ => throw new EngineException(
                $"A side is a scalar of int32 or int64, or a vector of a known number of sides, not '{value}' ({value.Type})."
                + Origin.Current),
        };
    }

    /// <summary>Returns the sides, with a vector replaced by its elements.</summary>
    internal static Side[] Each(ReadOnlySpan<Side> sides) => [.. sides.ToArray().SelectMany(side => side.Value is { Rank: 1 } vector
        ? Enumerable.Range(0, vector.Shape[0]).Select(i => (Side)vector[i])
        : [side])];
}

/// <summary>Handles shapes some sides of which are an op's inputs.</summary>
internal static class Sides
{
    /// <summary>
    /// Returns a shape with the sides that are numbers, the axes of the other sides, and the values of those.
    /// </summary>
    public static (Shape To, Shape Given, Variable[] Values) Read(ReadOnlySpan<Side> sides)
    {
        Side[] all = Side.Each(sides);
        return (
            [.. all.Select(side => side.Number)],
            [.. Enumerable.Range(0, all.Length).Where(axis => all[axis].Value is not null)],
            [.. all.Select(side => side.Value).OfType<Variable>()]);
    }

    /// <summary>Returns the shape with the values of inputs as sides, and whether all of these are known.</summary>
    /// <exception cref="EngineException">One of them is negative or not a size.</exception>
    public static (Shape Shape, bool IsKnown) Of(Shape to, Shape given, ReadOnlySpan<TensorType> values)
    {
        if (values.Length != given.Rank)
        {
            throw new EngineException($"{given.Rank} sides are given as values, not {values.Length}");
        }

        bool isKnown = true;
        for (int i = 0; i < given.Rank; i++)
        {
            if (values[i] is not { DType: DType.Int32, Rank: 0 })
            {
                throw new EngineException("a side must be an int32 scalar");
            }

            int? side = values[i].Size;
            isKnown &= side is not null;
            to = side is not < 0
                ? to.With(given[i], side ?? Shape.Unknown)
                : throw new EngineException($"the side of axis {given[i]} cannot be {side}");
        }

        return (to, isKnown);
    }
}
