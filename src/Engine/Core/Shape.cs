using System.Collections;
using System.Globalization;
using System.Numerics;
using System.Runtime.CompilerServices;

namespace Engine;

/// <summary>
/// Represents the dimensions of a tensor, outermost first: an immutable list of integers with value equality. A
/// dimension of <see cref="Unknown"/> is not known yet. It is also used for lists of axes and strides.
/// </summary>
[CollectionBuilder(typeof(Shape), nameof(Create))]
public readonly struct Shape : IEquatable<Shape>, IReadOnlyList<int>
{
    /// <summary>Represents a dimension that is only known when the function is called.</summary>
    public const int Unknown = -1;

    /// <summary>
    /// Represents the most elements of a tensor or of a value in a graph. Indices are 32-bit numbers, also on GPUs;
    /// kernels may go beyond the last element by a tile, a grid or a window, for which there is room up to 2³¹.
    /// </summary>
    public const int MaxElements = 2_000_000_000;

    private readonly int[]? _dimensions;

    /// <summary>
    /// Creates a shape of these dimensions: <c>new Shape(2, 3)</c>, or with a collection expression <c>[2, 3]</c>.
    /// </summary>
    public Shape(params ReadOnlySpan<int> dimensions) => _dimensions = dimensions.ToArray();

    /// <summary>Gets the shape of a scalar, which has no dimensions.</summary>
    public static Shape Scalar => default;

    /// <summary>Creates a shape of these dimensions.</summary>
    public static Shape Create(params ReadOnlySpan<int> dimensions) => new(dimensions);

    /// <summary>Returns a shape of <paramref name="rank"/> unknown dimensions.</summary>
    public static Shape OfRank(int rank)
    {
        var dimensions = new int[rank];
        Array.Fill(dimensions, Unknown);
        return new Shape(dimensions);
    }

    /// <summary>Gets the number of dimensions.</summary>
    public int Rank => _dimensions?.Length ?? 0;

    int IReadOnlyCollection<int>.Count => Rank;

    /// <summary>Gets the dimensions as a span.</summary>
    public ReadOnlySpan<int> Dimensions => _dimensions;

    /// <summary>Gets one dimension; a negative index counts from the innermost, -1.</summary>
    /// <exception cref="EngineException">There is no such dimension.</exception>
    public int this[int index] => (uint)index < (uint)Rank ? Dimensions[index] : Dimensions[AxisOf(index)];

    /// <summary>Gets whether every dimension is known.</summary>
    public bool IsKnown => !Dimensions.Contains(Unknown);

    /// <summary>Gets the number of elements.</summary>
    /// <exception cref="InvalidOperationException">A dimension is unknown.</exception>
    /// <exception cref="EngineException">There are too many elements to count.</exception>
    public long Count
    {
        get
        {
            if (!IsKnown)
            {
                throw new InvalidOperationException($"The shape {this} has an unknown dimension.");
            }

            Int128 count = Int128.One;
            foreach (int dimension in Dimensions)
            {
                if (dimension == 0)
                {
                    return 0;
                }

                count = Int128.Min(count * dimension, long.MaxValue + Int128.One);
            }

            return count <= long.MaxValue ? (long)count : throw new EngineException($"{TooLarge()}.");
        }
    }

    /// <summary>
    /// Gets why no array can have this shape, in a clause; null if one can. Dimensions must not be negative unless they
    /// are unknown. The product of the other dimensions, each 0 counted as 1, must be at most
    /// <see cref="MaxElements"/>; then the product of any of the dimensions fits 32 bits.
    /// </summary>
    internal string? Problem
    {
        get
        {
            long min = 1;
            foreach (int dimension in Dimensions)
            {
                min *= dimension < Unknown ? 0 : Math.Max(dimension, 1);
                if (min is 0 or > MaxElements)
                {
                    return min == 0 ? $"{this} has a negative dimension" : TooLarge();
                }
            }

            return null;
        }
    }

    private string TooLarge()
    {
        BigInteger elements = Dimensions.ToArray()
            .Aggregate(BigInteger.One, (product, dimension) => product * Math.Max(dimension, 1));
        return FormattableString.Invariant(
            $"{this} would be {elements:N0} elements, and {MaxElements:N0} is the most that an array has");
    }

    /// <summary>
    /// Returns the product of the dimensions from <paramref name="start"/> up to, not including,
    /// <paramref name="end"/>.
    /// </summary>
    public int Product(int start, int end)
    {
        int product = 1;
        for (int i = start; i < end; i++)
        {
            product = checked(product * Dimensions[i]);
        }

        return product;
    }

    /// <summary>Returns, for each dimension, the distance in elements between neighbors along it, in C order.</summary>
    public int[] Strides()
    {
        var strides = new int[Rank];
        int step = 1;
        for (int i = Rank - 1; i >= 0; i--)
        {
            strides[i] = step;
            step *= Dimensions[i];
        }

        return strides;
    }

    /// <summary>Returns the index of an element that is counted in C order.</summary>
    internal int[] IndexOf(int element)
    {
        var index = new int[Rank];
        for (int axis = Rank - 1; axis >= 0; axis--)
        {
            (element, index[axis]) = Math.DivRem(element, Dimensions[axis]);
        }

        return index;
    }

    /// <summary>Returns whether a tensor of shape <paramref name="actual"/> fits a declaration of this shape.</summary>
    public bool Admits(Shape actual)
    {
        if (actual.Rank != Rank)
        {
            return false;
        }

        for (int i = 0; i < Rank; i++)
        {
            if (Dimensions[i] != actual.Dimensions[i] && Dimensions[i] != Unknown && actual.Dimensions[i] != Unknown)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>
    /// Returns this shape with dimension <paramref name="axis"/> replaced; a negative axis counts from the innermost,
    /// -1.
    /// </summary>
    /// <exception cref="EngineException">There is no such dimension.</exception>
    public Shape With(int axis, int dimension)
    {
        int[] dimensions = [.. Dimensions];
        dimensions[AxisOf(axis)] = dimension;
        return new Shape(dimensions);
    }

    private int AxisOf(int index) => index >= -Rank && index < Rank
        ? index < 0 ? index + Rank : index
        : throw new EngineException(Rank == 0
            ? InvariantText.Of($"A scalar has no dimensions, and so no dimension {index}.")
            : InvariantText.Of(
                $"The shape {this} has no dimension {index}: they go from 0 to {Rank - 1}, or from -{Rank} to -1."));

    /// <inheritdoc/>
    public bool Equals(Shape other) => Dimensions.SequenceEqual(other.Dimensions);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Shape other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (int dimension in Dimensions)
        {
            hash.Add(dimension);
        }

        return hash.ToHashCode();
    }

    /// <summary>Returns whether two shapes have the same dimensions.</summary>
    public static bool operator ==(Shape left, Shape right) => left.Equals(right);

    /// <summary>Returns whether two shapes differ.</summary>
    public static bool operator !=(Shape left, Shape right) => !left.Equals(right);

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => ((IEnumerable<int>)(_dimensions ?? [])).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Returns the dimensions in brackets, unknown ones as <c>?</c>: <c>(?, 1, 32, 32)</c>.</summary>
    public override string ToString() =>
        $"({string.Join(", ", this.Select(dimension => dimension == Unknown ? "?" : dimension.ToString(CultureInfo.InvariantCulture)))})";
}
