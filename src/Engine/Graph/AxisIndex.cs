using System.Diagnostics.CodeAnalysis;

namespace Engine.Graph;

/// <summary>
/// Describes the index of one axis in an index expression, <c>x[1]</c> or <c>x[.., ^1]</c>. It is a single index, which
/// drops the axis, a range as in C#, with all its elements or every nth, or an array of indices.
/// </summary>
public readonly struct AxisIndex
{
    private AxisIndex(AxisIndexKind kind) => Kind = kind;

    /// <summary>Gets the index that stands for all axes without another index: NumPy's <c>...</c>.</summary>
    public static AxisIndex Ellipsis => new(AxisIndexKind.Ellipsis);

    /// <summary>Gets the index for an array of indices that is given elsewhere.</summary>
    internal static AxisIndex Array => new(AxisIndexKind.Array);

    internal AxisIndexKind Kind { get; }

    internal Range Range { get; private init; }

    internal int Step { get; private init; }

    internal Variable? Indices { get; private init; }

    /// <summary>Returns a single index; a negative one counts from the end, as ^1 does.</summary>
    public static implicit operator AxisIndex(int index) => TensorIndex.ToIndex(index);

    /// <summary>Returns a single index.</summary>
    public static implicit operator AxisIndex(Index index) =>
        new(AxisIndexKind.Point) { Range = index..index, Step = 1 };

    /// <summary>Returns a range of indices, from its start up to, not including, its end.</summary>
    public static implicit operator AxisIndex(Range range) => (range, 1);

    /// <summary>
    /// Returns every nth index of a range: <c>(.., 2)</c> every second, <c>(.., -1)</c> all of them from the last to
    /// the first.
    /// </summary>
    /// <exception cref="EngineException">The step is 0.</exception>
    public static implicit operator AxisIndex((Range Range, int Step) range) => range.Step != 0
        ? new(AxisIndexKind.Range) { Range = range.Range, Step = range.Step }
        : throw new EngineException($"An index expression has the step 0: it would never end.{Origin.Current}");

    /// <summary>
    /// Returns an array of indices, int32; the arrays of several axes are broadcast together. Negative indices count
    /// from the end. A constant array of bools is a mask for as many axes as it has: it selects the elements where it
    /// is true.
    /// </summary>
    public static implicit operator AxisIndex(Variable indices) => new(AxisIndexKind.Array) { Indices = indices };

    /// <summary>Returns a vector of indices.</summary>
    public static implicit operator AxisIndex(int[] indices) => new Constant(Tensor.From(indices));

    /// <summary>Returns the indices where a mask is true.</summary>
    public static implicit operator AxisIndex(bool[] mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        return new Constant(Tensor.From(mask));
    }
}

internal enum AxisIndexKind
{
    Point,
    Range,
    Array,
    Ellipsis,
}

/// <summary>
/// Makes ops of index expressions and converts the inputs of ops. Ops depends on Graph, not the reverse, so a variable
/// knows only this base class of the implementation (<see cref="IndexerAttribute"/>).
/// </summary>
internal abstract class Indexer
{
    /// <summary>Returns the part of x that an index expression selects.</summary>
    public abstract Variable Part(Variable x, ReadOnlySpan<AxisIndex> indices);

    /// <summary>Returns x converted to float32, for ops that do not read numbers of 16 bits.</summary>
    public abstract Variable Widened(Variable x);
}

/// <summary>Names the assembly's <see cref="Indexer"/>.</summary>
[AttributeUsage(AttributeTargets.Assembly)]
internal sealed class IndexerAttribute(
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)] Type type) : Attribute
{
    [DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicParameterlessConstructor)]
    public Type Type { get; } = type;
}
